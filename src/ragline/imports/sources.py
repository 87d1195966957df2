"""What every source of an import gives: items that become documents, and named warnings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MOST_IDENTITY = 500
"""Characters of an identity: it becomes the document's `external_id`."""


@dataclass(frozen=True, slots=True)
class Item:
    """A document to be: what it is known by at its source, and how to read its content.

    `identity` is the same each time the source is imported. `open` gives the content from its
    beginning, as often as it is called. `stands_in` marks a text that takes the place of a file
    that is missing: it never replaces a document that has its file.
    """

    identity: str
    name: str
    open: Callable[[], BinaryIO]
    title: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media_type: str | None = None
    stands_in: bool = False


@dataclass(frozen=True, slots=True)
class ItemWarning:
    """What an owner should know of one item; the import goes on without it, or with less of it.

    Codes: `missing-file`, `nothing-to-read`, `unreadable-type`, `refused-entry`,
    `duplicate`, `unreadable-reference`, `ragged-row`, `empty-row`, `metadata-cut`.
    """

    code: str
    message: str
    item: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the warning as jobs keep it."""
        plain = {"code": self.code, "message": self.message}
        return plain if self.item is None else {**plain, "item": self.item}


def short_identity(text: str) -> str:
    """Return an identity that fits; a longer one ends with its hash instead of its end."""
    if len(text) <= MOST_IDENTITY:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[: MOST_IDENTITY - len(digest) - 1]}#{digest}"
