"""What requests make of a project: documents that are new, changed or read again, and their jobs.

docs/documents.md has the rules as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import insert_new
from ragline.documents.recognising import Description, Known, Library
from ragline.documents.schemas import Accepted, Change, RejectedFile, TakenFile
from ragline.documents.storing import StoredUpload, Submission
from ragline.documents.views import Standing, view_of
from ragline.engine import queues
from ragline.ingestion.workflow import INGEST, INGEST_NEWER
from ragline.jobs import service as jobs
from ragline.jobs.states import is_delayed
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import Wishes
from ragline.models import Document, DocumentVersion, Job, Project, new_id


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file is to the project: a document, and the job it gave rise to, if it did."""

    known: Known
    change: Change
    job: Job | None = None
    item: StoredUpload | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request comes to: its documents, and the job it is told of, if there is any.

    `children` counts the jobs below that one.
    """

    submission: Submission
    taken: Sequence[Taken]
    job: Job | None
    children: int


class Intake:
    """Plans for requests one after the other, then writes all at once.

    `dropped` are hashes of files that may be needed no more once that is kept.
    """

    def __init__(self, session: Session, project: Project, library: Library) -> None:
        self.dropped: set[str] = set()
        self._session = session
        self._project = project
        self._library = library
        self._new: list[Document] = []
        self._versions: list[DocumentVersion] = []
        self._parents: list[tuple[Job, Wishes]] = []
        self._jobs: list[tuple[Job, Wishes, Known]] = []

    def plan(self, submission: Submission) -> Plan:
        """Plan a job for each file that is new here, under a parent where there are several."""
        return self._planned(submission, [self._take(item) for item in submission.stored])

    def plan_change(
        self, known: Known, wanted: Description, submission: Submission, *, anew: bool = False
    ) -> Plan:
        """Plan that a document is to be like this; its job bears the wishes of the submission.

        With `anew` a version is built even if nothing is said otherwise of it.
        """
        return self._planned(submission, [self._make(known, wanted, anew=anew)])

    def write(self, runtime: Runtime) -> None:
        """Write documents and jobs, these with their places in the queue."""
        # What documents no longer hold is free for others only once that is written.
        self._session.flush()
        insert_new(self._session, *self._new)
        insert_new(self._session, *self._versions)
        for job, _, _ in self._jobs:
            job.inputs = {"clean": runtime.settings.clean, **(job.inputs or {})}
        for parent, wishes in self._parents:
            jobs.accept_parent(self._session, parent, wishes=wishes)
        newer = {version.job_id for version in self._versions}
        for workflow in (INGEST, INGEST_NEWER):
            asked = [
                (job, wishes)
                for job, wishes, _ in self._jobs
                if (job.id in newer) == (workflow == INGEST_NEWER)
            ]
            if asked:
                jobs.accept_all(
                    self._session,
                    runtime,
                    asked,
                    workflow=workflow,
                    queue=queues.INGEST,
                    timeout_seconds=runtime.settings.ingest_seconds,
                )
        for job, _, known in self._jobs:
            known.standing.status = "pending" if is_delayed(job) else "queued"

    def answer(self, plan: Plan) -> Accepted:
        """Return what a request is answered, once all is written."""
        view = None
        if plan.job is not None:
            tags = list(plan.submission.wishes.tags)
            view = fresh_view(plan.job, tags=tags, children=plan.children)
        documents = {each.known.document.id: each.known for each in plan.taken}
        return Accepted(
            job=view,
            documents=[view_of(each.document, each.standing) for each in documents.values()],
            files=[_told(each) for each in plan.taken],
            rejected=[
                RejectedFile(filename=name, problem=problem)
                for name, problem in plan.submission.rejected
            ],
        )

    def _planned(self, submission: Submission, taken: Sequence[Taken]) -> Plan:
        begun = [(each.job, each.known) for each in taken if each.job is not None]
        parent, parent_id = None, submission.parent_id
        if parent_id is None and begun and (len(begun) > 1 or submission.rejected):
            parent = _parent(self._project, len(begun), submission)
            parent_id = parent.id
            self._parents.append((parent, submission.wishes))
        for job, known in begun:
            job.parent_id = parent_id
            self._note_cleaning(job, known.document, submission.clean)
            self._jobs.append((job, submission.wishes, known))
        told = parent or (begun[0][0] if begun and parent_id is None else None)
        return Plan(submission, taken, told, len(begun) if parent else 0)

    def _note_cleaning(self, job: Job, document: Document, wanted: bool | None) -> None:
        """Have passages repaired as was last said for the document, else for the project."""
        if wanted is not None:
            document.clean = wanted
        wanted = self._project.clean if document.clean is None else document.clean
        if wanted is not None:
            job.inputs = {**(job.inputs or {}), "clean": wanted}

    def _take(self, item: StoredUpload) -> Taken:
        """Find the document that a file is, and begin what it takes to make it so."""
        external_id = item.upload.external_id
        known = self._library.named(external_id)
        if known is not None:
            return self._make(known, known.description.then(item), item)
        known = self._library.holding(item.blob.content_hash)
        if known is None:
            return self._add(item)
        if external_id is None or known.document.external_id is None:
            return self._take_same(known, item)
        # The same under another name: what was said first about it counts.
        if known.is_read_again and known.content_hash == item.blob.content_hash:
            return self._make(known, known.description, item)
        return Taken(known, "duplicate", item=item)

    def _take_same(self, known: Known, item: StoredUpload) -> Taken:
        """Take a content that is there, where at most one side has an external id."""
        if item.upload.external_id is not None:
            known.document.external_id = item.upload.external_id
            self._library.changed()
            return self._make(known, known.description.then(item), item)
        if known.is_read_again and known.content_hash == item.blob.content_hash:
            # It may have failed under a wrong name: what was said last counts.
            return self._make(known, Description.first(item), item)
        return Taken(known, "unchanged", item=item)

    def _add(self, item: StoredUpload) -> Taken:
        document = Document(
            id=new_id(),
            tenant_id=self._project.tenant_id,
            project_id=self._project.id,
            external_id=item.upload.external_id,
            latest_version=0,
        )
        known = Known(document, Standing("queued"))
        wanted = Description.first(item)
        self._describe(document, wanted)
        self._new.append(document)
        self._library.add(known)
        return Taken(known, "new", _ingestion(document, wanted), item)

    def _make(
        self,
        known: Known,
        wanted: Description,
        item: StoredUpload | None = None,
        *,
        anew: bool = False,
    ) -> Taken:
        """Make a document what is wanted, in a version of its own where it is not so already."""
        is_again = known.is_read_again
        is_like = wanted.is_like(known.description)
        if is_like and not is_again and not anew:
            return Taken(known, "unchanged", item=item)
        is_same_content = wanted.content_hash == known.content_hash
        job = _ingestion(known.document, wanted)
        self._replace(known, wanted, job)
        known.standing.status = "queued"
        self._library.changed()
        return Taken(known, "again" if is_again and is_same_content else "changed", job, item)

    def _replace(self, known: Known, wanted: Description, job: Job) -> None:
        document, before = known.document, known.standing.newer
        if known.is_read_again and before is not None:
            # Its job cannot be retried any more.
            self.dropped.add(before.content_hash)
            self._session.delete(before)
        elif known.is_read_again and document.published_version is None:
            # Nothing was ever made of what its row says, so nobody misses that.
            self.dropped.add(document.stored_hash)
            self._describe(document, wanted)
            return
        known.standing.newer = version = DocumentVersion(
            job_id=job.id,
            document_id=document.id,
            title=wanted.title,
            filename=wanted.filename,
            media_type=wanted.media_type,
            content_hash=wanted.content_hash,
            size_bytes=wanted.size_bytes,
            metadata_=dict(wanted.metadata),
        )
        self._versions.append(version)

    def _describe(self, document: Document, wanted: Description) -> None:
        document.title, document.filename = wanted.title, wanted.filename
        document.media_type, document.size_bytes = wanted.media_type, wanted.size_bytes
        document.metadata_ = dict(wanted.metadata)
        has_file = document.content_hash is not None
        if not has_file or document.stored_hash != wanted.content_hash:
            is_elsewhere = self._library.has_row(wanted.content_hash)
            document.hold(wanted.content_hash, is_elsewhere=is_elsewhere)


def _told(taken: Taken) -> TakenFile:
    document = taken.known.document
    upload = taken.item.upload if taken.item else None
    return TakenFile(
        filename=upload.filename if upload else document.filename,
        external_id=upload.external_id if upload else document.external_id,
        document_id=document.id,
        change=taken.change,
        job_id=taken.job.id if taken.job else None,
    )


def _ingestion(document: Document, wanted: Description) -> Job:
    """Return the job that builds a document's next version."""
    document.latest_version += 1
    return Job(
        id=new_id(),
        tenant_id=document.tenant_id,
        project_id=document.project_id,
        document_id=document.id,
        kind="ingest",
        version=document.latest_version,
        progress_unit="pages",
        inputs={
            "document_id": document.id,
            "version": document.latest_version,
            "content_hash": wanted.content_hash,
            "media_type": wanted.media_type,
            "filename": wanted.filename,
            "size_bytes": wanted.size_bytes,
        },
    )


def _parent(project: Project, children: int, submission: Submission) -> Job:
    return Job(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        kind="import",
        progress_unit="documents",
        progress_total=children,
        warnings=[
            {"code": "file-rejected", "message": f"{name}: {problem.detail}"}
            for name, problem in submission.rejected
        ],
    )
