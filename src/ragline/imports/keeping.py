"""What a batch of an import leaves behind: contents in the file store, counts, warnings."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.documents import storing
from ragline.documents.schemas import TakenFile
from ragline.errors import InvalidInput, UnreadableFile
from ragline.imports.fitting import fitting_title
from ragline.imports.libraries import STAND_IN
from ragline.imports.sources import Item, ItemWarning
from ragline.jobs.wishes import NO_WISHES
from ragline.models import Document, DocumentVersion, Import, Job

MOST_WARNINGS = 5000
"""Warnings that a job names; the others are counted."""
_MORE = "more-warnings"
MOST_NAME = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """An item whose content is in the file store."""

    item: Item
    upload: storing.StoredUpload


def keep_contents(runtime: Runtime, items: Sequence[Item]) -> tuple[list[Kept], list[ItemWarning]]:
    """Store the contents of items; one that nothing reads is a warning."""
    kept: list[Kept] = []
    refused = []
    for item in items:
        content = Content(item)
        upload = storing.Upload(
            cast(BinaryIO, content),  # it reads and seeks, which is all that is asked of it
            item.name[-MOST_NAME:],
            fitting_title(item.title),
            item.identity,
            # None says nothing: what its owner has said of the document meanwhile stays.
            item.metadata or None,
            item.media_type,
        )
        try:
            stored = storing.submit(runtime, [upload], wishes=NO_WISHES, key=None).stored[0]
        except (InvalidInput, UnreadableFile) as error:
            refused.append(ItemWarning("unreadable-type", error.message, item.title or item.name))
        else:
            kept.append(Kept(item, stored))
        finally:
            content.release()
    return kept, refused


def better_there(session: Session, project_id: str, items: Sequence[Item]) -> set[str]:
    """Return the identities of texts standing in for files whose documents have theirs."""
    identities = [item.identity for item in items if item.stands_in]
    if not identities:
        return set()
    newer = sa.select(DocumentVersion.job_id).where(
        DocumentVersion.document_id == Document.id, DocumentVersion.filename != STAND_IN
    )
    found = session.scalars(
        sa.select(Document.external_id).where(
            Document.project_id == project_id,
            Document.external_id.in_(identities),
            sa.or_(Document.filename != STAND_IN, sa.exists(newer)),
        )
    )
    return {identity for identity in found if identity is not None}


def note(
    job: Job,
    row: Import,
    told: Sequence[TakenFile],
    warnings: Sequence[ItemWarning],
    *,
    passed_over: int,
) -> None:
    """Count what became of a batch, and name what its owner should know."""
    twins = [
        ItemWarning(
            "duplicate",
            f"Its content is that of the document {each.document_id}, known by another name.",
            each.filename,
        )
        for each in told
        if each.change == "duplicate"
    ]
    more = [*warnings, *twins]
    counts = Counter(row.counts)
    counts.update(each.change for each in told)
    counts.update(
        items=len(told) + passed_over,
        unchanged=passed_over,
        missing_files=sum(each.code == "missing-file" for each in more),
        warnings=len(more),
    )
    row.counts = dict(counts)
    job.warnings = _told(job.warnings, more, counts["warnings"])


def _told(
    before: Sequence[dict[str, object]], more: Sequence[ItemWarning], total: int
) -> list[dict[str, object]]:
    """Return the warnings of a job with some more, as many as it names."""
    named = [each for each in before if each.get("code") != _MORE]
    named += [each.as_json() for each in more][: MOST_WARNINGS - len(named)]
    if total > len(named):
        message = f"There are {total - len(named)} more warnings of this import."
        named.append({"code": _MORE, "message": message})
    return named


class Content(io.RawIOBase):
    """The content of an item, opened when it is asked for: few are ever read a second time."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._stream: BinaryIO | None = None

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._opened().seek(offset, whence)

    def read(self, size: int = -1, /) -> bytes:
        return self._opened().read(size)

    def release(self) -> None:
        """Close what was opened; the next reading opens it again."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _opened(self) -> BinaryIO:
        if self._stream is None:
            self._stream = self._item.open()
        return self._stream
