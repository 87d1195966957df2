"""What a hand-driven world is made of: an engine without threads, and what steps leave."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ragline.database import insert_missing
from ragline.engine.engine import Engine
from ragline.engine.enqueueing import APPLICATION_VERSION
from ragline.models import Chunk, Document, Job, Page, chunk_id

STEPS = ("plan", "read_batch", "build_chunks")
"""What an attempt does before it completes; of a job without a document, in name only."""
TENANT, PROJECT = "tenant", "project"


class HandDriven(Engine):
    """The engine without its threads: a test says which workflow runs."""

    running = ""

    def workflow_id(self) -> str:
        """Return the workflow that the test lets run."""
        return self.running

    @property
    def rows(self) -> Any:
        """The functions with which the engine's loops change its rows."""
        return self._client._sys_db

    def recover(self, executor_ids: list[str]) -> list[str]:
        """Put the work of the dead back into its queues, as the launched engine does."""
        recovered = []
        for executor_id in executor_ids:
            for each in self.rows.get_pending_workflows(executor_id, APPLICATION_VERSION):
                self.rows.reenqueue_for_recovery(each.workflow_id, executor_ids, "none")
                recovered.append(str(each.workflow_id))
        return recovered


def next_version(session: Session, document_id: str) -> int:
    """Return the version that a new job of a document builds; the first one makes it."""
    document = session.get(Document, document_id)
    if document is None:
        document = Document(
            id=document_id,
            tenant_id=TENANT,
            project_id=PROJECT,
            title="A book",
            filename="book.txt",
            media_type="text/plain",
            content_hash=document_id,
            size_bytes=1,
            metadata_={},
            latest_version=0,
        )
        session.add(document)
    document.latest_version += 1
    session.flush()
    return document.latest_version


def leave(session: Session, job: Job, name: str) -> None:
    """Write what a step of an ingestion leaves: a page, or its one passage."""
    assert job.document_id is not None, "of a document"
    assert job.version is not None, "of a document"
    mine: dict[str, Any] = {"document_id": job.document_id, "version": job.version}
    if name == "plan":
        session.get_one(Document, job.document_id).page_count = 1
    if name == "read_batch":
        page = {"text_key": "t", "engine": "e", "failed_engines": [], "characters": 9}
        page |= {"seconds": 0.0, "cost": 0.0, "number": 1}
        insert_missing(session, Page, [mine | page])
    if name == "build_chunks":
        chunk = {"id": chunk_id(job.document_id, job.version, 0), "ordinal": 0, "text": "t"}
        chunk |= {"page_start": 1, "page_end": 1, "embedding_key": "k"}
        insert_missing(session, Chunk, [mine | chunk])
