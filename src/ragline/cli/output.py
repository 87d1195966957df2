"""What all commands share: where their words go, and how they end."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for machines.")]


def write_json(document: Any) -> None:
    """Print the one document that a machine reads."""
    # Plain ASCII: it survives every locale and pipe.
    typer.echo(json.dumps(document, indent=2))


def say(text: str, style: str = "") -> None:
    """Print a line for a person."""
    Console(soft_wrap=True, highlight=False).print(Text(plain(text), style=style))


def plain(text: str) -> str:
    """Return a text without control codes: titles and quotes come from strangers."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def progress_bar(*, quiet: bool = False) -> Progress:
    """Return a display of long work on stderr; it is only drawn on a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
