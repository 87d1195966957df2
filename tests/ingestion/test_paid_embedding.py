"""A server whose passages are embedded by a service: paid once, whatever happens."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.chat.asking import ended, http_to, wait_until
from tests.fakes.embeddings_server import DIMENSIONS as PICTURE_DIMENSIONS
from tests.fakes.embeddings_server import FakeEmbeddings
from tests.fakes.openai_server import Reply, failure
from tests.fakes.text_embeddings import POISON, FakeTextEmbeddings
from tests.images.made import photo
from tests.ingestion.noisy import paid
from tests.servers import RunningServer

PRICE = 1000.0
"""USD for a million tokens: dear, so that rounding hides nothing."""
PER_CALL = 3
DIMENSIONS = 256


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeTextEmbeddings]:
    with FakeTextEmbeddings(dimensions=DIMENSIONS).running() as server:
        assert isinstance(server, FakeTextEmbeddings)
        yield server


@pytest.fixture(scope="module")
def pictures() -> Iterator[FakeEmbeddings]:
    with FakeEmbeddings().running() as server:
        assert isinstance(server, FakeEmbeddings)
        yield server


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, fake: FakeTextEmbeddings, pictures: FakeEmbeddings
) -> Iterator[RunningServer]:
    described = {
        "base_url": fake.url,
        "model": "fake-embedder",
        "dimensions": DIMENSIONS,
        "texts_per_call": PER_CALL,
        "timeout_seconds": 20,
    }
    settings = {
        "image_embedder": "openai",
        "image_openai_base_url": pictures.url,
        "image_openai_model": "clip",
        "image_openai_dimensions": PICTURE_DIMENSIONS,
        "embedder": "fake",
        "embedder_endpoints": json.dumps({"fake": described}),
        "token_prices": json.dumps({"fake-embedder": {"prompt": PRICE}}),
        "compute_workers": 1,
    }
    with RunningServer(tmp_path_factory.mktemp("paid"), **settings) as started:
        yield started


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx2.Client]:
    with http_to(server) as client:
        yield client


def story(name: str, *, paragraphs: int = 8, word: str = "") -> str:
    """Return a text of which every paragraph makes a passage of words of its own."""
    return "\n\n".join(
        f"{word} {name} {number}. "
        + " ".join(
            f"{' '.join(f'{name}{number}x{place}{letter}' for letter in 'abcde')}."
            for place in range(24)
        )
        for number in range(paragraphs)
    )


def project_of(http: httpx2.Client) -> str:
    name = f"paid {time.monotonic_ns()}"
    return str(http.post("/v1/projects", json={"name": name}).json()["id"])


def send(http: httpx2.Client, project: str, text: str, title: str = "Story") -> str:
    """Send a text and return its job's id."""
    answer = http.post(f"/v1/projects/{project}/documents", json={"text": text, "title": title})
    return str(answer.json()["job"]["id"])


def calls_of(server: RunningServer, job_id: str) -> list[tuple[str, str, int]]:
    """Return provider, purpose and tokens of what a job paid for."""
    rows = sqlite3.connect(server.data_dir / "ragline.db", timeout=30)
    try:
        query = "SELECT provider, purpose, prompt_tokens FROM paid_calls WHERE job_id = ?"
        return list(rows.execute(query, (job_id,)))
    finally:
        rows.close()


