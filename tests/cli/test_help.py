"""Every command and option explains itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from ragline.cli import app
from ragline.cli.lazy import COMMANDS, load


def commands(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield a command and those below it."""
    yield prefix, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(f"{prefix} {name}", below)


ALL = [pair for name in COMMANDS for pair in commands(name, load(name))]


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_and_option_has_help(name: str, command: Any) -> None:
    """No command, argument or option is left unexplained."""
    silent = [parameter.name for parameter in command.params if not parameter.help]

    assert [] == silent
    assert command.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_overview_says_what_the_command_says(name: str) -> None:
    """A command's line in the overview is the first one of its own help."""
    assert COMMANDS[name] == load(name).help


def test_without_a_command_the_overview_is_shown() -> None:
    """`ragline` alone lists the commands and counts as a wrong use."""
    result = CliRunner().invoke(app, [])

    assert 2 == result.exit_code
    assert all(name in result.output for name in COMMANDS)


def test_a_mistyped_command_gets_a_suggestion() -> None:
    """A command that does not exist is a wrong use, and the nearest one is named."""
    result = CliRunner().invoke(app, ["serch"])

    assert 2 == result.exit_code
    assert "search" in result.output


def test_the_version_is_told() -> None:
    """`--version` prints the version and nothing else."""
    result = CliRunner().invoke(app, ["--version"])

    assert "ragline 0." == result.stdout[:10]


@pytest.mark.parametrize(
    "name",
    ["ingest", "search", "images", "zotero", "ask", "agents", "chat", "jobs", "queue-status"],
)
def test_a_client_command_loads_nothing_of_the_server(name: str) -> None:
    """Commands that only call a server start without the server's libraries."""
    heavy = ("sqlalchemy", "fastapi", "dbos", "numpy", "uvicorn")
    code = (
        f"import sys; from ragline.cli.lazy import load; load({name!r}); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "[]\n" == loaded.stdout, loaded.stderr
