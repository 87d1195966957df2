"""What the tests of caches share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.valkeys import ValkeyServer, running


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """One Valkey for all tests here; each takes a numbered database of its own."""
    with running(tmp_path_factory.mktemp("valkey")) as server:
        yield server
