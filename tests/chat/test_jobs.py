"""Questions as durable jobs, answered by a model within its provider's limits."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.chat.asking import (
    ANSWER,
    QUESTION,
    add_library,
    ask,
    count,
    ended,
    http_to,
    model_settings,
    wait_until,
)
from tests.contract import problem_of
from tests.fakes.openai_server import FakeOpenAI, completion, failure
from tests.servers import RunningServer

CONCURRENT = 2
MOST_QUESTIONS = 3


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


@pytest.fixture(scope="module")
def serving(
    shared: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server whose model is the fake, called within limits."""
    settings = model_settings(shared) | {
        "provider_limits": json.dumps({"openai": {"concurrent": CONCURRENT}}),
        "max_active_sessions": MOST_QUESTIONS,
    }
    with RunningServer(tmp_path_factory.mktemp("chat"), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def http(serving: RunningServer) -> Iterator[httpx2.Client]:
    with http_to(serving) as client:
        yield client


@pytest.fixture(scope="module")
def project(http: httpx2.Client) -> str:
    return add_library(http)


@pytest.fixture
def fake(shared: FakeOpenAI) -> FakeOpenAI:
    """The model's server, with nothing counted yet."""
    shared.requests.clear()
    shared.replies.clear()
    shared.most_at_once = 0
    return shared


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What lets answers through that wait for it."""
    event = threading.Event()
    yield event
    event.set()


def hold_all_places(
    http: httpx2.Client, fake: FakeOpenAI, project: str, gate: threading.Event
) -> list[str]:
    """Ask as many questions as may be asked of the provider at once; return their jobs."""
    fake.replies += [completion(ANSWER, until=gate) for _ in range(CONCURRENT)]
    jobs = [ask(http, project).json()["job"]["id"] for _ in range(CONCURRENT)]
    wait_until(lambda: fake.under_way == CONCURRENT)
    return jobs


def test_accepted(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """A question that is to be answered later is a job with a place to look."""

    answer = ask(http, project)
    job = answer.json()["job"]

    assert (202, "chat", "chat") == (answer.status_code, job["kind"], job["queue"])
    assert f"/v1/jobs/{job['id']}" == answer.headers["location"]
    assert "respond-async" == answer.headers["preference-applied"]
    assert "completed" == ended(http, job["id"])["status"]


def test_result(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """The job's result is what the synchronous answer is, with its tokens and exact inputs."""

    job = ended(http, ask(http, project).json()["job"]["id"])

    assert ask(http, project, prefer=None).json() == job["result"]
    assert ("Kettle", 1) == (
        job["result"]["citations"][0]["title"],
        job["result"]["citations"][0]["page"],
    )
    assert (18, 0) == (job["tokens"], job["cost"])
    expected = {"question": QUESTION, "limit": 6, "model": None, "project_id": project}
    assert expected == job["inputs"]
    assert {"done": 1, "total": 1, "unit": "answers"} == job["progress"]


def test_nothing_is_kept_twice(
    http: httpx2.Client, serving: RunningServer, fake: FakeOpenAI, project: str
) -> None:
    """Once the job shows the answer, it is stored nowhere else."""

    ended(http, ask(http, project).json()["job"]["id"])

    assert 0 == count(serving, "SELECT count(*) FROM paid_answers")


def test_answered_in_time(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """Who waits a while gets the answer itself if it comes in that time."""

    answer = ask(http, project, prefer="respond-async, wait=55")

    assert (200, ANSWER) == (answer.status_code, answer.json()["answer"])
    assert "respond-async, wait=55" == answer.headers["preference-applied"]


def test_not_answered_in_time(
    http: httpx2.Client, fake: FakeOpenAI, project: str, gate: threading.Event
) -> None:
    """Who waits too short a while gets the job, which goes on."""

    fake.replies.append(completion(ANSWER, until=gate))
    answer = ask(http, project, prefer="respond-async, wait=1")
    gate.set()

    assert 202 == answer.status_code
    assert "respond-async, wait=1" == answer.headers["preference-applied"]
    assert "completed" == ended(http, answer.json()["job"]["id"])["status"]


def test_other_preferences(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """Without respond-async the answer comes at once, whatever else is preferred."""

    answer = ask(http, project, prefer="return=minimal, wait=1, ???")

    assert 200 == answer.status_code
    assert "preference-applied" not in answer.headers


def test_unknown_project(http: httpx2.Client) -> None:
    """A question to a project that is not there is no job."""

    problem_of(ask(http, "nope"), 404, "not-found")


def test_empty_project(http: httpx2.Client, serving: RunningServer, fake: FakeOpenAI) -> None:
    """Where nothing is found, nobody is asked and nothing is paid."""

    name = f"empty {time.monotonic_ns()}"
    empty = http.post("/v1/projects", json={"name": name}).json()["id"]

    job = ended(http, ask(http, empty).json()["job"]["id"])

    assert ("completed", []) == (job["status"], job["result"]["citations"])
    assert [] == fake.requests


def test_retry_after(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """A job whose provider asks to come back later does so by itself."""

    fake.replies.append(failure(429, "Slow down.", retry_after="1"))

    job = ended(http, ask(http, project).json()["job"]["id"])

    assert ("completed", 2) == (job["status"], len(fake.requests))


def test_refused_for_good(http: httpx2.Client, fake: FakeOpenAI, project: str) -> None:
    """A refusal ends the job with the reason; a retry by hand asks once more."""

    fake.replies.append(failure(401, "Bad key."))
    job = ended(http, ask(http, project).json()["job"]["id"])

    assert ("failed", "/problems/provider-error") == (job["status"], job["error"]["type"])
    assert 1 == len(fake.requests)

    http.post(f"/v1/jobs/{job['id']}/retry")
    job = ended(http, job["id"])

    assert ("completed", 2) == (job["status"], len(fake.requests))


def test_waiting_is_visible(
    http: httpx2.Client, fake: FakeOpenAI, project: str, gate: threading.Event
) -> None:
    """A job says that it waits for the provider, and no call is made beyond the limit."""

    jobs = hold_all_places(http, fake, project, gate)
    jobs.append(ask(http, project).json()["job"]["id"])
    url = f"/v1/jobs/{jobs[-1]}"
    wait_until(lambda: http.get(url).json()["waiting_for"] == "provider:openai")
    gate.set()

    done = [ended(http, job) for job in jobs]

    assert [("completed", None)] * 3 == [(job["status"], job["waiting_for"]) for job in done]
    assert CONCURRENT == fake.most_at_once


def test_cancelled_while_waiting(
    http: httpx2.Client, fake: FakeOpenAI, project: str, gate: threading.Event
) -> None:
    """A job that is cancelled while it waits for the provider is never paid for."""

    held = hold_all_places(http, fake, project, gate)
    job = ask(http, project).json()["job"]["id"]
    wait_until(lambda: http.get(f"/v1/jobs/{job}").json()["waiting_for"] == "provider:openai")

    http.post(f"/v1/jobs/{job}/cancel")

    assert "cancelled" == ended(http, job)["status"]
    gate.set()
    assert ["completed"] * 2 == [ended(http, other)["status"] for other in held]
    assert CONCURRENT == len(fake.requests)


def test_synchronous_questions_stand_in_line(
    http: httpx2.Client,
    serving: RunningServer,
    fake: FakeOpenAI,
    project: str,
    gate: threading.Event,
) -> None:
    """A question whose sender waits is kept to the provider's limits too."""

    hold_all_places(http, fake, project, gate)
    with ThreadPoolExecutor(1) as threads, http_to(serving) as other:
        answer = threads.submit(ask, other, project, None)
        waiting = "SELECT count(*) FROM provider_calls WHERE started IS NULL"
        wait_until(lambda: count(serving, waiting) == 1)
        gate.set()

        assert 200 == answer.result().status_code
    assert CONCURRENT == fake.most_at_once


@pytest.mark.parametrize("prefer", ["respond-async", None])
def test_too_many_questions(
    http: httpx2.Client, fake: FakeOpenAI, project: str, gate: threading.Event, prefer: str | None
) -> None:
    """Beyond the most questions in progress the answer is 503 and says when to come back."""

    jobs = hold_all_places(http, fake, project, gate)
    jobs.append(ask(http, project).json()["job"]["id"])

    refused = ask(http, project, prefer=prefer)

    assert problem_of(refused, 503, "overloaded")["retryable"]
    assert 1 <= int(refused.headers["retry-after"])
    gate.set()
    assert ["completed"] * 3 == [ended(http, job)["status"] for job in jobs]
    assert 200 == ask(http, project, prefer=None).status_code
