"""Commands that are imported when they are called, so that each one starts fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ragline.cli.exits import FAILED
from ragline.errors import RaglineError

COMMANDS = {
    "serve": "Start the server: HTTP API and worker in one process.",
    "worker": "Run queued work in a process of its own.",
    "ingest": "Upload files and folders, archives, tables and reference libraries into a project.",
    "search": "Find the passages that answer a question best.",
    "zotero": "Connect libraries of Zotero, sync them, and write reading notes.",
    "images": "Send products with their pictures, find and delete them.",
    "ask": "Answer a question from a project's documents, with citations.",
    "bibliography": "Write a bibliography of a project's documents, or of some of them.",
    "agents": "List agents, make one, look at one or delete them.",
    "chat": "Talk with an agent; an empty line or Ctrl-D ends it.",
    "jobs": "List jobs, look at one, watch, cancel or retry them.",
    "queue-status": "Show the queues in numbers; pause and resume them.",
    "reembed": "Search a project with another model or in another store; it answers all the while.",
    "doctor": "Compare rows, files and vectors, explain each difference, and repair on request.",
    "migrate": "Bring the database's schema up to date.",
    "eval": "Measure search quality on data sets in BEIR layout, or on a project of the server.",
}
"""Each command's line in the overview; the command itself is `app` in a module of its name."""


class LazyGroup(TyperGroup):
    """The overview knows names and summaries; the called command alone is imported."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, summary in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the real command in place of its line in the overview."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and load(listed.name or ""), rest

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what is expected to go wrong ends with a sentence, not a traceback."""
        try:
            return super().invoke(ctx)
        except RaglineError as error:
            typer.secho(f"Error: {error.message}", err=True, fg=typer.colors.RED)
            raise typer.Exit(FAILED) from None


def load(name: str) -> Any:
    """Import a command and return it as the parser's object."""
    module = import_module(f"ragline.cli.{name.replace('-', '_')}")
    command = get_command(module.app)
    command.name = name
    return command
