"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from tests import tiny_clip
from tests.inprocess import InProcessServer, Tenant, serving
from tests.postgres import Postgres, running


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker process a folder of its own for what Hypothesis keeps, and time.

    In a fresh checkout one would read the other's tables of characters half written. How long an
    example takes says how busy the machine is.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    set_hypothesis_home_dir(config.rootpath / ".hypothesis" / worker)
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")


SLOW_FILES = (
    "faults/test_kill.py",
    "faults/test_faults.py",
    "faults/test_library.py",
    "chat/test_cache.py",
    "chat/test_kill.py",
    "cli/test_scaled.py",
    "cli/test_serve.py",
    "cli/test_two_releases.py",
    "images/test_models.py",
    "indexes/test_kill.py",
    "indexes/test_settings.py",
    "ingestion/test_tidying_kill.py",
    "reembedding/test_interruptions.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that take a minute or more: nothing should wait for them at the end."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(SLOW_FILES))


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[InProcessServer]:
    """One server for all tests of this worker process; each test takes its own tenant.

    `RAGLINE_TEST_DATABASE=postgresql` runs the same tests on PostgreSQL with pgvector.
    """
    settings: dict[str, Any] = {"idle_poll_seconds": 0.2}
    if os.environ.get("RAGLINE_TEST_DATABASE") == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres").new_database()
    settings["image_embedder"] = "clip"
    settings["clip_path"] = tiny_clip.write(tmp_path_factory.mktemp("clip"))
    with serving(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running


@pytest.fixture
def tenant(server: InProcessServer) -> Iterator[Tenant]:
    """An owner who has nothing yet."""
    with server.tenant() as fresh:
        yield fresh


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One PostgreSQL for all tests of this worker process; each takes a database of its own."""
    with running(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real input; tests that need it are skipped where it is not there."""
    folder = os.environ.get("RAGLINE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RAGLINE_TEST_DATA does not name the folder of real test input")
    return Path(folder)
