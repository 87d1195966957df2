"""The command line: thin commands, each in a module that is loaded when it is called."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Annotated

import typer

from ragline.cli.lazy import LazyGroup

__all__ = ["app"]

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ragline {version_of('ragline')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Ragline: documents and questions in, searchable passages and cited answers out."""
