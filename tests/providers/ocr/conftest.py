"""Servers that the engines ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fakes.mistral_server import FakeMistral
from tests.fakes.openai_server import FakeOpenAI


@pytest.fixture
def mistral() -> Iterator[FakeMistral]:
    with FakeMistral().running() as server:
        assert isinstance(server, FakeMistral)
        yield server


@pytest.fixture
def openai() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server
