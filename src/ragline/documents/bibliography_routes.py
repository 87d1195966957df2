"""Bibliographies of documents over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.documents import bibliography
from ragline.documents.bibliography import (
    BibliographyRequest,
    BibliographyView,
    LocaleName,
    StyleName,
    Wanted,
)
from ragline.references.bibliography import BibliographyFormat

router = APIRouter(prefix="/v1/projects", tags=["bibliographies"])


@router.post("/{project_id}/bibliography")
def of_documents(
    project_id: str, body: BibliographyRequest, runtime: RuntimeParameter, caller: CallerParameter
) -> BibliographyView:
    """Write a bibliography of documents of a project, in a citation style or as a file format."""
    return bibliography.of_project(runtime, caller, project_id, body)


def _wanted(
    style: Annotated[StyleName | None, Query()] = None,
    locale: Annotated[LocaleName | None, Query()] = None,
    format: Annotated[BibliographyFormat, Query()] = "text",
) -> Wanted:
    return Wanted(style=style, locale=locale, format=format)


WantedParameter = Annotated[Wanted, Depends(_wanted)]
