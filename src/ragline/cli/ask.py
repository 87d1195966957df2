"""`ragline ask`: a cited answer."""

from __future__ import annotations

from typing import Annotated

import typer

from ragline.cli.connection import connected, find_project
from ragline.cli.output import Json, say, write_json

app = typer.Typer(add_completion=False)


@app.command()
def ask(
    project: Annotated[str, typer.Argument(help="Name or id of the project.")],
    question: Annotated[str, typer.Argument(help="The question.")],
    json: Json = False,
) -> None:
    """Answer a question from a project's documents, with citations."""
    with connected() as client:
        answer = client.chat(find_project(client, project).id, question)
    if json:
        write_json(answer.model_dump(mode="json"))
        return
    say(answer.answer)
    if answer.citations:
        say("\nSources", "bold")
    for number, citation in enumerate(answer.citations, start=1):
        quote = " ".join(citation.quote.split())
        say(f"[{number}] {citation.title}, p. {citation.page}: “{quote}”", "dim")
