"""Bibliographies, as the server writes them."""

from __future__ import annotations

from pydantic import Field

from ragline.client.models.base import Answered


class BibliographyEntry(Answered):
    """A document's entry, and how it is cited in a text; in other formats its key."""

    document_id: str
    citation: str
    entry: str


class Bibliography(Answered):
    """A bibliography: whole in `text`, and document by document in the order of the style.

    `warnings` name the works that the style could not write; these are written plainly.
    """

    style: str
    locale: str
    format: str
    text: str
    entries: list[BibliographyEntry]
    warnings: list[str] = Field(default_factory=list)
