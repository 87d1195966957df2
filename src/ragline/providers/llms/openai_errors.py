"""What the failures of an OpenAI-compatible server mean for a job: try again, or not."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from typing import Final

import httpx2
import openai

from ragline.errors import PermanentProviderError, ProviderError, TemporaryProviderError

TEMPORARY_STATUS: Final = frozenset({408, 409, 425, 429})
TIMED_OUT: Final = (openai.APITimeoutError, httpx2.TimeoutException)
# What httpx2 raises itself comes from reading a body, which the SDK leaves to the caller.
BROKEN: Final = (
    openai.APIConnectionError,
    openai.APIResponseValidationError,
    httpx2.HTTPError,
)
LONGEST_DETAIL = 300
SHORTEST_SECRET = 4

_SMALLER = (
    "If the passages are too long for it, ask with a smaller limit; "
    "else check that RAGLINE_OPENAI_MODEL names a chat model."
)
_ADVICE = {
    400: f"The model server refused the request. {_SMALLER}",
    401: "The model server does not accept the API key. Set RAGLINE_OPENAI_API_KEY to a valid one.",
    403: "The API key may not use the model {model!r}. Allow it at the provider, or set "
    "RAGLINE_OPENAI_MODEL to a model that the key may use.",
    404: "The model server does not know the model {model!r}, or this is not its address. "
    "Check RAGLINE_OPENAI_MODEL and RAGLINE_OPENAI_BASE_URL, which usually ends in /v1.",
    413: "The request is too large for the model server. Ask with a smaller limit.",
    422: f"The model server refused the request. {_SMALLER}",
    429: "The model server limits its calls, or the account has no credit left. It is asked "
    "again later; for good, raise the limit at the provider.",
}
_OTHERWISE = "The model server refused the request with status {status}. Check its logs."
_OVERLOADED = "The model server failed with status {status}. It is asked again later."


class Unusable(Exception):
    """An answer came that cannot be used; `status` is the error that it reports within."""

    def __init__(self, message: str, *, status: int | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


def translated(error: Exception, *, key: str, model: str, timeout: float) -> ProviderError:
    """Return our error for a vendor's; its message never holds the key."""
    if isinstance(error, openai.APIStatusError):
        detail = _shown(detail_of(error.body), key)
        return by_status(error.status_code, detail, model=model, headers=error.response.headers)
    if isinstance(error, Unusable) and error.status:
        return by_status(error.status, _shown(error.detail, key), model=model)
    if isinstance(error, Unusable):
        return TemporaryProviderError(f"{error} It is asked again later.")
    return _by_kind(error, timeout)


def by_status(
    status: int, detail: str, *, model: str, headers: Mapping[str, str] | None = None
) -> ProviderError:
    """Return the error for an HTTP status: what happened, what to do, what the server says."""
    is_temporary = status in TEMPORARY_STATUS or status >= 500
    fallback = _OVERLOADED if is_temporary else _OTHERWISE
    message = _ADVICE.get(status, fallback).format(model=model, status=status)
    # A server that does not accept a key may repeat parts of it.
    if detail and status != 401:
        message += f" It says: {detail}"
    if is_temporary:
        return TemporaryProviderError(message, retry_after=retry_after(headers or {}))
    return PermanentProviderError(message)


def _by_kind(error: Exception, timeout: float) -> ProviderError:
    """Return the error for a failure that came without an answer."""
    if isinstance(error, TIMED_OUT):
        return TemporaryProviderError(
            f"The model server did not answer within {timeout:g} s. It is asked again later; "
            "for good, raise RAGLINE_OPENAI_TIMEOUT_SECONDS or use a faster model."
        )
    kind = type(error).__name__
    if isinstance(error, BROKEN):
        return TemporaryProviderError(
            f"The exchange with the model server broke off ({kind}). It is asked again later; "
            "check that it runs and that RAGLINE_OPENAI_BASE_URL is its address."
        )
    return PermanentProviderError(
        f"The model server could not be asked ({kind}). Check RAGLINE_OPENAI_BASE_URL and "
        "RAGLINE_OPENAI_API_KEY, and that the question is plain text."
    )


def detail_of(body: object) -> str:
    """Return a server's own words on one line; nothing where it gives none."""
    words = body.get("message") if isinstance(body, Mapping) else None
    return " ".join(words.split()) if isinstance(words, str) else ""


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


def _shown(detail: str, key: str) -> str:
    """Return a server's words without the key, which goes before any cut could divide it."""
    line = detail.replace(key, "[key]") if len(key) >= SHORTEST_SECRET else detail
    return line if len(line) <= LONGEST_DETAIL else f"{line[:LONGEST_DETAIL]}…"
