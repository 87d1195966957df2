"""Imports: archives, tables, reference libraries, and folders of the server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ragline.client.calls.wishes import wishes
from ragline.client.models import ImportPreview, Job, JobAnswer
from ragline.client.sending import ask, at, create, given, post
from ragline.client.steps import Flow
from ragline.client.uploads import Form, NamedContent, Sent, Told


def import_files(
    project_id: str,
    sources: Sequence[Path | NamedContent],
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    title_column: str | None = None,
    prefix: str | None = None,
    clean: bool | None = None,
    products: bool | None = None,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    told: Told | None = None,
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """Import a ZIP archive, a CSV table, an export, or an export with its files; return the job.

    The columns are those of tables; `prefix` stands before the external id of every document.
    `clean` has a model repair badly read passages, or not, whatever the project says. With
    `products` the rows of tables are products, with the pictures they name.
    A `NamedContent` may have a relative path for its name. `told` receives bytes as they go.
    """
    fields = given(
        text_column=text_column,
        id_column=id_column,
        title_column=title_column,
        prefix=prefix,
        clean=clean,
        products=products,
        **wishes(priority, not_before, tags),
    )
    request = create(
        _at(project_id),
        key=idempotency_key,
        form=Form({name: _plain(value) for name, value in fields.items()}, sources, Sent(told)),
    )
    return (yield from ask(request, JobAnswer)).job


def import_folder(
    project_id: str,
    folder: str,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    title_column: str | None = None,
    prefix: str | None = None,
    clean: bool | None = None,
    products: bool | None = None,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """Import a folder of the server, which its operator must allow; return the job."""
    body = given(
        folder=folder,
        text_column=text_column,
        id_column=id_column,
        title_column=title_column,
        prefix=prefix,
        clean=clean,
        products=products,
    )
    request = create(
        _at(project_id), body | wishes(priority, not_before, tags), key=idempotency_key
    )
    return (yield from ask(request, JobAnswer)).job


def preview_import(
    project_id: str,
    sources: Sequence[Path | NamedContent] = (),
    *,
    folder: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    title_column: str | None = None,
    prefix: str | None = None,
    products: bool | None = None,
    told: Told | None = None,
) -> Flow[ImportPreview]:
    """Return what an import of these files, or of a folder of the server, would do."""
    fields = given(
        text_column=text_column,
        id_column=id_column,
        title_column=title_column,
        prefix=prefix,
        products=products,
    )
    asked = {"dry_run": True}
    if folder is not None:
        body = {**fields, "folder": folder}
        request = post(_at(project_id), body, repeatable=True, parameters=asked)
    else:
        form = Form({name: _plain(value) for name, value in fields.items()}, sources, Sent(told))
        request = post(_at(project_id), repeatable=True, form=form, parameters=asked)
    return (yield from ask(request, ImportPreview))


def _at(project_id: str) -> str:
    return at("projects", project_id, "imports")


def _plain(value: Any) -> Any:
    """Return a field as forms carry it: a text, or several of them."""
    return value if isinstance(value, list) else str(value)
