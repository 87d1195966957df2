"""A server of its own process whose model is a fake, on either database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.chat.asking import model_settings
from tests.fakes.openai_server import FakeOpenAI
from tests.servers import RunningServer


def database_settings(request: pytest.FixtureRequest) -> dict[str, object]:
    """Return the settings of the database that the tests run on."""
    if os.environ.get("RAGLINE_TEST_DATABASE") != "postgresql":
        return {}
    return {"database_url": request.getfixturevalue("postgres").new_database()}


@contextmanager
def served(
    folder: Path, fake: FakeOpenAI, request: pytest.FixtureRequest, **settings: object
) -> Iterator[RunningServer]:
    """Run a server that asks the fake until the block ends."""
    settings = model_settings(fake) | database_settings(request) | settings
    with RunningServer(folder, **settings) as server:
        yield server
