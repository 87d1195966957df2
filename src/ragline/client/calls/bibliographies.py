"""Bibliographies of documents and answers."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.client.models import Bibliography
from ragline.client.sending import ask, at, get, given, post
from ragline.client.steps import Flow


def bibliography(
    project_id: str,
    document_ids: Sequence[str],
    *,
    style: str | None = None,
    locale: str | None = None,
    format: str = "text",
) -> Flow[Bibliography]:
    """Write a bibliography of documents in a citation style, such as `apa`.

    `format` is text, html, csl-json, bibtex or ris. What is None is as the server is set.
    """
    body = given(document_ids=list(document_ids), style=style, locale=locale, format=format)
    request = post(at("projects", project_id, "bibliography"), body, repeatable=True)
    return (yield from ask(request, Bibliography))


def job_bibliography(
    job_id: str, *, style: str | None = None, locale: str | None = None, format: str = "text"
) -> Flow[Bibliography]:
    """Write a bibliography of the documents that a job's answer cites."""
    path = at("jobs", job_id, "bibliography")
    return (yield from ask(get(path, style=style, locale=locale, format=format), Bibliography))


def message_bibliography(
    message_id: str, *, style: str | None = None, locale: str | None = None, format: str = "text"
) -> Flow[Bibliography]:
    """Write a bibliography of the documents that a message cites."""
    path = at("messages", message_id, "bibliography")
    return (yield from ask(get(path, style=style, locale=locale, format=format), Bibliography))
