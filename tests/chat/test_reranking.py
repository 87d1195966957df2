"""Answers rest on passages that a reranker read again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fakes.openai_server import failure
from tests.fakes.rerank_server import FakeReranker
from tests.inprocess import InProcessServer, Tenant
from tests.reranked import with_reranker

from ragline.accounts.service import Caller, Role
from ragline.bootstrap import Runtime
from ragline.chat.question import Question
from ragline.chat.reranking import reranked_for_job
from ragline.chat.schemas import ChatAnswer
from ragline.chat.service import answer_now
from ragline.chat.sources import Source
from ragline.jobs.turnstile import Turnstile

Found = tuple[Tenant, str]
TEXTS = {
    "Bakery": "The baker of Quennby opens at six.",
    "Ferry": "The ferry of Quennby leaves at nine.",
    "Smithy": "The smith of Quennby opens as he likes.",
}


@pytest.fixture(scope="module")
def bakery(server: InProcessServer) -> Iterator[Found]:
    """A tenant with three short texts in a project."""
    with server.tenant() as tenant:
        project = tenant.project()
        for title, text in TEXTS.items():
            tenant.ingest_text(project, text, title=title)
        yield tenant, project


@pytest.fixture
def fake() -> Iterator[FakeReranker]:
    with FakeReranker().running() as running:
        assert isinstance(running, FakeReranker)
        yield running


@pytest.fixture
def runtime(server: InProcessServer, fake: FakeReranker) -> Runtime:
    """A runtime that asks a server of reranking."""
    return with_reranker(
        server, reranker="endpoint", reranker_base_url=fake.url, reranker_model="rerank-1"
    )


def chat(runtime: Runtime, bakery: Found, query: str) -> ChatAnswer:
    tenant, project = bakery
    caller = Caller(tenant.id, "", Role.OWNER)
    return answer_now(runtime, caller, Question(query, (project,), limit=2, may_give=False))


def test_answers_rest_on_what_was_read_again(
    runtime: Runtime, bakery: Found, fake: FakeReranker
) -> None:
    """More passages than an answer rests on are reranked, and what that took is in its usage."""
    answer = chat(runtime, bakery, "When does the baker of Quennby open?")

    [request] = fake.requests
    assert len(request["documents"]) > 2
    assert "When does the baker of Quennby open?" == request["query"]
    assert "Bakery" == answer.citations[0].title
    assert 42 == answer.usage.prompt_tokens


def test_answers_come_without_the_reranker_too(
    runtime: Runtime, bakery: Found, fake: FakeReranker
) -> None:
    """Where it fails, an answer rests on what the search found."""
    fake.replies = [failure(500)]

    answer = chat(runtime, bakery, "When does the baker of Quennby open each day?")

    assert "Bakery" == answer.citations[0].title


def test_a_job_asks_again_and_pays_once(
    runtime: Runtime, bakery: Found, fake: FakeReranker
) -> None:
    """A job has time: it tries a few times, and keeps what it got for a second run."""
    tenant, project = bakery
    body = {"question": "Where were the stoats seen at dawn, and when?"}
    headers = {"Prefer": "respond-async"}
    url = f"/v1/projects/{project}/chat"
    job_id = tenant.http.post(url, json=body, headers=headers).json()["job"]["id"]
    tenant.ended(job_id)
    sources = [
        Source(f"c{number}", "d", "Title", 1, text, 0.5)
        for number, text in enumerate(["Nothing of it.", "The stoats were seen at dawn."])
    ]
    fake.replies = [failure(503), failure(429, retry_after="0")]
    rerank = reranked_for_job(runtime, job_id, Turnstile(lambda _seconds: None, job_id))

    first = rerank("stoats at dawn", sources)
    second = rerank("stoats at dawn", sources)

    assert ["c1", "c0"] == [source.chunk_id for source in first]
    assert first == second
    assert 3 == len(fake.requests)
    assert 42 == tenant.http.get(f"/v1/jobs/{job_id}").json()["tokens"]
