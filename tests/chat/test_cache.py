"""Kept answers over HTTP: given while the documents they rest on have not changed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.chat.asking import http_to, model_settings
from tests.fakes.openai_server import FakeOpenAI, completion
from tests.inprocess import Tenant
from tests.servers import RunningServer
from tests.valkeys import running

QUESTION = "How long does the warranty of the kettle last?"
NEAR = "How long does this warranty of the kettle last?"
TEXT = "The warranty of the kettle lasts two years. It covers all parts except the filter."
WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeOpenAI]:
    """The model's server."""
    with FakeOpenAI().running() as fake:
        yield fake


@pytest.fixture(scope="module", params=["database", "valkey"])
def caching(
    shared: FakeOpenAI, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with each kind of cache, whose model is the fake."""
    settings = cache_settings(shared)
    if os.environ.get("RAGLINE_TEST_DATABASE") == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres").new_database()
    folder = tmp_path_factory.mktemp("cache")
    with ExitStack() as stack:
        if request.param == "valkey":
            settings["cache_url"] = stack.enter_context(running(folder)).url
        yield stack.enter_context(RunningServer(folder / "data", **settings))


@pytest.fixture
def fake(shared: FakeOpenAI) -> FakeOpenAI:
    """The model's server, with nothing counted yet."""
    shared.requests.clear()
    shared.replies.clear()
    return shared


@pytest.fixture
def tenant(caching: RunningServer) -> Iterator[Tenant]:
    """The owner of the server."""
    with owner_of(caching) as owner:
        yield owner


@pytest.fixture
def library(tenant: Tenant) -> str:
    """A project that knows the answer."""
    return library_of(tenant)


@contextmanager
def owner_of(server: RunningServer) -> Iterator[Tenant]:
    """Give the owner of a server."""
    with http_to(server) as http:
        yield Tenant("", server.api_key, http)


def cache_settings(fake: FakeOpenAI) -> dict[str, Any]:
    """Return settings with the fake as model; the machine may be busy."""
    return model_settings(fake) | {
        "cache": True,
        "cache_timeout_seconds": 5,
        # The embedder of the tests sees these two questions a little apart.
        "cache_similarity": 0.9,
    }


def library_of(tenant: Tenant) -> str:
    """Make a project that knows the answer."""
    project = empty_project(tenant)
    tenant.ingest_text(project, TEXT, title="Kettle")
    return project


def empty_project(tenant: Tenant) -> str:
    """Make a project with a name of its own."""
    return tenant.project(f"library {time.monotonic_ns()}")


def ask(tenant: Tenant, project: str, question: str = QUESTION, **request: Any) -> Any:
    """Ask and return the response."""
    body = {"question": question, **request.pop("json", {})}
    answer = tenant.http.post(f"/v1/projects/{project}/chat", json=body, **request)
    assert 200 == answer.status_code, answer.text
    return answer


def seen(answer: Any) -> tuple[str, str | None]:
    """Return what header and usage say of the cache."""
    return answer.headers["X-Ragline-Cache"], answer.json()["usage"]["cached"]


def test_same_question(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """The second time an answer costs nothing, and is the same in all else."""

    first, second = ask(tenant, library), ask(tenant, library, f" {QUESTION.lower()} ")

    assert [("miss", None), ("hit", "exact")] == [seen(first), seen(second)]
    assert 1 == len(fake.requests)
    kept, usage = second.json(), second.json()["usage"]
    assert (0, 0, 0.0) == (usage["prompt_tokens"], usage["completion_tokens"], usage["cost"])
    assert first.json() | {"usage": None} == kept | {"usage": None}
    assert first.json()["citations"]


def test_near_question(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """A question that asks for the same in other words is given the same answer."""

    answers = [ask(tenant, library), ask(tenant, library, NEAR)]

    assert [("miss", None), ("hit", "semantic")] == [seen(each) for each in answers]
    assert 1 == len(fake.requests)


def test_near_question_after_another(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """What is kept after a look in memory is found by the next look."""

    ask(tenant, library, "Does it cover the filter?")
    ask(tenant, library)

    assert ("hit", "semantic") == seen(ask(tenant, library, NEAR))


@pytest.mark.parametrize(
    "other",
    [
        "How long does the warranty of the kettle not last?",
        "How long does the warranty of the 2 kettle last?",
        "How long does the warranty of the Kettle Two last?",
    ],
)
def test_other_demand(tenant: Tenant, library: str, fake: FakeOpenAI, other: str) -> None:
    """A negation, a number or a name more makes it another question."""

    ask(tenant, library)

    assert ("miss", None) == seen(ask(tenant, library, other))


def test_new_document(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """Once a document has been added, nothing that was kept before is given."""

    ask(tenant, library)
    tenant.ingest_text(library, "The kettle is blue.")

    assert ("miss", None) == seen(ask(tenant, library))
    assert ("hit", "exact") == seen(ask(tenant, library))


def test_deleted_document(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """With a document the answers go that were kept, and the receipt counts them."""

    other = library_of(tenant)
    ask(tenant, library)
    ask(tenant, library, "Does it cover the filter?")
    ask(tenant, other)
    (document,) = tenant.http.get(f"/v1/projects/{library}/documents").json()["documents"]

    receipt = tenant.http.delete(f"/v1/documents/{document['id']}").json()

    assert 2 == receipt["removed"]["cached_answers"]
    gone = ask(tenant, library)
    assert (("miss", None), []) == (seen(gone), gone.json()["citations"])
    assert ("hit", "exact") == seen(ask(tenant, other))


def test_deleted_project(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """With a project the answers go that were kept, and the receipt counts them."""

    ask(tenant, library)

    job = tenant.http.delete(f"/v1/projects/{library}").json()["job"]

    assert 1 == tenant.ended(job["id"])["result"]["removed"]["cached_answers"]
    answer = tenant.http.post(f"/v1/projects/{library}/chat", json={"question": QUESTION})
    assert 404 == answer.status_code


def test_other_project(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """A project is not given the answers of another one."""

    ask(tenant, library)

    assert ("miss", None) == seen(ask(tenant, library_of(tenant)))


def test_foreign_project(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """Another tenant does not learn of a project by its kept answers."""

    ask(tenant, library)
    body = {"name": f"stranger {time.monotonic_ns()}"}
    key = tenant.http.post("/v1/admin/tenants", json=body).json()["key"]

    answer = tenant.http.post(
        f"/v1/projects/{library}/chat",
        json={"question": QUESTION},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert 404 == answer.status_code


@pytest.mark.parametrize("field", [{"limit": 3}, {"model": "fake-2"}])
def test_other_wishes(
    tenant: Tenant, library: str, fake: FakeOpenAI, field: dict[str, object]
) -> None:
    """What is asked for in another way is answered anew."""

    ask(tenant, library)

    assert ("miss", None) == seen(ask(tenant, library, json=field))


def test_no_cache(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """With `no-cache` a question is answered anew, and that answer is kept from then on."""

    ask(tenant, library)
    fake.replies.append(completion("It lasts [1] long."))
    anew = ask(tenant, library, headers={"Cache-Control": "no-cache"})

    assert ("bypass", None) == seen(anew)
    kept = ask(tenant, library)
    assert ("hit", "exact") == seen(kept)
    assert anew.json()["answer"] == kept.json()["answer"]


def test_no_store(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """With `no-store` nothing is given, and nothing kept."""

    first = ask(tenant, library, headers={"Cache-Control": "no-store"})

    assert [("bypass", None), ("miss", None)] == [seen(first), seen(ask(tenant, library))]


def test_nothing_found(tenant: Tenant, fake: FakeOpenAI) -> None:
    """An answer without citations is not kept."""

    project = empty_project(tenant)

    assert [("miss", None)] * 2 == [seen(ask(tenant, project)) for _ in range(2)]


def test_cut_off(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """An answer that was cut off is not kept."""

    fake.replies.append(completion("It lasts two [1]", finish_reason="length"))
    first = ask(tenant, library)

    assert first.json()["citations"]
    assert ("miss", None) == seen(ask(tenant, library))


def test_jobs(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """A job keeps its answer, and takes a kept one; its tokens then are none."""

    wait = {"Prefer": "respond-async, wait=30"}
    answers = [ask(tenant, library, headers=wait), ask(tenant, library, headers=wait)]
    answers.append(ask(tenant, library))

    assert [("miss", None), ("hit", "exact"), ("hit", "exact")] == [seen(a) for a in answers]
    assert answers[0].json()["answer"] == answers[1].json()["answer"]
    assert answers[0].json()["citations"] == answers[1].json()["citations"]


def test_job_without_cache(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """A job goes past the cache as its sender wishes."""

    ask(tenant, library)
    headers = {"Prefer": "respond-async, wait=30", "Cache-Control": "no-cache"}

    assert ("bypass", None) == seen(ask(tenant, library, headers=headers))


def test_stream(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """A stream of a kept answer has all of it, and says that it was kept."""

    kept = ask(tenant, library).json()
    body = {"question": QUESTION, "stream": True}
    events: list[dict[str, Any]] = []
    with tenant.http.stream("POST", f"/v1/projects/{library}/chat", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data:"):
                events.append(json.loads(line[5:]))
            if "job.completed" in line and line.startswith("event:"):
                break

    usages = [event["usage"] for event in events if "usage" in event]
    assert "exact" == usages[-1]["cached"]
    assert kept["citations"] == next(e["citations"] for e in events if "citations" in e)


def test_counts(tenant: Tenant, library: str, fake: FakeOpenAI) -> None:
    """Each look is counted by what it gave, a second later at most."""

    before = settled_counts(tenant)
    ask(tenant, library)
    ask(tenant, library)
    ask(tenant, library, NEAR)
    ask(tenant, library, headers={"Cache-Control": "no-store"})

    expected = {name: before[name] + 1 for name in ("exact", "semantic", "miss", "bypass")}
    deadline = time.monotonic() + WAIT_SECONDS
    while counts(tenant) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert expected == counts(tenant)


def settled_counts(tenant: Tenant) -> dict[str, float]:
    """Return the figures of the cache once those of the tests before are all there."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        first = counts(tenant)
        time.sleep(1.5)
        if counts(tenant) == first:
            return first
    raise AssertionError("looks are still being counted")


def counts(tenant: Tenant) -> dict[str, float]:
    """Return the figures of the cache."""
    lines = tenant.http.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("ragline_cache_lookups_total{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in found}


def test_fallback(shared: FakeOpenAI, tmp_path: Path) -> None:
    """An answer that another model gave in place of the first one is not kept."""

    settings = cache_settings(shared) | {
        "llm": "openai,extractive",
        "openai_base_url": "http://127.0.0.1:1/v1",
    }
    with RunningServer(tmp_path, **settings) as server, owner_of(server) as tenant:
        project = library_of(tenant)
        answers = [ask(tenant, project) for _ in range(2)]

    assert ["extractive"] * 2 == [each.json()["usage"]["adapter"] for each in answers]
    assert answers[0].json()["citations"]
    assert [("miss", None)] * 2 == [seen(each) for each in answers]


def test_valkey_down(shared: FakeOpenAI, tmp_path: Path) -> None:
    """A cache that is down, or hangs, is a miss and no error; afterwards it serves again."""

    (tmp_path / "valkey").mkdir()
    with running(tmp_path / "valkey") as valkey:
        settings = cache_settings(shared) | {"cache_url": valkey.url, "cache_timeout_seconds": 0.5}
        with RunningServer(tmp_path / "data", **settings) as server, owner_of(server) as tenant:
            project = library_of(tenant)
            ask(tenant, project)
            with valkey.halted():
                assert ("miss", None) == seen(ask(tenant, project))
            valkey.stop()
            assert ("miss", None) == seen(ask(tenant, project))
            valkey.start()
            deadline = time.monotonic() + WAIT_SECONDS
            while (found := seen(ask(tenant, project))) != ("hit", "exact"):
                assert time.monotonic() < deadline, found
                time.sleep(0.2)


def test_restart(shared: FakeOpenAI, tmp_path: Path) -> None:
    """Answers kept in the database outlive the process; without a cache they are not given."""

    with RunningServer(tmp_path, **cache_settings(shared)) as server:
        with owner_of(server) as tenant:
            project = library_of(tenant)
            ask(tenant, project)
        server.settings["cache"] = False
        server.restart()
        with owner_of(server) as tenant:
            assert ("bypass", None) == seen(ask(tenant, project))
        server.settings["cache"] = True
        server.restart()
        with owner_of(server) as tenant:
            assert ("hit", "semantic") == seen(ask(tenant, project, NEAR))
