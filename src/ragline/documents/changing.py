"""Changing what is said about a document: its title, its metadata, its external id."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_document, owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.documents.intake import Intake
from ragline.documents.recognising import Library
from ragline.documents.schemas import Accepted, DocumentChange
from ragline.documents.storing import Submission
from ragline.errors import Conflict
from ragline.ingestion.files import lock_contents
from ragline.ingestion.tidying import refuse_unable
from ragline.models import Document, Job, Project


def change_document(
    runtime: Runtime, caller: Caller, document_id: str, change: DocumentChange
) -> Accepted:
    """Give a document another title, other metadata, another external id, or have it cleaned.

    Title, metadata and passages with or without a model's repairs are a version of their own,
    built by a job without reading a page again; the external id is another at once. Nothing new
    makes no job.

    Raises:
        InvalidInput: passages are to be repaired, and no model here can.
        NotFound: the caller has no such document.
        Conflict: another document of the project has the external id.
    """
    refuse_unable(runtime, change.clean)
    given = change.model_fields_set
    names = {change.external_id} if change.external_id else set()
    with runtime.database.write() as session:
        document = owned_document(session, caller.tenant_id, document_id)
        project = owned_project(session, caller.tenant_id, document.project_id)
        lock_contents(runtime, session, project.id, (), names)
        library = Library(session, project.id, external_ids=names, document_ids=[document.id])
        known = library.by_id(document.id)
        if "external_id" in given:
            named = library.named(change.external_id)
            if named is not None and named is not known:
                raise Conflict(
                    f"Another document of this project has the external id "
                    f"{change.external_id!r}: {named.document.id}."
                )
            document.external_id = change.external_id
        wanted = known.description
        if change.title is not None:
            wanted = replace(wanted, title=change.title)
        if change.metadata is not None:
            wanted = replace(wanted, metadata=change.metadata)
        if "clean" in given:
            document.clean = change.clean
        intake = Intake(session, project, library)
        anew = "clean" in given and _is_cleaned(session, document) != _wants_cleaning(
            runtime, project, document
        )
        plan = intake.plan_change(known, wanted, Submission(()), anew=anew)
        intake.write(runtime)
        return intake.answer(plan)


def _wants_cleaning(runtime: Runtime, project: Project, document: Document) -> bool:
    """Tell whether the passages of a version begun now would be repaired."""
    for said in (document.clean, project.clean):
        if said is not None:
            return said
    return runtime.settings.clean


def _is_cleaned(session: Session, document: Document) -> bool:
    """Tell whether the job of the latest version has passages repaired."""
    inputs = session.scalar(_LATEST_INPUTS, {"of_document": document.id})
    return bool(inputs and inputs.get("clean"))


_LATEST_INPUTS = (
    sa.select(Job.inputs)
    .where(Job.document_id == sa.bindparam("of_document"), Job.kind == "ingest")
    .order_by(Job.version.desc())
    .limit(1)
)
