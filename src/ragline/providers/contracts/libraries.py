"""Libraries of references on other servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class LibraryChanges:
    """Keys of the items that changed since a version, with their own, and the library's now."""

    version: int
    items: Mapping[str, int]


class ReferenceLibrary(Protocol):
    """Works and their files that another service keeps for its users, such as Zotero.

    Every change raises the library's version. Items are Zotero's JSON: `key`, `version`, `data`.
    `provider` is the name under which calls are limited; `rest` is for how many seconds the
    service asked, beside its last answer, not to be called. A call is tried once. It raises
    `TemporaryProviderError` where a retry may help, else `PermanentProviderError`.
    """

    provider: str
    rest: float

    def changes(self, *, since: int) -> LibraryChanges | None:
        """Return what changed since a version, trash included; None where nothing did."""
        ...

    def removed(self, *, since: int) -> list[str] | None:
        """Return keys removed for good since a version; None where nobody remembers so long."""
        ...

    def items(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return up to 50 items, trash included; those that are gone are left out."""
        ...

    def item(self, key: str) -> dict[str, Any] | None:
        """Return an item, or None where there is none of this key."""
        ...

    def collections(self, *, start: int) -> tuple[list[dict[str, Any]], int]:
        """Return up to 100 collections from a place counted from 0, and how many there are."""
        ...

    def download(self, key: str, filename: str, into: BinaryIO, *, most_bytes: int) -> None:
        """Write the file of an attachment, out of its archive if it is sent in one.

        Raises `NotFound` where the service has no such file, `TooLarge` beyond so many bytes.
        """
        ...

    def write(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Write an item's fields and return it as it is kept.

        `version` 0 stands for an item that must not be there yet. Raises `Conflict` where it is
        there, or changed since the given version.
        """
        ...

    def close(self) -> None:
        """Release connections; closing twice is allowed."""
        ...