def test_a_document_is_found_and_its_cost_told(
    server: RunningServer, http: httpx2.Client, fake: FakeTextEmbeddings
) -> None:
    """The job's cost is that of its calls, each of which is kept with its tokens."""
    project = project_of(http)
    job = ended(http, send(http, project, story("schooner")))
    sent = [text for text in fake.texts if "schooner" in text]
    body = {"query": sent[1], "mode": "dense"}
    hits = http.post(f"/v1/projects/{project}/search", json=body).json()["hits"]

    assert ("completed", None) == (job["status"], job["error"])
    assert hits[0]["text"] in sent[1]
    calls = calls_of(server, job["id"])
    assert {("embed_fake", "embed")} == {call[:2] for call in calls}
    assert -(-len(sent) // PER_CALL) == len(calls)
    tokens = sum(len(text.split()) for text in sent)
    assert tokens == sum(call[2] for call in calls) == job["tokens"]
    assert pytest.approx(tokens * PRICE / 1e6) == job["cost"] == paid(server, job["id"], "embed")


def test_the_same_passages_are_not_paid_for_again(
    http: httpx2.Client, fake: FakeTextEmbeddings
) -> None:
    """A copy in another project takes the vectors that are there."""
    text = story("brigantine")
    ended(http, send(http, project_of(http), text))
    before = len(fake.requests)
    job = ended(http, send(http, project_of(http), text))

    assert ("completed", 0.0) == (job["status"], job["cost"])
    assert before == len(fake.requests)


def test_a_question_is_paid_for_once(http: httpx2.Client, fake: FakeTextEmbeddings) -> None:
    """Searches with the same words share its vector, over projects too."""
    first, second = project_of(http), project_of(http)
    for project in (first, second):
        ended(http, send(http, project, story("lugger", paragraphs=1)))
    for project in (first, first, second):
        body = {"query": "where did the lugger go to in the night?"}
        assert http.post(f"/v1/projects/{project}/search", json=body).is_success

    assert 1 == fake.texts.count("where did the lugger go to in the night?")


def test_what_was_made_before_a_failure_is_kept(
    http: httpx2.Client, fake: FakeTextEmbeddings
) -> None:
    """A text that is refused ends the job with its reason; a retry sends that text alone."""
    project = project_of(http)
    text = f"{story('felucca', paragraphs=7)}\n\n{story('dhow', paragraphs=1, word=POISON)}"
    job = ended(http, send(http, project, text))
    sent = len([each for each in fake.texts if "felucca" in each and POISON not in each])
    http.post(f"/v1/jobs/{job['id']}/retry")
    again = ended(http, job["id"])

    assert ("failed", "failed") == (job["status"], again["status"])
    assert "cannot be embedded" in json.dumps(job["error"])
    assert sent == len([each for each in fake.texts if "felucca" in each and POISON not in each])


def test_limits_of_the_service_are_waited_for(
    http: httpx2.Client, fake: FakeTextEmbeddings
) -> None:
    """A 429 with a time makes the job wait, not fail."""
    fake.replies = [failure(429, retry_after="1")]
    job = ended(http, send(http, project_of(http), story("ketch", paragraphs=2)))

    assert "completed" == job["status"]


def test_a_cancelled_job_ends_its_call(http: httpx2.Client, fake: FakeTextEmbeddings) -> None:
    """The service is not waited for: its connection is closed."""
    before = len(fake.requests)
    fake.hung_up.clear()
    fake.replies = [Reply(b"{" + b" " * 100, held_at=1)]
    job_id = send(http, project_of(http), story("yawl", paragraphs=2))
    wait_until(lambda: len(fake.requests) > before)
    http.post(f"/v1/jobs/{job_id}/cancel")

    assert fake.hung_up.wait(30)
    assert "cancelled" == ended(http, job_id)["status"]


def test_the_official_interface_embeds_with_it(
    http: httpx2.Client, fake: FakeTextEmbeddings
) -> None:
    """`/v1/embeddings` takes the service by its name here, by the model's, and says its tokens."""
    texts = [f"cutter {number}" for number in range(PER_CALL + 1)]
    answers: list[dict[str, Any]] = [
        http.post("/v1/embeddings", json={"model": model, "input": texts}).json()
        for model in ("fake", "fake/fake-embedder")
    ]

    assert [0, 1, 2, 3] == [each["index"] for each in answers[0]["data"]]
    assert DIMENSIONS == len(answers[0]["data"][0]["embedding"])
    assert answers[0]["data"] == answers[1]["data"]
    assert 2 * len(texts) == answers[0]["usage"]["total_tokens"]


def test_words_of_products_are_paid_for_once(
    server: RunningServer, http: httpx2.Client, fake: FakeTextEmbeddings
) -> None:
    """They are embedded by the service too, and two products of one name once."""
    project = project_of(http)
    jobs = []
    for number in range(2):
        parts = {
            "image": ("photo.png", photo("red" if number else "green")),
            "name": (None, "Oilskin jacket"),
            "product_id": (None, f"jacket-{number}"),
        }
        answer = http.post(f"/v1/projects/{project}/images", files=parts)
        jobs.append(ended(http, answer.json()["job"]["id"]))
    hits = http.post(f"/v1/projects/{project}/images/search", json={"query": "oilskin"}).json()

    assert ["completed", "completed"] == [job["status"] for job in jobs]
    assert 1 == fake.texts.count("Oilskin jacket")
    assert [pytest.approx(2 * PRICE / 1e6), 0.0] == [job["cost"] for job in jobs]
    assert 2 == len(hits["hits"])


def test_killed_after_a_call(
    server: RunningServer, http: httpx2.Client, fake: FakeTextEmbeddings
) -> None:
    """What was stored before the server died is not sent again. The last test: it restarts it."""
    server.stop()
    server.settings["failpoints"] = "ingest.embedded=kill"
    server.start()
    text = story("sloop")
    with http_to(server) as client:
        job_id = send(client, project_of(client), text)
        wait_until(lambda: server.has_ended)
    server.stop()
    del server.settings["failpoints"]
    server.start()
    with http_to(server) as client:
        job = ended(client, job_id)

    sent = [each for each in fake.texts if "sloop" in each]
    assert "completed" == job["status"]
    assert sorted(set(sent)) == sorted(sent)
    assert pytest.approx(sum(len(each.split()) for each in sent) * PRICE / 1e6) == job["cost"]
