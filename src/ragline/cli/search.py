"""`ragline search`: find passages."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ragline.cli.connection import connected, find_project
from ragline.cli.output import Json, say, write_json
from ragline.client import Hit

app = typer.Typer(add_completion=False)


class Mode(StrEnum):
    """What a search compares: meaning and words, meaning alone, or words alone."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


@app.command()
def search(
    project: Annotated[str, typer.Argument(help="Name or id of the project.")],
    query: Annotated[str, typer.Argument(help="What to look for.")],
    mode: Annotated[
        Mode, typer.Option(help="Compare meaning and words, meaning alone, or words alone.")
    ] = Mode.HYBRID,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most passages to show.")] = 10,
    json: Json = False,
) -> None:
    """Find the passages that answer a question best."""
    with connected() as client:
        found = find_project(client, project)
        hits = client.search(found.id, query, limit=limit, mode=mode)
    if json:
        write_json({"hits": [hit.model_dump(mode="json") for hit in hits]})
    elif not hits:
        say(f"Nothing in {found.name!r} matches.")
    else:
        for rank, hit in enumerate(hits, start=1):
            _show(rank, hit)


def _show(rank: int, hit: Hit) -> None:
    pages = f"p. {hit.page_start}"
    if hit.page_end != hit.page_start:
        pages = f"pp. {hit.page_start}-{hit.page_end}"
    say(f"{rank}. {hit.title}, {pages}  ({hit.score:.3f})", "bold")
    say("   " + " ".join(hit.text.split()) + "\n")
