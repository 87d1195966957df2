"""Rows as they would be some days after they were made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ragline.database import Database
from ragline.models import (
    Attempt,
    Base,
    CachedAnswer,
    CachedAnswerProject,
    Chunk,
    Document,
    Embedding,
    Event,
    Job,
    Page,
    PageText,
    Project,
    Tenant,
    new_id,
)
from ragline.settings import Settings

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ENGINE_TABLES = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs")
WORDS = {None: "PENDING", "completed": "SUCCESS", "failed": "ERROR", "cancelled": "CANCELLED"}


def settings() -> Settings:
    """Return settings that keep jobs for 90 days, and events and deliveries for 30."""
    return Settings(_env_file=None)


@dataclass
class Rows:
    """Adds rows whose age is counted in days before a moment."""

    database: Database
    now: datetime = NOW
    tenant_id: str = field(init=False)
    project_id: str = field(init=False)

    def __post_init__(self) -> None:
        tenant, project = Tenant(id=new_id(), name="default"), new_id()
        self.tenant_id, self.project_id = tenant.id, project
        self.add(tenant)
        self.add(Project(id=project, tenant_id=tenant.id, name="library"))

    def add(self, *found: Base) -> None:
        """Write rows."""
        with self.database.write() as session:
            session.add_all(found)

    def ago(self, days: float) -> datetime:
        """Return the moment some days before now."""
        return self.now - timedelta(days=days)

    def document(self, *, published: int | None = 1, latest: int = 1, **fields: Any) -> str:
        """Add a document and return its id."""
        document = Document(
            id=new_id(),
            tenant_id=self.tenant_id,
            project_id=self.project_id,
            title="t",
            filename="t.txt",
            media_type="text/plain",
            content_hash=fields.pop("content_hash", f"{new_id():0>64}".replace("-", "0")),
            size_bytes=1,
            metadata_={},
            latest_version=latest,
            published_version=published,
            **fields,
        )
        self.add(document)
        return document.id

    def job(
        self,
        outcome: str | None = "completed",
        *,
        days: float = 100,
        dismissed: float | None = None,
        events: int = 3,
        children: int = 0,
        workflow: bool = True,
        **fields: Any,
    ) -> str:
        """Add a job that ended some days ago with its attempt, events and engine's rows."""
        job_id, ended = new_id(), self.ago(days) if outcome else None
        self.add(
            Job(
                **{"kind": "ingest", "queue": "ingest", "project_id": self.project_id} | fields,
                id=job_id,
                tenant_id=self.tenant_id,
                workflow_id=job_id if workflow else None,
                outcome=outcome,
                last_event=events,
                created_at=self.ago(days + 1),
                finished_at=ended,
                dismissed_at=None if dismissed is None else self.ago(dismissed),
            )
        )
        self.add(
            *(
                Event(job_id=job_id, number=number, type="job.progress", created_at=self.ago(days))
                for number in range(1, events + 1)
            )
        )
        if workflow:
            self.add(
                Attempt(
                    job_id=job_id, number=1, workflow_id=job_id, outcome=outcome, ended_at=ended
                )
            )
            self.workflow(job_id, WORDS[outcome], days=days)
            for number in range(children):
                child = f"{job_id}-pages-{number}"
                self.workflow(child, WORDS[outcome], days=days, parent=job_id)
        return job_id

    def answer(self, *, days: float, versions: dict[str, int] | None = None) -> None:
        """Add a kept answer that rests on projects in some versions of their content."""
        key = f"{new_id():0>64}".replace("-", "0")
        self.add(
            CachedAnswer(
                key=key,
                tenant_id=self.tenant_id,
                scope=key,
                question="Why?",
                vector=b"",
                answer={},
                created_at=self.ago(days),
            )
        )
        self.add(
            *(
                CachedAnswerProject(key=key, project_id=project_id, content_version=version)
                for project_id, version in (versions or {self.project_id: 0}).items()
            )
        )

    def workflow(
        self, workflow_id: str, status: str, *, days: float, parent: str | None = None
    ) -> None:
        """Add the engine's rows of a workflow with one step."""
        at = int(self.ago(days).timestamp() * 1000)
        common = {"id": workflow_id, "at": at}
        with self.database.write() as session:
            session.execute(
                sa.text(
                    "INSERT INTO workflow_status (workflow_uuid, status, name, created_at,"
                    " updated_at, completed_at, priority, parent_workflow_id)"
                    " VALUES (:id, :status, 'ingest', :at, :at, :ended, 0, :parent)"
                ),
                common
                | {
                    "status": status,
                    "parent": parent,
                    "ended": None if status == "PENDING" else at,
                },
            )
            for table in ("workflow_input", "workflow_output"):
                session.execute(
                    sa.text(
                        f"INSERT INTO {table} (workflow_uuid, retention_timestamp)"
                        " VALUES (:id, :at)"
                    ),
                    common,
                )
            session.execute(
                sa.text(
                    "INSERT INTO operation_outputs (workflow_uuid, function_id, function_name,"
                    " output, retention_timestamp) VALUES (:id, 1, 'plan', :output, :at)"
                ),
                common | {"output": json.dumps(1)},
            )

    def version(
        self, document_id: str, version: int, *, chunks: int = 2, pages: int = 1, days: float = 9
    ) -> None:
        """Add a version's pages and chunks with the texts and vectors they refer to."""
        for number in range(1, pages + 1):
            key = f"{document_id}/{version}/{number}"[-64:]
            self.add(PageText(key=key, text="x", created_at=self.ago(days)))
            self.add(
                Page(
                    document_id=document_id,
                    version=version,
                    number=number,
                    text_key=key,
                    engine="text",
                    characters=1,
                    seconds=0.0,
                )
            )
        for ordinal in range(chunks):
            key = f"{document_id}/{version}/{ordinal}"[-64:]
            self.add(Embedding(key=key, vector=b"", created_at=self.ago(days)))
            self.add(
                Chunk(
                    id=new_id(),
                    document_id=document_id,
                    version=version,
                    ordinal=ordinal,
                    text="x",
                    page_start=1,
                    page_end=1,
                    embedding_key=key,
                )
            )

    def ids(self, table: type[Job]) -> set[str]:
        """Return the ids of all rows of a table."""
        with self.database.read() as session:
            return set(session.scalars(sa.select(table.id)))

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables, ours and the engine's."""
        names = [table.name for table in Base.metadata.sorted_tables]
        with self.database.read() as session:
            return {
                name: sorted(
                    tuple(map(str, row))
                    for row in session.execute(sa.text(f"SELECT * FROM {name}"))
                )
                for name in (*names, *ENGINE_TABLES)
            }
