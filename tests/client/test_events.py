"""Following events over dropped connections, busy servers and restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.client.clients import Connect
from tests.client.scripted import OVERLOADED, Reply, answering
from tests.servers import RunningServer

from ragline import Client, ClientProblem, Event, ServerUnreachable


def stream(*numbers: int, whole: bool = True) -> Reply:
    """Return a stream of a job's events; one that is not whole breaks off behind them."""
    frames = (
        f'id: {n}\nevent: job.progress\ndata: {{"type":"job.progress","number":{n},"done":{n}}}\n\n'
        for n in numbers
    )
    body = ": heartbeat\n\n" + "".join(frames)
    headers = {"Content-Type": "text/event-stream"}
    return 200, body, headers if whole else {**headers, "Content-Length": str(len(body) + 10)}


NOTHING_LEFT: Reply = (204, "", {})


@contextmanager
def following(
    connect: Connect, *replies: Reply, **options: int
) -> Iterator[tuple[Client, Callable[[], list[str | None]]]]:
    """Give a client whose server answers with these in turn, and the ids it was asked for."""
    with answering(*replies) as server, connect(server.url, **options) as client:
        yield client, lambda: [one.headers.get("last-event-id") for one in server.asked]


def test_events_come_until_nothing_is_left(connect: Connect) -> None:
    """A stream that ends is asked once more for what came behind it."""
    with following(connect, stream(1, 2), NOTHING_LEFT) as (client, asked):
        events = list(client.events("a"))

    assert [("1", 1), ("2", 2)] == [(event.id, event.number) for event in events]
    assert [None, "2"] == asked()


def test_a_dropped_connection_goes_on_where_it_was(connect: Connect) -> None:
    """No event is lost and none comes twice."""
    with following(connect, stream(1, whole=False), stream(2, 3), NOTHING_LEFT) as (client, asked):
        events = [event.number for event in client.events("a")]

    assert [1, 2, 3] == events
    assert [None, "1", "3"] == asked()


def test_an_overloaded_server_is_asked_again(connect: Connect) -> None:
    """A 503 is waited out, by its Retry-After."""
    with following(connect, OVERLOADED, OVERLOADED, stream(5), NOTHING_LEFT) as (client, asked):
        assert [5] == [event.number for event in client.events("a", after=4)]

    assert ["4", "4", "4", "5"] == asked()


def test_a_server_that_stays_overloaded_is_given_up(connect: Connect) -> None:
    """After several tries the server's own words are raised."""
    with (
        following(connect, *[OVERLOADED] * 3, retries=2) as (client, _),
        pytest.raises(ClientProblem, match="Busy"),
    ):
        list(client.events("a"))


def test_a_refusal_is_raised_at_once(connect: Connect) -> None:
    """What another try cannot change is not tried again."""
    gone = {"type": "/problems/not-found", "detail": "There is no such job."}
    with (
        following(connect, (404, gone, {"Content-Type": "application/problem+json"})) as (
            client,
            _,
        ),
        pytest.raises(ClientProblem, match="no such job"),
    ):
        list(client.events("a"))


def test_a_stranger_is_told_as_one(connect: Connect) -> None:
    """What is no event stream does not come from Ragline."""
    with (
        following(connect, (200, "<html>", {"Content-Type": "text/html"})) as (client, _),
        pytest.raises(ClientProblem, match="does not look like Ragline"),
    ):
        list(client.events("a"))


def test_details_are_handed_on(connect: Connect) -> None:
    """What an event tells beyond its type is kept."""
    with following(connect, stream(1), NOTHING_LEFT) as (client, _):
        (event,) = client.events("a")

    assert {"done": 1} == event.model_extra
    assert not event.ends_job


def test_nobody_there(connect: Connect) -> None:
    """A server that does not come back ends with a sentence."""
    with (
        connect("http://127.0.0.1:9", retries=1) as nobody,
        pytest.raises(ServerUnreachable, match="start one with `ragline serve`"),
    ):
        list(nobody.events("a"))


def test_events_over_restarts_of_the_server(tmp_path: Path) -> None:
    """Streams end with the server, which does not wait for them, and go on with the next one."""
    with (
        RunningServer(tmp_path / "data") as server,
        server.client() as client,
    ):
        project = client.create_project("zoo")
        seen: list[Event] = []
        for number, stop in enumerate((server.restart, server.kill)):
            events = client.project_events(
                project.id, after=seen[-1].id if seen else None, from_start=True
            )
            before = client.add_text(project.id, f"Animal {number}.").job
            assert before is not None
            seen += until_end(events, before.id)
            stop()
            if stop == server.kill:
                server.start()
            after = client.add_text(project.id, f"Plant {number}.").job
            assert after is not None
            seen += until_end(events, after.id)
            events.close()
        jobs = {job.id: [e.number for e in client.events(job.id)] for job in client.jobs()}
        log = server.log_path.read_text()

    assert 4 == len(jobs)
    for job_id, numbers in jobs.items():
        assert list(range(1, len(numbers) + 1)) == numbers
        assert numbers == [event.number for event in seen if event.job_id == job_id]
    assert "graceful shutdown exceeded" not in log


def until_end(events: Iterator[Event], job_id: str) -> list[Event]:
    """Return events up to the one that ends a job."""
    seen = []
    for event in events:
        seen.append(event)
        if event.job_id == job_id and event.ends_job:
            break
    return seen
