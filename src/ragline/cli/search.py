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
    rerank: Annotated[
        bool | None, typer.Option(help="Have the best passages read again, or not.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out passages with a lower score.")
    ] = None,
    diversity: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="How much a passage loses by being like better ones."),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Show neighbours of one document as one passage.")
    ] = False,
    json: Json = False,
) -> None:
    """Find the passages that answer a question best."""
    with connected() as client:
        found = find_project(client, project)
        hits = client.search(
            found.id,
            query,
            limit=limit,
            mode=mode,
            rerank=rerank,
            min_score=min_score,
            diversity=diversity,
            merge=merge or None,
        )
    if json:
        document = {
            "hits": [hit.model_dump(mode="json") for hit in hits],
            "warnings": [warning.model_dump(mode="json") for warning in hits.warnings],
        }
        write_json(document)
        return
    for warning in hits.warnings:
        say(warning.message, "yellow")
    if not hits:
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
