"""A server that asks several models in turn, and knows their prices."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest
from tests.chat.asking import add_library, ask, ended, http_to, model_settings
from tests.fakes.openai_server import FakeOpenAI, failure
from tests.servers import RunningServer

PRICES = {"fake-1": {"prompt": 1_000, "completion": 10_000}}
COST = 11 * 0.001 + 7 * 0.01


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


@pytest.fixture(scope="module")
def http(fake: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    settings = model_settings(fake) | {
        "llm": "paid,extractive",
        "llm_endpoints": json.dumps({"paid": {"base_url": fake.url, "model": "fake-1"}}),
        "provider_limits": json.dumps({"paid": {"concurrent": 1}}),
        "token_prices": json.dumps(PRICES),
    }
    with (
        RunningServer(tmp_path_factory.mktemp("models"), **settings) as server,
        http_to(server) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def project(http: httpx2.Client) -> str:
    return add_library(http)


def test_cost(http: httpx2.Client, project: str) -> None:
    """A job tells what its answer cost, and the answer which model gave it."""

    job = ended(http, ask(http, project).json()["job"]["id"])

    assert pytest.approx(COST) == job["cost"] == job["result"]["usage"]["cost"]
    assert ("fake-1", "paid") == (
        job["result"]["usage"]["model"],
        job["result"]["usage"]["adapter"],
    )


def test_next_model(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """Where the first model fails the next one answers, at its own price."""

    fake.replies.append(failure(500))
    answer = ask(http, project, prefer=None).json()

    assert ("extractive", 0) == (answer["usage"]["adapter"], answer["usage"]["cost"])


def test_provider_that_wants_rest(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """A provider that asks to be left alone for long is not waited for where others answer."""

    fake.replies.append(failure(429, "Slow down.", retry_after="3000"))
    before = len(fake.requests)
    adapters = [ask(http, project, prefer=None).json()["usage"]["adapter"] for _ in range(2)]

    assert ["extractive", "extractive"] == adapters
    assert before + 1 == len(fake.requests)
