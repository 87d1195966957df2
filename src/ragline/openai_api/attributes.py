"""Attributes of files in vector stores, which are the metadata of their documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.errors import Conflict
from ragline.ingestion.content import content_changed
from ragline.ingestion.index import index_chunks
from ragline.models import Document, Job


@dataclass(frozen=True, slots=True)
class Changed:
    """A published version whose document has other metadata than the index."""

    document_id: str
    version: int


def give(
    session: Session, document: Document, attributes: Mapping[str, Any], *, is_new: bool = False
) -> list[Changed]:
    """Set a document's attributes; return what the index must be told of once this is kept.

    `is_new` says that no work on it can have begun. It is returned also where nothing is new:
    a request that was cut off before the index was told is repaired by its repetition. Raises
    `Conflict` while the document is being ingested, which reads what is to be replaced.
    """
    if is_new:
        document.metadata_ = dict(attributes)
        return []
    # A retry of its job locks it too.
    session.refresh(document, with_for_update=LOCKED)
    if document.metadata_ != attributes:
        if _is_being_ingested(session, document):
            raise Conflict(
                "This file is being ingested; change its attributes when that has ended."
            )
        document.metadata_ = dict(attributes)
        content_changed(session, document.project_id)
    version = document.published_version
    return [] if version is None else [Changed(document.id, version)]


def tell_index(runtime: Runtime, changed: Sequence[Changed]) -> None:
    """Let searches filter by the new attributes; safe to run twice."""
    for each in changed:
        index_chunks(runtime, each.document_id, each.version)


def _is_being_ingested(session: Session, document: Document) -> bool:
    query = sa.select(Job.id).where(
        Job.document_id == document.id, Job.kind == "ingest", Job.outcome.is_(None)
    )
    return session.scalar(query.limit(1)) is not None
