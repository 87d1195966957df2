"""`ragline bibliography`: documents of a project as works, in a citation style or as a file."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from ragline.cli.connection import connected, find_project
from ragline.cli.exits import FAILED
from ragline.cli.output import Json, plain, say, write_json
from ragline.client import Client, Project

app = typer.Typer(add_completion=False)

MOST_DOCUMENTS = 500
"""So many works a bibliography has at most."""


class Format(StrEnum):
    """How a bibliography is written."""

    TEXT = "text"
    HTML = "html"
    CSL_JSON = "csl-json"
    BIBTEX = "bibtex"
    RIS = "ris"


@app.command()
def bibliography(
    project: Annotated[str, typer.Argument(help="Name or id of the project.")],
    documents: Annotated[
        list[str] | None,
        typer.Option("--documents", "-d", help="Id or external id of a document; repeatable."),
    ] = None,
    style: Annotated[
        str | None, typer.Option(help="A citation style, such as apa; for text and html.")
    ] = None,
    locale: Annotated[str | None, typer.Option(help="A language, such as fr-FR.")] = None,
    format: Annotated[Format, typer.Option(help="How it is written.")] = Format.TEXT,
    json: Json = False,
) -> None:
    """Write a bibliography of a project's documents, or of some of them."""
    with connected() as client:
        found = find_project(client, project)
        ids = _chosen(client, found, documents or [])
        written = client.bibliography(
            found.id, ids, style=style, locale=locale, format=format.value
        )
    if json:
        write_json(written.model_dump(mode="json"))
        return
    # As it is, without wrapping: it goes into files.
    typer.echo(plain(written.text))
    for warning in written.warnings:
        typer.secho(f"! {plain(warning)}", err=True, fg=typer.colors.YELLOW)


def _chosen(client: Client, project: Project, wanted: list[str]) -> list[str]:
    """Return the ids of the documents that are meant, all of them where none is named."""
    if not wanted:
        ids = [each.id for each in islice(client.documents(project.id), MOST_DOCUMENTS + 1)]
        if ids and len(ids) <= MOST_DOCUMENTS:
            return ids
        many = f"more than {MOST_DOCUMENTS} documents: name some with --documents"
        say(f"Project {project.name!r} has {many if ids else 'no documents'}.", "red")
        raise typer.Exit(FAILED)
    by_name = {each.external_id: each.id for each in client.documents(project.id)}
    return [by_name.get(each, each) for each in wanted]
