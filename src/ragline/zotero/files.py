"""The files of attachments: fetched from Zotero, or from our own store where they are known."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from ragline.bootstrap import Runtime
from ragline.errors import NotFound, TemporaryProviderError
from ragline.models import Document, ZoteroItem
from ragline.providers.contracts import ReferenceLibrary
from ragline.zotero.asking import Asking
from ragline.zotero.judging import name_of

TRIES = 3


class Damaged(TemporaryProviderError):
    """A file is not what the library says it is, however often it is asked for."""


def fetch(
    runtime: Runtime, ask: Asking, row: ZoteroItem, document: Document | None, held: ExitStack
) -> Path:
    """Return where an attachment's file is, until the stack is left.

    It has the MD5 that the library gives. What is stored already is not fetched again. Raises
    `NotFound` where Zotero does not hold it, `TooLarge`, or `Damaged`.
    """
    wanted = str((row.data or {})["md5"])
    known = _stored(runtime, document, held) if document and row.md5 == wanted else None
    if known is not None and _md5(known) == wanted:
        return known
    path = Path(held.enter_context(TemporaryDirectory(prefix="ragline-zotero-"))) / "file"
    for _ in range(TRIES):
        _download(runtime, ask, row, path)
        if _md5(path) == wanted:
            return path
    raise Damaged(f"{name_of(row)} is not the file that the library describes.")


def _stored(runtime: Runtime, document: Document, held: ExitStack) -> Path | None:
    try:
        return held.enter_context(runtime.blobs.local(document.content_hash))
    except NotFound:
        return None


def _download(runtime: Runtime, ask: Asking, row: ZoteroItem, path: Path) -> None:
    most = runtime.settings.max_upload_bytes

    def download(zotero: ReferenceLibrary) -> None:
        with path.open("w+b") as file:
            zotero.download(row.key, name_of(row), file, most_bytes=most)

    ask(download)


def _md5(path: Path) -> str:
    """Return the hash that Zotero names files by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
