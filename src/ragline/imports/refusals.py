"""Why an import is refused as a whole."""

from __future__ import annotations

from ragline.errors import InvalidInput


class UnsafeArchive(InvalidInput):
    """The archive is damaged, or holds what no honest one does."""

    slug = "unsafe-archive"
    title = "Unsafe archive"


class ArchiveLimit(InvalidInput):
    """The archive is larger, denser or deeper than this server unpacks."""

    slug = "archive-limit"
    title = "Archive over a limit"
