"""Libraries of Zotero's Web API, version 3.

Sources: https://www.zotero.org/support/dev/web_api/v3/basics, …/syncing and …/write_requests.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar

import httpx2
from pyzotero import Zotero
from pyzotero.errors import PyZoteroError

from ragline.errors import (
    Conflict,
    NotFound,
    PermanentProviderError,
    RaglineError,
    TemporaryProviderError,
    TooLarge,
)
from ragline.providers.contracts import LibraryChanges
from ragline.providers.libraries import zotero_errors, zotero_files
from ragline.settings import Settings

CONFLICT, GONE, NOT_MODIFIED, OUTDATED = 409, 404, 304, 412
KEYS_AT_ONCE = 50
COLLECTIONS_AT_ONCE = 100
CHUNK_BYTES = 65536
# A server that lets a file drip keeps nobody longer than this many times its longest silence.
DOWNLOAD_FACTOR = 10

T = TypeVar("T")
_KEY = re.compile("[A-Z0-9]{8}")


class ZoteroWebLibrary:
    """Asks Zotero through `pyzotero`, which neither waits nor tries again here.

    How long to wait is the caller's to know: `rest` says it beside an answer, `retry_after`
    beside a refusal.
    """

    provider = "zotero"

    def __init__(self, settings: Settings, library: str, api_key: str | None) -> None:
        """Take a library as `users/123` or `groups/45`; the address is the settings'."""
        kind, _, number = library.partition("/")
        self._library = library
        self._seconds = settings.zotero_timeout_seconds
        self._base_url = settings.zotero_base_url
        self._answer: httpx2.Response | None = None
        self._client = httpx2.Client(
            timeout=self._seconds,
            # An answer leads elsewhere for files alone.
            follow_redirects=False,
            trust_env=self._base_url.startswith("https:"),
            verify=self._base_url.startswith("https:"),
            event_hooks={"response": [self._look_at]},
        )
        self._zotero = Zotero(number, kind.removesuffix("s"), api_key, client=self._client)
        self._zotero.endpoint = self._base_url
        self.rest = 0.0

    def changes(self, *, since: int) -> LibraryChanges | None:
        """Return keys and versions changed since one; None for status 304."""
        headers = {"If-Modified-Since-Version": str(since)} if since else {}
        try:
            with self._headers(headers):
                found = self._ask(
                    lambda: self._zotero.item_versions(since=since, includeTrashed=1), dict
                )
        except zotero_errors.Refused as refused:
            if refused.status == NOT_MODIFIED:
                return None
            raise self._error(refused) from refused
        # A key becomes part of addresses.
        keys = [key for key in found if _KEY.fullmatch(str(key))]
        return LibraryChanges(self._version(), {key: int(found[key]) for key in keys})

    def removed(self, *, since: int) -> list[str] | None:
        """Return the keys in the log of deletions; None for status 409: it begins later."""
        try:
            found = self._ask(lambda: self._zotero.deleted(since=since), dict)
        except zotero_errors.Refused as refused:
            if refused.status == CONFLICT:
                return None
            raise self._error(refused) from refused
        return [str(key) for key in found.get("items", [])]

    def items(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return the items of these keys."""
        if len(keys) > KEYS_AT_ONCE:
            raise ValueError(f"Zotero gives at most {KEYS_AT_ONCE} items at once.")
        wanted = ",".join(keys)
        return self._read(
            lambda: self._zotero.items(itemKey=wanted, includeTrashed=1, limit=KEYS_AT_ONCE)
        )

    def item(self, key: str) -> dict[str, Any] | None:
        """Return an item; None for status 404."""
        try:
            return dict(self._ask(lambda: self._zotero.item(key), dict))
        except zotero_errors.Refused as refused:
            if refused.status == GONE:
                return None
            raise self._error(refused) from refused

    def collections(self, *, start: int) -> tuple[list[dict[str, Any]], int]:
        """Return a page of collections, and the number in `Total-Results`."""
        page = self._read(lambda: self._zotero.collections(start=start, limit=COLLECTIONS_AT_ONCE))
        total = self._answer.headers.get("Total-Results", "") if self._answer else ""
        return page, int(total) if total.isdigit() else start + len(page)

    def download(self, key: str, filename: str, into: BinaryIO, *, most_bytes: int) -> None:
        """Stream an attachment's file, which is kept elsewhere and led to."""
        deadline = time.monotonic() + DOWNLOAD_FACTOR * self._seconds
        url = f"{self._base_url.rstrip('/')}/{self._library}/items/{key}/file"
        began = into.tell()
        try:
            with self._ours(), self._streamed(url) as response:
                length = 0
                for piece in response.iter_bytes(CHUNK_BYTES):
                    length += len(piece)
                    if length > most_bytes:
                        raise TooLarge(f"The file has more than {most_bytes} bytes.")
                    if time.monotonic() > deadline:
                        raise TemporaryProviderError("Zotero sends a file too slowly.")
                    into.write(piece)
                packed = zotero_files.is_packed(response)
        except zotero_errors.Refused as refused:
            if refused.status == GONE:
                raise NotFound("Zotero's storage does not hold this file.") from None
            raise self._error(refused) from refused
        if packed:
            zotero_files.unpack(into, began, filename, most_bytes=most_bytes)

    def write(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Write an item by a request of its own; its key and version make it safe to repeat."""
        try:
            answer = self._ask(lambda: self._zotero.create_items([dict(item)]), dict)
        except zotero_errors.Refused as refused:
            if refused.status == OUTDATED:
                raise Conflict("The library holds another version of this item.") from None
            raise self._error(refused) from refused
        for failure in dict(answer.get("failed") or {}).values():
            if failure.get("code") == OUTDATED:
                raise Conflict("The library holds another version of this item.")
            raise self._error(
                zotero_errors.Refused(int(failure.get("code", 0)), str(failure.get("message", "")))
            )
        for written in dict(answer.get("successful") or {}).values():
            return dict(written)
        # Unchanged: what is there is what was to be written.
        return {**self._shell(item), "version": item["version"]}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @staticmethod
    def _shell(item: Mapping[str, Any]) -> dict[str, Any]:
        return {"key": item["key"], "data": dict(item)}

    def _read(self, call: Callable[[], Any]) -> list[dict[str, Any]]:
        try:
            return [dict(each) for each in self._ask(call, list)]
        except zotero_errors.Refused as refused:
            raise self._error(refused) from refused

    def _ask(self, call: Callable[[], Any], kind: type[T]) -> T:
        """Return what a call gives; raise `Refused` for a status that is no success."""
        self.rest, self._zotero.backoff_until = 0.0, 0.0
        with self._ours():
            found = call()
        # It would sleep before its next call, deaf to the end of this process.
        self._zotero.backoff_until = 0.0
        if not isinstance(found, kind):
            raise TemporaryProviderError("Zotero gave an answer that is none. It is asked again.")
        return found

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Turn what goes wrong in a call into our errors."""
        try:
            yield
        except (RaglineError, zotero_errors.Refused):
            raise
        except httpx2.TimeoutException:
            raise TemporaryProviderError(
                f"Zotero did not answer within {self._seconds:g} s. It is asked again later."
            ) from None
        except httpx2.HTTPError as error:
            raise TemporaryProviderError(
                f"The exchange with Zotero broke off ({type(error).__name__}). It is asked again "
                "later; check that RAGLINE_ZOTERO_BASE_URL is its address."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TemporaryProviderError(
                "Zotero gave an answer that cannot be read. It is asked again later."
            ) from None
        except PyZoteroError as error:
            raise PermanentProviderError(
                f"Zotero could not be asked ({type(error).__name__})."
            ) from None

    @contextmanager
    def _headers(self, headers: Mapping[str, str]) -> Iterator[None]:
        self._client.headers.update(headers)
        try:
            yield
        finally:
            for name in headers:
                self._client.headers.pop(name, None)

    @contextmanager
    def _streamed(self, url: str) -> Iterator[httpx2.Response]:
        self.rest = 0.0
        request = self._client.build_request("GET", url, headers=self._zotero.default_headers())
        # The key is dropped where the file is kept by another host.
        response = self._client.send(request, stream=True, follow_redirects=True)
        try:
            yield response
        finally:
            response.close()

    def _look_at(self, response: httpx2.Response) -> None:
        """Refuse what is no success, before `pyzotero` waits and tries again by itself."""
        self._answer = response
        self.rest = max(self.rest, zotero_errors.seconds_of(response.headers.get("Backoff")))
        if response.is_success or response.has_redirect_location:
            return
        detail = ""
        if response.status_code != NOT_MODIFIED:
            response.read()
            detail = response.text
        raise zotero_errors.Refused(response.status_code, detail, response.headers)

    def _version(self) -> int:
        header = self._answer.headers.get("Last-Modified-Version", "") if self._answer else ""
        if not header.isdigit():
            raise TemporaryProviderError("Zotero did not tell the library's version.")
        return int(header)

    def _error(self, refused: zotero_errors.Refused) -> RaglineError:
        key = self._zotero.api_key
        return zotero_errors.translated(refused, self._library, key or "")
