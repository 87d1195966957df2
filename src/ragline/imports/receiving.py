"""What an import is given: files that are kept and looked through, or a folder."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.errors import (
    InvalidInput,
    LimitExceeded,
    RaglineError,
    UnreadableFile,
    UnsupportedMediaType,
)
from ragline.imports import archives, folders
from ragline.imports.kinds import HEAD_BYTES, Kind, kind_of
from ragline.imports.pool import Inputs, PoolFile
from ragline.imports.refusals import ArchiveLimit, UnsafeArchive
from ragline.imports.scratch import child_limits, scratch_folder
from ragline.imports.tables import Columns
from ragline.ingestion.files import remove_file
from ragline.models import ImportFile

UPLOAD, LISTING, MANIFEST = "upload", "listing", "manifest"
"""What an import's files are for."""


@dataclass(frozen=True, slots=True)
class Given:
    """A file of a request: its relative path, and its content."""

    path: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Options:
    """What an import's sender says about it; `prefix` stands before every identity."""

    text_column: str | None = None
    id_column: str | None = None
    title_column: str | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that an import keeps until all is taken."""

    role: str
    name: str
    blob: Blob
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Received:
    """What an import is made from; `source` is what is kept of it, without the files."""

    source: Mapping[str, Any]
    files: Sequence[StoredFile]

    def rows(self, job_id: str) -> list[ImportFile]:
        """Return the rows of the files."""
        return [
            ImportFile(
                job_id=job_id,
                number=number,
                role=file.role,
                name=file.name[:500],
                content_hash=file.blob.content_hash,
                size_bytes=file.blob.size,
            )
            for number, file in enumerate(self.files)
        ]


def receive_folder(runtime: Runtime, folder: str, options: Options) -> Received:
    """Return a folder of the server, if the operator allows it; its files are read later."""
    real = folders.allowed_folder(folder, runtime.settings.import_roots)
    return Received({"folder": str(real), "options": asdict(options)}, [])


def receive_files(runtime: Runtime, given: Sequence[Given], options: Options) -> Received:
    """Keep files and look through the archives among them; nothing is kept of what is refused.

    Raises:
        UnsafeArchive: an archive is damaged, or is not to be trusted.
        ArchiveLimit: an archive holds more than the limits allow.
        UnsupportedMediaType: the only file there is, is nothing that can be imported.
        InvalidInput: there is nothing in it.
    """
    kept: list[StoredFile] = []
    try:
        pool = [file for each in given for file in _received(runtime, each, kept)]
        if len(given) == 1:
            _refuse_nothing(given[0], pool)
        listing = json.dumps([_as_json(file) for file in _apart(pool)]).encode()
        stored = runtime.blobs.store(io.BytesIO(listing))
        kept.append(StoredFile(LISTING, LISTING, stored, io.BytesIO(listing)))
    except BaseException:
        forget(runtime, kept)
        raise
    names = [file.name for file in kept if file.role == UPLOAD]
    return Received({"files": names, "options": asdict(options)}, kept)


def forget(runtime: Runtime, files: Sequence[StoredFile]) -> None:
    """Remove files that were kept for nothing."""
    for file in files:
        with suppress(RaglineError, OSError):  # the clean-up finds what stays
            remove_file(runtime, file.blob.content_hash)


@contextmanager
def inputs_of(
    runtime: Runtime, source: Mapping[str, Any], files: Mapping[str, Sequence[str]]
) -> Iterator[Inputs]:
    """Give what a manifest is made from, with the files on this machine until the block ends.

    `files` are hashes by what they are for.
    """
    options, products = Options(**source["options"]), bool(source.get("products"))
    columns = Columns(options.text_column, options.id_column, options.title_column)
    if "folder" in source:
        # Once more: the operator may have changed the roots, or the folder its place.
        folder = folders.allowed_folder(source["folder"], runtime.settings.import_roots)
        yield Inputs([], {}, folder, columns, options.prefix, products)
        return
    with ExitStack() as stack:
        listing = stack.enter_context(runtime.blobs.local(files[LISTING][0]))
        pool = [_from_json(each) for each in json.loads(listing.read_bytes())]
        blobs = {
            content_hash: stack.enter_context(runtime.blobs.local(content_hash))
            for content_hash in files[UPLOAD]
        }
        yield Inputs(pool, blobs, None, columns, options.prefix, products)


def _received(runtime: Runtime, given: Given, kept: list[StoredFile]) -> list[PoolFile]:
    """Keep a file and return what it brings: itself, or the files of an archive."""
    head = given.stream.read(HEAD_BYTES)
    size = given.stream.seek(0, io.SEEK_END)
    given.stream.seek(max(0, size - HEAD_BYTES))
    kind = kind_of(head, given.path, tail=given.stream.read())
    given.stream.seek(0)
    blob = runtime.blobs.store(given.stream)
    kept.append(StoredFile(UPLOAD, given.path, blob, given.stream))
    if kind.name != "archive":
        return [PoolFile(given.path, kind, {"blob": blob.content_hash}, blob.size)]
    return [
        PoolFile(
            entry.path,
            entry.kind,
            {"blob": blob.content_hash, "entry": list(entry.address)},
            entry.size,
        )
        for entry in _scanned(runtime, blob)
    ]


def _scanned(runtime: Runtime, blob: Blob) -> list[archives.Entry]:
    """Look through an archive in a child; whatever stops the child is the archive's fault."""
    settings = runtime.settings
    limits = archives.ArchiveLimits(
        total_bytes=settings.archive_bytes,
        entry_bytes=settings.archive_entry_bytes,
        entries=settings.archive_entries,
        ratio=settings.archive_ratio,
        nesting=settings.archive_nesting,
    )
    with scratch_folder(settings) as scratch, runtime.blobs.local(blob.content_hash) as path:
        try:
            return runtime.compute.run(
                archives.scan, path, limits, scratch, limits=child_limits(settings)
            )
        except LimitExceeded as error:
            raise ArchiveLimit(
                f"Looking through the archive was stopped. {error.message}"
            ) from None
        except UnreadableFile as error:
            raise UnsafeArchive(error.message) from None


def _refuse_nothing(given: Given, pool: Sequence[PoolFile]) -> None:
    if not pool:
        raise InvalidInput(f"There is no file in the archive {given.path!r}.")
    if len(pool) == 1 and pool[0].path == given.path and pool[0].kind.name == "unreadable":
        raise UnsupportedMediaType(
            f"{given.path!r} is nothing that can be imported: send a ZIP archive, a CSV table, an "
            "export of a reference library (Zotero JSON, CSL-JSON, BibTeX, RIS), or documents."
        )


def _apart(pool: Sequence[PoolFile]) -> Iterator[PoolFile]:
    """Give each file a path of its own, where several archives use the same."""
    used: set[str] = set()
    for file in pool:
        path, number = file.path, 1
        while path in used:
            number += 1
            path = f"{number}/{file.path}"
        used.add(path)
        yield PoolFile(path, file.kind, file.where, file.size)


def _as_json(file: PoolFile) -> list[Any]:
    return [file.path, list(file.kind), file.where, file.size]


def _from_json(row: Sequence[Any]) -> PoolFile:
    path, kind, where, size = row
    return PoolFile(path, Kind(*kind), where, size)
