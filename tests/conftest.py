"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inprocess import InProcessServer, Tenant, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessServer]:
    """One server for all tests of this worker process; each test takes its own tenant."""
    with serving(tmp_path_factory.mktemp("data"), idle_poll_seconds=0.2) as running:
        yield running


@pytest.fixture
def tenant(server: InProcessServer) -> Iterator[Tenant]:
    """An owner who has nothing yet."""
    with server.tenant() as fresh:
        yield fresh


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real input; tests that need it are skipped where it is not there."""
    folder = os.environ.get("RAGLINE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RAGLINE_TEST_DATA does not name the folder of real test input")
    return Path(folder)
