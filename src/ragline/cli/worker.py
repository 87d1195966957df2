"""`ragline worker`: run queued work in a process of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from ragline.cli import scale

app = typer.Typer(add_completion=False)


@app.command()
def worker(
    queues: Annotated[
        str | None,
        typer.Option(help="Queues to take work from, separated by commas; default: all."),
    ] = None,
) -> None:
    """Run queued work in a process of its own."""
    scale.refuse_separate_worker()
