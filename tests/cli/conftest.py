"""The command line in the test process, and a server in its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from tests.inprocess import InProcessServer, Tenant
from tests.servers import RunningServer
from typer.testing import CliRunner, Result

from ragline.cli import app

Ragline = Callable[..., Result]


@pytest.fixture
def ragline(server: InProcessServer, tenant: Tenant, tmp_path: Path) -> Iterator[Ragline]:
    """Run a command as an owner who has nothing yet; `env` changes its surroundings.

    `input` is what it reads.
    """
    surroundings = {
        "RAGLINE_URL": server.url,
        "RAGLINE_API_KEY": tenant.key,
        "RAGLINE_DATA_DIR": str(tmp_path / "data"),
    }

    def run(*arguments: object, input: str | None = None, **env: str | None) -> Result:
        words = [str(one) for one in arguments]
        result = CliRunner().invoke(app, words, input=input, env=surroundings | env)
        # A test that fails shows why its command did.
        sys.stderr.write(result.stderr)
        return result

    # The server works in this process too, and must not write into a command's stdout.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    yield run
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server in a process of its own, shared by the tests of a module."""
    with RunningServer(tmp_path_factory.mktemp("served") / "data") as running:
        yield running
