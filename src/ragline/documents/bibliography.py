"""Documents as a bibliography: what their metadata tell of the works they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import BaseModel, Field

from ragline.accounts.ownership import owned_project
from ragline.accounts.schemas import CleanText, RequestModel
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import NotFound
from ragline.models import Document, Project
from ragline.references.bibliography import BibliographyFormat, bibliography
from ragline.references.citing import item_of

MOST_DOCUMENTS = 500

StyleName = Annotated[CleanText, Field(min_length=1, max_length=150)]
LocaleName = Annotated[CleanText, Field(min_length=2, max_length=20)]


class Wanted(RequestModel):
    """How a bibliography is written; what is left out is as the server's settings say.

    `style` is the name of a citation style, such as `apa`, and `locale` a language, such as
    `fr-FR`; both only count for the formats `text` and `html`.
    """

    style: StyleName | None = None
    locale: LocaleName | None = None
    format: BibliographyFormat = "text"


class BibliographyRequest(Wanted):
    """The documents of a bibliography, in the order in which numbers are given to them."""

    document_ids: Annotated[
        list[Annotated[CleanText, Field(min_length=1, max_length=36)]],
        Field(min_length=1, max_length=MOST_DOCUMENTS),
    ]


class BibliographyEntry(BaseModel):
    """A document's entry, and how it is cited in a text; in other formats its key."""

    document_id: str
    citation: str
    entry: str


class BibliographyView(BaseModel):
    """A bibliography: whole in `text`, and document by document in the order of the style.

    `warnings` name the works that the style could not write; these are written plainly.
    """

    style: str
    locale: str
    format: BibliographyFormat
    text: str
    entries: list[BibliographyEntry]
    warnings: list[str]


def of_project(
    runtime: Runtime, caller: Caller, project_id: str, wanted: BibliographyRequest
) -> BibliographyView:
    """Return the bibliography of some of a project's documents; `NotFound` if one is not there."""
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)
    asked = list(dict.fromkeys(wanted.document_ids))
    found = _documents(runtime, caller, asked, project_id)
    missing = next((each for each in asked if each not in found), None)
    if missing is not None:
        raise NotFound(f"There is no document with the id {missing!r} in this project.")
    return _written(runtime, wanted, [found[each] for each in asked])


def of_documents(
    runtime: Runtime, caller: Caller, document_ids: Sequence[str], wanted: Wanted
) -> BibliographyView:
    """Return the bibliography of the caller's documents; those that are gone are left out."""
    asked = list(dict.fromkeys(document_ids))[:MOST_DOCUMENTS]
    found = _documents(runtime, caller, asked, None)
    return _written(runtime, wanted, [found[each] for each in asked if each in found])


_DOCUMENTS = (
    sa.select(Document.id, Document.project_id, Document.title, Document.metadata_.label("about"))
    .join(Project, Project.id == Document.project_id)
    .where(
        Document.id.in_(sa.bindparam("document_ids", expanding=True)),
        Document.tenant_id == sa.bindparam("tenant_id"),
        Project.deleted_at.is_(None),
    )
)


def _documents(
    runtime: Runtime, caller: Caller, document_ids: Sequence[str], project_id: str | None
) -> dict[str, sa.Row[Any]]:
    asked = {"document_ids": list(document_ids), "tenant_id": caller.tenant_id}
    with runtime.database.read() as session:
        rows = session.execute(_DOCUMENTS, asked).all()
    return {row.id: row for row in rows if project_id is None or row.project_id == project_id}


def _written(runtime: Runtime, wanted: Wanted, rows: Sequence[sa.Row[Any]]) -> BibliographyView:
    settings = runtime.settings
    style = wanted.style or settings.bibliography_style
    locale = wanted.locale or settings.bibliography_locale
    written = bibliography(
        [item_of(row.about, title=row.title) for row in rows],
        style=style,
        locale=locale,
        format=wanted.format,
        folder=settings.styles_dir,
    )
    entries = [
        BibliographyEntry(
            document_id=rows[at].id, citation=written.citations[at], entry=written.entries[at]
        )
        for at in written.order
    ]
    return BibliographyView(
        style=style,
        locale=locale,
        format=wanted.format,
        text=written.text,
        entries=entries,
        warnings=written.warnings,
    )
