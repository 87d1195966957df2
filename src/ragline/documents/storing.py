"""Receiving documents: judge each file by its first bytes, and keep it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.errors import InvalidInput
from ragline.failpoints import failpoint
from ragline.ingestion.tidying import refuse_unable
from ragline.jobs import service as jobs
from ragline.jobs.schemas import Problem
from ragline.jobs.wishes import NO_WISHES, Wishes
from ragline.providers import tasks

HEAD_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as received, with what its sender says about it.

    `external_id` is what it is known by where it comes from: it names one document of a project.
    A title or metadata of None say nothing: a document that is there already keeps its own.
    """

    stream: BinaryIO
    filename: str
    title: str | None = None
    external_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """An upload whose content is safe in the file store."""

    upload: Upload
    blob: Blob
    media_type: str


def text_upload(
    text: str,
    *,
    title: str | None,
    external_id: str | None,
    metadata: Mapping[str, Any] | None,
) -> Upload:
    """Return the upload that a JSON text is."""
    return Upload(io.BytesIO(text.encode()), "text.txt", title, external_id, metadata, "text/plain")


@dataclass(frozen=True, slots=True)
class Submission:
    """What one request brought: the files that are kept, those that were not taken, and wishes.

    `key` is the request's idempotency key. `parent_id` names a job that exists already, whose
    children the documents' jobs become: no parent is made for them then. `clean` says whether a
    model repairs their passages; None leaves it to what was said of document and project before.
    """

    stored: Sequence[StoredUpload]
    rejected: Sequence[tuple[str, Problem]] = ()
    wishes: Wishes = NO_WISHES
    key: str | None = None
    parent_id: str | None = None
    clean: bool | None = None


def submit(
    runtime: Runtime,
    uploads: Sequence[Upload],
    *,
    wishes: Wishes,
    key: str | None,
    clean: bool | None = None,
) -> Submission:
    """Keep the files of a request.

    Raises the file's own problem where the only file is rejected, and `InvalidInput` where
    passages cannot be repaired here.
    """
    refuse_unable(runtime, clean)
    stored, rejected = _store_all(runtime, uploads)
    failpoint("accept.stored")
    return Submission(stored, rejected, wishes, key, clean=clean)


def _store_all(
    runtime: Runtime, uploads: Sequence[Upload]
) -> tuple[list[StoredUpload], list[tuple[str, Problem]]]:
    stored: list[StoredUpload] = []
    rejected: list[tuple[str, Problem]] = []
    for upload in uploads:
        try:
            stored.append(_store(runtime, upload))
        except InvalidInput as error:
            if len(uploads) == 1:
                raise
            rejected.append((upload.filename, Problem(**jobs.describe(error))))
    if not stored:
        reasons = " ".join(f"{name}: {problem.detail}" for name, problem in rejected)
        raise InvalidInput(f"None of the files could be taken. {reasons}")
    return stored, rejected


def _store(runtime: Runtime, upload: Upload) -> StoredUpload:
    """Judge a file by its first bytes, then keep it; nothing is kept of a rejected one."""
    head = upload.stream.read(HEAD_BYTES)
    if not head:
        raise InvalidInput(f"The file {upload.filename!r} is empty; send one with content.")
    media_type = upload.media_type or _judged(upload, head)
    upload.stream.seek(0)
    return StoredUpload(upload, runtime.blobs.store(upload.stream), media_type)


def _judged(upload: Upload, head: bytes) -> str:
    """Return what a file is; the names of what a ZIP file holds stand at its end too."""
    end = upload.stream.seek(0, io.SEEK_END)
    upload.stream.seek(max(len(head), end - tasks.TAIL_BYTES))
    return tasks.judged_media_type(head, upload.filename, tail=upload.stream.read())
