"""`ragline ask`: a cited answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ragline.cli.answers import show_bibliography, show_sources, write_out
from ragline.cli.connection import connected, find_project
from ragline.cli.output import Json, say, write_json
from ragline.client import Bibliography, Citation, Client

app = typer.Typer(add_completion=False)


@app.command()
def ask(
    project: Annotated[str, typer.Argument(help="Name or id of the project.")],
    question: Annotated[str, typer.Argument(help="The question.")],
    stream: Annotated[
        bool, typer.Option("--stream", help="Print the answer while it is written.")
    ] = False,
    bibliography: Annotated[
        str | None,
        typer.Option(
            "--bibliography", metavar="STYLE", help="Add a bibliography in this style, as apa."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Answer a question from a project's documents, with citations."""
    if stream and json:
        raise typer.BadParameter("--stream is for people; --json prints the whole answer.")
    with connected() as client:
        project_id = find_project(client, project).id
        if stream:
            citations = write_out(client.chat_stream(project_id, question)).citations
            show_sources(citations)
            show_bibliography(_bibliography(client, project_id, citations, bibliography))
            return
        answer = client.chat(project_id, question)
        works = _bibliography(client, project_id, answer.citations, bibliography)
    if json:
        told = answer.model_dump(mode="json")
        write_json(told | ({"bibliography": works.model_dump(mode="json")} if works else {}))
        return
    say(answer.answer)
    show_sources(answer.citations)
    show_bibliography(works)


def _bibliography(
    client: Client, project_id: str, citations: Sequence[Citation], style: str | None
) -> Bibliography | None:
    """Return the bibliography of what is cited, if one is wanted and anything is."""
    if style is None or not citations:
        return None
    cited = dict.fromkeys(citation.document_id for citation in citations)
    return client.bibliography(project_id, list(cited), style=style)
