"""What Zotero's refusals mean for a job: try again, or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ragline.errors import PermanentProviderError, RaglineError, TemporaryProviderError
from ragline.providers.llms.server_errors import retry_after

# A locked library (409) and what stands before a server come and go.
TEMPORARY_STATUS: Final = frozenset({408, 409, 425, 429})
LONGEST_DETAIL = 300
MOST_SECONDS = 24 * 3600.0

_ADVICE = {
    401: "Zotero does not accept the API key of {library}. Give the connection a valid one.",
    403: "Zotero does not let this API key, or anybody without one, do this in {library}. Give "
    "the connection a key that may read the library and its notes, and write to it for notes.",
    404: "Zotero knows no library {library}, or not what was asked of it. Check its number.",
    413: "Zotero takes no text as long as this one. Ask for a shorter note.",
    429: "Zotero limits its calls. It is asked again later.",
}
_OTHERWISE = "Zotero refused a request for {library} with status {status}."
_OVERLOADED = "Zotero failed with status {status}. It is asked again later."


class Refused(Exception):
    """An answer with a status that is no success."""

    def __init__(
        self, status: int, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def translated(refused: Refused, library: str, key: str) -> RaglineError:
    """Return our error for a refusal; its message never holds the key."""
    status = refused.status
    is_temporary = status in TEMPORARY_STATUS or status >= 500
    fallback = _OVERLOADED if is_temporary else _OTHERWISE
    message = _ADVICE.get(status, fallback).format(library=library, status=status)
    detail = " ".join(refused.detail.split())
    if key:
        detail = detail.replace(key, "[key]")
    if detail and "<" not in detail:
        message += f" It says: {detail[:LONGEST_DETAIL]}"
    if is_temporary:
        asked = retry_after(refused.headers) or seconds_of(refused.headers.get("Backoff"))
        return TemporaryProviderError(message, retry_after=asked or None)
    return PermanentProviderError(message)


def seconds_of(header: str | None) -> float:
    """Return the seconds that a `Backoff` header asks for; 0 without a number."""
    try:
        seconds = float(header or 0)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds <= MOST_SECONDS else 0.0
