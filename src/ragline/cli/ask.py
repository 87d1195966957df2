"""`ragline ask`: a cited answer."""

from __future__ import annotations

from typing import Annotated

import typer

from ragline.cli.answers import show_sources, write_out
from ragline.cli.connection import connected, find_project
from ragline.cli.output import Json, say, write_json

app = typer.Typer(add_completion=False)


@app.command()
def ask(
    project: Annotated[str, typer.Argument(help="Name or id of the project.")],
    question: Annotated[str, typer.Argument(help="The question.")],
    stream: Annotated[
        bool, typer.Option("--stream", help="Print the answer while it is written.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer a question from a project's documents, with citations."""
    if stream and json:
        raise typer.BadParameter("--stream is for people; --json prints the whole answer.")
    with connected() as client:
        project_id = find_project(client, project).id
        if stream:
            show_sources(write_out(client.chat_stream(project_id, question)).citations)
            return
        answer = client.chat(project_id, question)
    if json:
        write_json(answer.model_dump(mode="json"))
        return
    say(answer.answer)
    show_sources(answer.citations)
