"""Event streams over HTTP, of jobs that a test writes itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from tests.contract import ODD_IDS, problem_of
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.quiet import quiet

from ragline.accounts import service as accounts
from ragline.jobs import ending
from ragline.jobs.events import first_event, record
from ragline.models import Event, Job, Project, new_id

WAIT_SECONDS = 30


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcessServer]:
    """A server without a worker, whose streams beat often, on each kind of database."""
    settings = {}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres").new_database()
    hub = {"heartbeat_seconds": 0.3}
    with quiet(tmp_path_factory.mktemp("data"), hub=hub, **settings) as running:
        yield running


@pytest.fixture
def job(server: InProcessServer, tenant: Tenant) -> str:
    """An open job with the events 1 to 3."""
    return made(server, tenant, tenant.project())


def made(server: InProcessServer, tenant: Tenant, project_id: str) -> str:
    """Write an open job with the events 1 to 3 and return its id."""
    with server.runtime.database.write() as session:
        job = Job(id=new_id(), tenant_id=tenant.id, project_id=project_id, kind="ingest")
        event = first_event(job)
        session.add(job)
        session.flush()
        session.add(event)
        record(session, job, "job.started", attempt=1)
        record(session, job, "job.progress", done=1, total=2, unit="pages")
    return job.id


def add(server: InProcessServer, job_id: str, type: str, **details: Any) -> None:
    """Write another event of a job."""
    with server.runtime.database.write() as session:
        record(session, session.get_one(Job, job_id), type, **details)


def end(server: InProcessServer, job_id: str, outcome: str = "completed") -> None:
    """End a job, with its terminal event."""
    with server.runtime.database.write() as session:
        ending.end(session, session.get_one(Job, job_id), outcome)


def begin_again(server: InProcessServer, job_id: str) -> None:
    """Open an ended job, as a retry does."""
    with server.runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        job.outcome = None
        record(session, job, "job.retrying", attempt=2)


def drop(server: InProcessServer, job_id: str, *numbers: int) -> None:
    """Remove events of a job, as retention does."""
    with server.runtime.database.write() as session:
        session.execute(sa.delete(Event).where(Event.job_id == job_id, Event.number.in_(numbers)))


@contextmanager
def following(
    tenant: Tenant, path: str, last_id: str | None = None
) -> Iterator[Iterator[httpx2.ServerSentEvent]]:
    """Open a stream; those of its frames that carry data come one by one."""
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    with tenant.http.sse(path, headers=headers, timeout=WAIT_SECONDS) as source:
        assert 200 == source.response.status_code
        yield (event for event in source if event.data)


def to_the_end(tenant: Tenant, path: str, last_id: str | None = None) -> list[Any]:
    """Return all events of a stream that ends."""
    with following(tenant, path, last_id) as events:
        return list(events)


def of_job(job_id: str) -> str:
    """Return the path of a job's stream."""
    return f"/v1/jobs/{job_id}/events"


def of_project(project_id: str) -> str:
    """Return the path of a project's stream."""
    return f"/v1/projects/{project_id}/events"


