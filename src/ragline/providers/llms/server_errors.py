"""What the failures of a model server mean for a job: try again, or not."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx2

from ragline.errors import PermanentProviderError, ProviderError, TemporaryProviderError

TEMPORARY_STATUS: Final = frozenset({408, 409, 425, 429})
LONGEST_DETAIL = 300
SHORTEST_SECRET = 4

_SMALLER = (
    "If the passages are too long for it, ask with a smaller limit; "
    "else check that {place.model_setting} names a chat model."
)
_ADVICE = {
    400: f"The model server refused the request. {_SMALLER}",
    401: "The model server does not accept the API key. Set {place.key_setting} to a valid one.",
    403: "The API key may not use the model {model!r}. Allow it at the provider, or set "
    "{place.model_setting} to a model that the key may use.",
    404: "The model server does not know the model {model!r}, or this is not its address. "
    "Check {place.model_setting} and {place.url_setting}{place.url_hint}.",
    413: "The request is too large for the model server. Ask with a smaller limit.",
    422: f"The model server refused the request. {_SMALLER}",
    429: "The model server limits its calls, or the account has no credit left. It is asked "
    "again later; for good, raise the limit at the provider.",
}
_OTHERWISE = "The model server refused the request with status {status}. Check its logs."
_OVERLOADED = "The model server failed with status {status}. It is asked again later."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model is asked, within how many seconds, and the settings that say so.

    The key never shows: neither here nor in an error.
    """

    url: str
    key: str
    seconds: float
    url_setting: str
    key_setting: str
    model_setting: str
    seconds_setting: str
    url_hint: str = ""

    def __repr__(self) -> str:
        """Return the address without the key and without a password in the URL."""
        return f"Place({httpx2.URL(self.url).copy_with(userinfo=b'')})"


class Unusable(Exception):
    """An answer came that cannot be used; `status` is the error that it is or reports within."""

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def translated(error: Exception, place: Place, *, model: str) -> ProviderError:
    """Return our error for what went wrong with a call; its message never holds the key."""
    if isinstance(error, Unusable) and error.status:
        return by_status(error, place, model=model)
    if isinstance(error, Unusable):
        said = f" It says: {shown(error.detail, place.key)}" if error.detail else ""
        return TemporaryProviderError(f"{error} It is asked again later.{said}")
    if isinstance(error, httpx2.TimeoutException):
        return TemporaryProviderError(
            f"The model server did not answer within {place.seconds:g} s. It is asked again later; "
            f"for good, raise {place.seconds_setting} or use a faster model."
        )
    kind = type(error).__name__
    if isinstance(error, httpx2.HTTPError):
        return TemporaryProviderError(
            f"The exchange with the model server broke off ({kind}). It is asked again later; "
            f"check that it runs and that {place.url_setting} is its address."
        )
    return PermanentProviderError(
        f"The model server could not be asked ({kind}). Check {place.url_setting} and "
        f"{place.key_setting}."
    )


def by_status(error: Unusable, place: Place, *, model: str) -> ProviderError:
    """Return the error for an HTTP status: what happened, what to do, what the server says."""
    status = error.status or 0
    is_temporary = status in TEMPORARY_STATUS or status >= 500
    fallback = _OVERLOADED if is_temporary else _OTHERWISE
    message = _ADVICE.get(status, fallback).format(model=model, status=status, place=place)
    detail = shown(error.detail, place.key)
    # A server that does not accept a key may repeat parts of it.
    if detail and status != 401:
        message += f" It says: {detail}"
    if is_temporary:
        return TemporaryProviderError(message, retry_after=retry_after(error.headers))
    return PermanentProviderError(message)


def reported(error: object) -> Unusable:
    """Return the failure that a server reports inside an answer with status 200."""
    code = error.get("code") if isinstance(error, Mapping) else None
    status = int(code) if isinstance(code, int | float) and 400 <= code <= 599 else None
    return Unusable("The model server gave no answer.", status=status, detail=detail_of(error))


def detail_of(error: object) -> str:
    """Return a server's own words on one line; nothing where it gives none."""
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail")
    return " ".join(error.split()) if isinstance(error, str) else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds (≥ 0) that a `Retry-After` header asks to wait; None without one.

    Source: RFC 9110, section 10.2.3; OpenAI adds `retry-after-ms`.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return _until(headers.get("retry-after", ""))


def _until(date: str) -> float | None:
    """Return the seconds from now to an HTTP date; None where it is none."""
    parts = email.utils.parsedate_tz(date)
    try:
        return max(0.0, email.utils.mktime_tz(parts) - time.time()) if parts else None
    except (ValueError, OverflowError):
        return None


def shown(detail: str, key: str) -> str:
    """Return a server's words without the key, which goes before any cut could divide it."""
    line = detail.replace(key, "[key]") if len(key) >= SHORTEST_SECRET else detail
    return line if len(line) <= LONGEST_DETAIL else f"{line[:LONGEST_DETAIL]}…"
