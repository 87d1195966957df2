"""Documents: what is there, and reading it back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any, Literal
from uuid import uuid4

from ragline.client.calls.projects import KEPT, Kept
from ragline.client.listing import listing
from ragline.client.models import Chunk, Document, DocumentPage, Page, Receipt, Upload
from ragline.client.problems import ClientProblem, ServerUnreachable, problem_of
from ragline.client.sending import ask, at, delete, get, given, may_repeat, patch, send
from ragline.client.steps import Again, Flow, Next, Open, Request, Series, Work


def documents(
    project_id: str, *, limit: int | None = None, after: str | None = None
) -> Series[Document]:
    """Yield a project's documents, oldest first; behind the id `after`, and at most `limit`."""
    path = at("projects", project_id, "documents")
    yield from listing(path, Page[Document], limit=limit, after=after)


def document(document_id: str) -> Flow[Document]:
    """Return a document."""
    return (yield from ask(get(at("documents", document_id)), Document))


def change_document(
    document_id: str,
    *,
    title: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    external_id: str | Literal[Kept.KEPT] | None = KEPT,
    clean: bool | Literal[Kept.KEPT] | None = KEPT,
) -> Flow[Upload]:
    """Change what is said about a document; another title or other metadata is built by a job.

    None takes its external id away. `clean` says whether a model repairs passages that were read
    badly, which is built by a job too; None leaves it to the project.
    """
    body = given(title=title, metadata=metadata)
    if external_id is not KEPT:
        body["external_id"] = external_id
    if clean is not KEPT:
        body["clean"] = clean
    return (yield from ask(patch(at("documents", document_id), body), Upload))


def delete_document(document_id: str) -> Flow[Receipt]:
    """Delete a document everywhere, and return what was removed."""
    return (yield from ask(delete(at("documents", document_id)), Receipt))


def pages(
    document_id: str, *, limit: int | None = None, after: int | None = None
) -> Series[DocumentPage]:
    """Yield a document's pages with their texts, in order, behind the number `after`."""
    path = at("documents", document_id, "pages")
    yield from listing(
        path, Page[DocumentPage], limit=limit, after=after, place=lambda page: page.number
    )


def chunks(
    document_id: str, *, limit: int | None = None, after: int | None = None
) -> Series[Chunk]:
    """Yield the passages of a document's published version, behind the ordinal `after`."""
    path = at("documents", document_id, "chunks")
    yield from listing(
        path, Page[Chunk], limit=limit, after=after, place=lambda chunk: chunk.ordinal
    )


def file(document_id: str) -> Flow[bytes]:
    """Return a document's file as it was uploaded; `download` is for large ones."""
    response = yield from send(get(at("documents", document_id, "file")))
    return response.content


def download(document_id: str, path: Path) -> Flow[Path]:
    """Write a document's file as it was uploaded to `path`, which is there once it is whole."""
    request = get(at("documents", document_id, "file"))
    unfinished = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    target: IO[bytes] = yield Work(lambda: unfinished.open("xb"))
    try:
        with target:
            yield from _copy(request, target)
        yield Work(lambda: os.replace(unfinished, path))
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _copy(request: Request, target: IO[bytes]) -> Flow[None]:
    """Write an answer into a file, from its start again where the connection breaks."""
    for tries in count(1):
        reason: ClientProblem | ServerUnreachable
        target.seek(0)
        target.truncate()
        try:
            response = yield Open(request, "bytes")
            if response.is_success:
                while (piece := (yield Next())) is not None:
                    yield Work(partial(target.write, piece))
                return
        except ServerUnreachable as unreachable:
            reason = unreachable
        else:
            reason = problem_of(response)
        if not may_repeat(request, reason):
            raise reason
        yield Again(tries, reason)