def test_all_events(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """The stream of a job that has ended holds its events from the first to the last, and ends."""

    end(server, job)
    events = to_the_end(tenant, of_job(job))

    assert [
        ("1", "job.queued"),
        ("2", "job.started"),
        ("3", "job.progress"),
        ("4", "job.completed"),
    ] == [(event.id, event.event) for event in events]


def test_fields(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """An event tells its job, number, type, time and what its type has to tell."""

    end(server, job)
    event = json.loads(to_the_end(tenant, of_job(job))[2].data)

    assert event.pop("created_at").endswith("Z")
    assert event.pop("project_id")
    assert {
        "job_id": job,
        "number": 3,
        "type": "job.progress",
        "done": 1,
        "total": 2,
        "unit": "pages",
    } == event


def test_headers(tenant: Tenant, job: str) -> None:
    """A stream is not kept by caches, nor held back by proxies."""

    with tenant.http.sse(of_job(job)) as source:
        headers = source.response.headers

    assert "text/event-stream; charset=utf-8" == headers["content-type"]
    assert ("no-store", "no") == (headers["cache-control"], headers["x-accel-buffering"])


def test_live(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """What happens while a stream is open arrives on it; the job's end ends it."""

    with following(tenant, of_job(job), "3") as events:
        add(server, job, "page.done", first=1, last=2)
        seen = [next(events).event]
        end(server, job)
        seen += [event.event for event in events]

    assert ["page.done", "job.completed"] == seen


@pytest.mark.parametrize("way", ["header", "query", "both"])
def test_replay(server: InProcessServer, tenant: Tenant, job: str, way: str) -> None:
    """A stream goes on behind the event that was named; the header counts before the query."""

    end(server, job)
    query = {"header": "", "query": "?after=2", "both": "?after=1"}[way]
    events = to_the_end(tenant, of_job(job) + query, None if way == "query" else "2")

    assert ["3", "4"] == [event.id for event in events]


def test_nothing_left(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """Who has all events of an ended job is told not to come back."""

    end(server, job)
    answer = tenant.http.get(of_job(job), headers={"Last-Event-ID": "4"})

    assert (204, b"") == (answer.status_code, answer.content)


def test_retried(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """The rest of a job that was retried after its end follows behind the last event."""

    end(server, job, "failed")
    to_the_end(tenant, of_job(job))
    begin_again(server, job)
    end(server, job)

    seen = [(event.id, event.event) for event in to_the_end(tenant, of_job(job), "4")]

    assert [("5", "job.retrying"), ("6", "job.completed")] == seen


def test_retried_job_from_its_start(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """The end of an earlier attempt does not end the stream."""

    end(server, job, "failed")
    begin_again(server, job)
    end(server, job)

    assert [str(n) for n in range(1, 7)] == [e.id for e in to_the_end(tenant, of_job(job))]


def test_more_than_a_batch(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """Many events come without gaps or repeats."""

    with server.runtime.database.write() as session:
        session.get_one(Job, job).last_event = 1203
        session.add_all(
            Event(job_id=job, number=number, type="page.done") for number in range(4, 1204)
        )
    end(server, job)

    assert [str(n) for n in range(1, 1205)] == [e.id for e in to_the_end(tenant, of_job(job))]


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ((1, 2), [("2", 1, 2), ("3",), ("4",)]),
        ((2,), [("1",), ("2", 2, 2), ("3",), ("4",)]),
        ((1, 2, 3, 4), [("4", 1, 4)]),
    ],
    ids=["first", "middle", "all"],
)
def test_gap(
    server: InProcessServer,
    tenant: Tenant,
    job: str,
    gone: tuple[int, ...],
    expected: list[tuple[Any, ...]],
) -> None:
    """Where events were removed, the stream says which before it goes on."""

    end(server, job)
    drop(server, job, *gone)
    seen = []
    for event in to_the_end(tenant, of_job(job)):
        told = json.loads(event.data)
        is_gap = event.event == "stream.gap"
        seen.append((event.id, told["first"], told["last"]) if is_gap else (event.id,))

    assert expected == seen


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
@pytest.mark.parametrize("path", ["/v1/jobs/{}/events", "/v1/projects/{}/events"])
def test_odd_ids(server: InProcessServer, tenant: Tenant, path: str, odd: str) -> None:
    """A stream of something that is not there is a problem before it starts."""

    if odd == "%00" and not server.runtime.database.is_sqlite:
        pytest.skip("PostgreSQL refuses NUL in any text, on all routes alike")
    problem_of(tenant.http.get(path.format(odd)), 404, "not-found")


def test_of_another_tenant(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """Another tenant's job and project are not found."""

    project = tenant.project("more")
    with server.tenant() as other:
        problem_of(other.http.get(of_job(job)), 404, "not-found")
        problem_of(other.http.get(of_project(project)), 404, "not-found")


def test_without_a_key(server: InProcessServer, job: str) -> None:
    """A stream needs a key like everything else."""

    with server.client() as nobody:
        problem_of(nobody.get(of_job(job)), 401, "unauthenticated")


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "4", "99999999999999999999", "1-1", "é"])
@pytest.mark.parametrize("way", ["header", "query"])
def test_bad_number(tenant: Tenant, job: str, bad: str, way: str) -> None:
    """An id that no event of the job has, nor had, is refused."""

    sent = {"headers": {"Last-Event-ID": bad.encode()}} if way == "header" else {}
    answer = tenant.http.get(of_job(job), params={"after": bad} if not sent else {}, **sent)

    problem_of(answer, 422, "invalid-input")


def test_revoked_key(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A stream ends soon after its key was revoked."""

    owner = accounts.Caller(tenant.id, "", accounts.Role.OWNER)
    key, token = accounts.create_key(
        server.runtime, tenant.id, name="short", role=accounts.Role.OWNER
    )
    with server.client(token) as http, http.sse(of_job(job), timeout=WAIT_SECONDS) as source:
        events = (event for event in source if event.data)
        for _ in range(3):
            next(events)
        accounts.revoke_key(server.runtime, owner, key.id)

        assert [] == list(events)


def test_heartbeat(tenant: Tenant, job: str) -> None:
    """A stream on which nothing happens sends a comment now and then."""

    with tenant.http.stream("GET", of_job(job), headers={"Last-Event-ID": "3"}) as answer:
        lines = answer.iter_lines()

        assert [": heartbeat", "", ": heartbeat"] == [next(lines) for _ in range(3)]


def test_project_starts_with_what_is_new(server: InProcessServer, tenant: Tenant) -> None:
    """Without a place, a project's stream holds what happens after its start, of all jobs."""

    project = tenant.project()
    one, other = (made(server, tenant, project) for _ in range(2))
    with following(tenant, of_project(project)) as events:
        end(server, one)
        add(server, other, "page.done")
        seen = [json.loads(next(events).data) for _ in range(2)]

    assert [(one, 4, "job.completed"), (other, 4, "page.done")] == [
        (event["job_id"], event["number"], event["type"]) for event in seen
    ]


def test_project_replay(server: InProcessServer, tenant: Tenant) -> None:
    """From the start or behind any of its ids, a project's stream misses nothing."""

    project = tenant.project()
    for _ in range(2):
        made(server, tenant, project)
    made(server, tenant, tenant.project("another"))
    with following(tenant, of_project(project) + "?from=start") as events:
        everything = [next(events) for _ in range(6)]
    with following(tenant, of_project(project), everything[2].id) as events:
        rest = [next(events) for _ in range(3)]

    assert everything[3:] == rest
    assert [1, 2, 3, 1, 2, 3] == [json.loads(event.data)["number"] for event in everything]


def test_project_tells_its_place_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """A client that is cut off before the first event can go on from where it began."""

    project = tenant.project()
    job = made(server, tenant, project)
    with tenant.http.sse(of_project(project)) as source:
        place = next(iter(source)).id
    end(server, job)
    with following(tenant, of_project(project), place) as events:
        event = next(events)

    assert "job.completed" == event.event


@pytest.mark.parametrize("last_id", ["x", "7", "1-", "-1-2", "1-99999999999999999999"])
def test_bad_place(tenant: Tenant, last_id: str) -> None:
    """An id that this stream cannot have sent is refused."""

    answer = tenant.http.get(of_project(tenant.project()), headers={"Last-Event-ID": last_id})

    problem_of(answer, 422, "invalid-input")


def test_project_gap(server: InProcessServer, tenant: Tenant) -> None:
    """Behind an event that is not kept any more, the stream first says that some may be missing."""

    project = tenant.project()
    job = made(server, tenant, project)
    with following(tenant, of_project(project) + "?from=start") as events:
        first = next(events).id
    drop(server, job, 1, 2)
    with following(tenant, of_project(project), first) as events:
        seen = [next(events).event for _ in range(2)]

    assert ["stream.gap", "job.progress"] == seen


def test_place_ahead_of_all_events(server: InProcessServer, tenant: Tenant) -> None:
    """A place that a restored database does not know hides nothing of what comes."""

    project = tenant.project()
    job = made(server, tenant, project)
    with following(tenant, of_project(project), "999999999999-1") as events:
        seen = [next(events).event]
        end(server, job)
        seen.append(next(events).event)

    assert ["stream.gap", "job.completed"] == seen


def test_deleted_project(server: InProcessServer, tenant: Tenant) -> None:
    """The stream of a project ends when the project is deleted."""

    project = tenant.project()
    made(server, tenant, project)
    with following(tenant, of_project(project) + "?from=start") as events:
        for _ in range(3):
            next(events)
        with server.runtime.database.write() as session:
            row = session.get_one(Project, project)
            row.deleted_at = row.created_at

        assert [] == list(events)


def test_as_many_as_are_served(tmp_path: Any) -> None:
    """One stream too many is told to come back, and may once another has ended."""

    with quiet(tmp_path, max_streams=1) as server, server.tenant() as tenant:
        job = made(server, tenant, tenant.project())
        with following(tenant, of_job(job)) as events:
            next(events)
            answer = tenant.http.get(of_job(job))

            problem_of(answer, 503, "overloaded")
            assert answer.headers["retry-after"]
        end(server, job)
        deadline = time.monotonic() + WAIT_SECONDS
        while tenant.http.get(of_job(job)).status_code != 200:
            assert time.monotonic() < deadline, "the place of the closed stream was kept"
