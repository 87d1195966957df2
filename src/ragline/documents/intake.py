"""What requests make of a project: documents that are new or read again, and their jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import insert_new
from ragline.documents.schemas import Accepted, RejectedFile
from ragline.documents.storing import StoredUpload, Submission
from ragline.documents.views import being_cancelled, statuses_of, view_of
from ragline.engine import queues
from ragline.jobs import service as jobs
from ragline.jobs.states import is_delayed
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import Wishes
from ragline.models import Document, Job, Project, new_id

READ_AGAIN = (None, "failed", "cancelled")
"""What became of the latest job of a document that another upload has ingested again."""
# Locked, so that a retry of a document's job and another upload of it cannot cross.
_SAME_CONTENT = (
    sa.select(Document)
    .where(
        Document.project_id == sa.bindparam("project_id"),
        Document.content_hash.in_(sa.bindparam("hashes", expanding=True)),
    )
    .order_by(Document.id)
    .with_for_update(key_share=True)
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request comes to: its documents, and the job it is told of, if there is any.

    `children` counts the jobs below that one.
    """

    submission: Submission
    documents: Sequence[Document]
    job: Job | None
    children: int


class Intake:
    """Plans for requests one after the other, then writes all at once."""

    def __init__(self, session: Session, project: Project, hashes: Collection[str]) -> None:
        self._session = session
        self._project = project
        same = session.scalars(_SAME_CONTENT, {"project_id": project.id, "hashes": list(hashes)})
        self._found = {document.content_hash: document for document in same}
        self._status: dict[str, str] = statuses_of(session, list(self._found.values()))
        # What is sent again while it is taken back is wanted again, in a version of its own.
        for document_id in being_cancelled(session, list(self._found.values())):
            self._status[document_id] = "cancelled"
        self._new: list[Document] = []
        self._parents: list[tuple[Job, Wishes]] = []
        self._jobs: list[tuple[Job, Wishes]] = []

    def plan(self, submission: Submission) -> Plan:
        """Plan one job a document, under a parent where a request brought several."""
        in_order = dict.fromkeys(self._document(item) for item in submission.stored)
        unread = [each for each in in_order if self._status.get(each.id) in READ_AGAIN]
        parent = None
        if unread and (len(unread) > 1 or submission.rejected):
            parent = _parent(self._project, unread, submission)
            self._parents.append((parent, submission.wishes))
        job = parent
        for document in unread:
            child = _ingestion(document, parent_id=parent.id if parent else None)
            self._jobs.append((child, submission.wishes))
            self._status[document.id] = "queued"
            job = job or child
        return Plan(submission, list(in_order), job, len(unread) if parent else 0)

    def write(self, runtime: Runtime) -> None:
        """Write documents and jobs, these with their places in the queue."""
        insert_new(self._session, *self._new)
        for parent, wishes in self._parents:
            jobs.accept_parent(self._session, parent, wishes=wishes)
        if self._jobs:
            jobs.accept_all(
                self._session,
                runtime,
                self._jobs,
                workflow="ingest",
                queue=queues.INGEST,
                timeout_seconds=runtime.settings.ingest_seconds,
            )
            for job, _ in self._jobs:
                if job.document_id is not None and is_delayed(job):
                    self._status[job.document_id] = "pending"

    def answer(self, plan: Plan) -> Accepted:
        """Return what a request is answered, once all is written."""
        view = None
        if plan.job is not None:
            tags = list(plan.submission.wishes.tags)
            view = fresh_view(plan.job, tags=tags, children=plan.children)
        return Accepted(
            job=view,
            documents=[view_of(each, self._status[each.id]) for each in plan.documents],
            rejected=[
                RejectedFile(filename=name, problem=problem)
                for name, problem in plan.submission.rejected
            ],
        )

    def _document(self, item: StoredUpload) -> Document:
        """Return the document of a content, there is one of each."""
        document = self._found.get(item.blob.content_hash)
        if document is None:
            document = self._found[item.blob.content_hash] = _new_document(self._project, item)
            self._new.append(document)
        elif self._status.get(document.id) in ("failed", "cancelled"):
            # It may have failed under a wrong name: what was said last counts.
            _describe(document, item)
        return document


def _new_document(project: Project, item: StoredUpload) -> Document:
    document = Document(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        content_hash=item.blob.content_hash,
        size_bytes=item.blob.size,
        latest_version=0,
    )
    _describe(document, item)
    return document


def _describe(document: Document, item: StoredUpload) -> None:
    """Give a document what its sender says about it."""
    upload = item.upload
    document.title = upload.title or _title_from(upload.filename)
    document.filename = upload.filename
    document.external_id = upload.external_id
    document.media_type = item.media_type
    document.metadata_ = dict(upload.metadata or {})


def _title_from(filename: str) -> str:
    stem = filename.rpartition(".")[0] or filename
    return stem.replace("_", " ").strip() or filename


def _ingestion(document: Document, *, parent_id: str | None) -> Job:
    """Return the job that builds a document's next version."""
    document.latest_version += 1
    return Job(
        id=new_id(),
        tenant_id=document.tenant_id,
        project_id=document.project_id,
        parent_id=parent_id,
        document_id=document.id,
        kind="ingest",
        version=document.latest_version,
        progress_unit="pages",
        inputs={
            "document_id": document.id,
            "version": document.latest_version,
            "content_hash": document.content_hash,
            "media_type": document.media_type,
            "filename": document.filename,
            "size_bytes": document.size_bytes,
        },
    )


def _parent(project: Project, documents: Sequence[Document], submission: Submission) -> Job:
    return Job(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        kind="import",
        progress_unit="documents",
        progress_total=len(documents),
        warnings=[
            {"code": "file-rejected", "message": f"{name}: {problem.detail}"}
            for name, problem in submission.rejected
        ],
    )
