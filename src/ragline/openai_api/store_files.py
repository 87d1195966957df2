"""Files in vector stores: put there, looked at, given attributes, read and taken out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.http.idempotency import Once, once
from ragline.models import Document, Page, PageText, StoreFile
from ragline.openai_api import store_rows
from ragline.openai_api.attaching import attach
from ragline.openai_api.attributes import Changed, give, tell_index
from ragline.openai_api.ids import own
from ragline.openai_api.removing import remove_from_store
from ragline.openai_api.store_schemas import (
    FileRequest,
    FileText,
    StoreFileListing,
    StoreFileObject,
)
from ragline.openai_api.stores import owned_store, use_store

Answer = TypeVar("Answer", bound=BaseModel)


def add(
    runtime: Runtime,
    caller: Caller,
    store_id: str,
    asked: Sequence[FileRequest],
    model: type[Answer],
    told: Callable[[Session, str, str], Answer],
    *,
    key: str | None,
) -> Answer:
    """Put files into a vector store; `told` makes the answer of the project's and the job's id."""
    project = use_store(runtime, caller, store_id)
    changed: list[Changed] = []

    def make() -> Answer:
        with runtime.database.write() as session:
            attached = attach(runtime, session, caller, project.id, asked)
            changed.extend(attached.changed)
            return told(session, project.id, attached.job_id)

    files = [each.model_dump() for each in asked]
    request = Once(caller.tenant_id, key, ("store files", project.id, model.__name__, files))
    answer = once(runtime.database, request, model, make)
    tell_index(runtime, changed)
    return answer


def add_file(
    runtime: Runtime, caller: Caller, store_id: str, asked: FileRequest, *, key: str | None
) -> StoreFileObject:
    """Put one file into a vector store."""

    def told(session: Session, project_id: str, _job_id: str) -> StoreFileObject:
        return store_rows.view_of(store_rows.find(session, project_id, asked.file_id))

    return add(runtime, caller, store_id, [asked], StoreFileObject, told, key=key)


def get_file(runtime: Runtime, caller: Caller, store_id: str, file_id: str) -> StoreFileObject:
    """Return a file of a vector store."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        return store_rows.view_of(store_rows.find(session, project.id, file_id))


def list_files(
    runtime: Runtime, caller: Caller, store_id: str, wanted: StoreFileListing
) -> tuple[list[StoreFileObject], bool]:
    """Return the files of a vector store, and whether there are more."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        return store_rows.part(session, project.id, wanted)


def change_file(
    runtime: Runtime, caller: Caller, store_id: str, file_id: str, attributes: dict[str, Any]
) -> StoreFileObject:
    """Give a file other attributes; searches filter by them once this returns.

    Raises `Conflict` while it is being ingested.
    """
    changed: list[Changed] = []
    with runtime.database.write() as session:
        project = owned_store(session, caller, store_id)
        row = store_rows.find(session, project.id, file_id)
        if row.document_id is None:
            session.get_one(StoreFile, (project.id, row.file_id)).attributes = dict(attributes)
        else:
            document = session.get_one(Document, row.document_id)
            changed += give(session, document, attributes)
        session.flush()
        shown = store_rows.view_of(store_rows.find(session, project.id, file_id))
    tell_index(runtime, changed)
    return shown


def remove_file(runtime: Runtime, caller: Caller, store_id: str, file_id: str) -> None:
    """Take a file out of a vector store; an uploaded file itself stays."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
    remove_from_store(runtime, caller, project.id, own("file-", file_id))


def read_file(runtime: Runtime, caller: Caller, store_id: str, file_id: str) -> list[FileText]:
    """Return a file's text, page by page; of one that is being ingested, what was read."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        row = store_rows.find(session, project.id, file_id)
        latest = sa.select(sa.func.max(Page.version)).where(Page.document_id == row.document_id)
        pages = (
            sa.select(PageText.text)
            .join(Page, Page.text_key == PageText.key)
            .where(Page.document_id == row.document_id, Page.version == latest.scalar_subquery())
            .order_by(Page.number)
        )
        return [FileText(text=text) for text in session.scalars(pages)]
