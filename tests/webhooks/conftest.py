"""Receivers, runtimes on both databases, and a server that may send to this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from tests.inprocess import InProcessServer
from tests.postgres import Postgres
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.subscriptions import Clock, Owner, owner_of

from ragline import bootstrap
from ragline.bootstrap import Runtime
from ragline.main import create_app
from ragline.settings import load_settings


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything until it is told otherwise."""
    with receiving() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    """The present moment, standing still."""
    return Clock()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A runtime on SQLite that may send to this machine; no work is run."""
    yield from _runtime(tmp_path, None)


@pytest.fixture
def owner(runtime: Runtime) -> Owner:
    """A tenant on SQLite."""
    return owner_of(runtime)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Owner]:
    """A tenant on each database."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    for runtime in _runtime(tmp_path, url):
        yield owner_of(runtime)


@pytest.fixture
def on_postgres(postgres: Postgres, tmp_path: Path) -> Iterator[Owner]:
    """A tenant on PostgreSQL."""
    for runtime in _runtime(tmp_path, postgres.new_database()):
        yield owner_of(runtime)


@pytest.fixture(scope="package")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessServer]:
    """A server whose webhooks may go to this machine; it runs no work of its own."""
    for runtime in _runtime(tmp_path_factory.mktemp("sending"), None):
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(runtime), log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        # The socket listens already: who connects early waits until the server is there.
        yield InProcessServer(runtime, f"http://127.0.0.1:{listener.getsockname()[1]}")
        server.should_exit = True
        thread.join()


def _runtime(folder: Path, url: str | None) -> Iterator[Runtime]:
    settings = load_settings(
        _env_file=None,
        data_dir=folder,
        database_url=url,
        webhook_private_addresses=True,
        webhook_seconds=1,
        grace_seconds=5,
    )
    runtime = bootstrap.build(settings)
    yield runtime
    runtime.close()
