"""Following events over dropped connections, busy servers and restarts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.servers import RunningServer

from ragline.client import Client, ClientProblem, Event, ServerUnreachable

BUSY = {"type": "/problems/overloaded", "title": "Overloaded", "status": 503, "detail": "Busy."}
Reply = tuple[int, str, dict[str, str]]


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
OVERLOADED: Reply = (
    503,
    json.dumps(BUSY),
    {"Content-Type": "application/problem+json", "Retry-After": "0"},
)


@contextmanager
def answering(*replies: Reply) -> Iterator[tuple[Client, list[str | None]]]:
    """Give a client whose server answers with these in turn, and the ids it was asked for."""
    left, asked = list(replies), list[str | None]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = left.pop(0)
            asked.append(self.headers.get("Last-Event-ID"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            yield client, asked
        server.shutdown()
        thread.join()


def test_events_come_until_nothing_is_left() -> None:
    """A stream that ends is asked once more for what came behind it."""
    with answering(stream(1, 2), NOTHING_LEFT) as (client, asked):
        events = list(client.events("a"))

    assert [("1", 1), ("2", 2)] == [(event.id, event.number) for event in events]
    assert [None, "2"] == asked


def test_a_dropped_connection_goes_on_where_it_was() -> None:
    """No event is lost and none comes twice."""
    with answering(stream(1, whole=False), stream(2, 3), NOTHING_LEFT) as (client, asked):
        events = [event.number for event in client.events("a")]

    assert [1, 2, 3] == events
    assert [None, "1", "3"] == asked


def test_an_overloaded_server_is_asked_again() -> None:
    """A 503 is waited out, by its Retry-After."""
    with answering(OVERLOADED, OVERLOADED, stream(5), NOTHING_LEFT) as (client, asked):
        assert [5] == [event.number for event in client.events("a", after=4)]

    assert ["4", "4", "4", "5"] == asked


def test_a_server_that_stays_overloaded_is_given_up() -> None:
    """After several tries the server's own words are raised."""
    with (
        answering(*[OVERLOADED] * 6) as (client, _),
        pytest.raises(ClientProblem, match="Busy"),
    ):
        list(client.events("a"))


def test_a_refusal_is_raised_at_once() -> None:
    """What another try cannot change is not tried again."""
    gone = json.dumps({"type": "/problems/not-found", "detail": "There is no such job."})
    with (
        answering((404, gone, {"Content-Type": "application/problem+json"})) as (client, _),
        pytest.raises(ClientProblem, match="no such job"),
    ):
        list(client.events("a"))


def test_a_stranger_is_told_as_one() -> None:
    """What is no event stream does not come from Ragline."""
    with (
        answering((200, "<html>", {"Content-Type": "text/html"})) as (client, _),
        pytest.raises(ClientProblem, match="does not look like Ragline"),
    ):
        list(client.events("a"))


def test_details_are_handed_on() -> None:
    """What an event tells beyond its type is kept."""
    with answering(stream(1), NOTHING_LEFT) as (client, _):
        (event,) = client.events("a")

    assert {"done": 1} == event.model_extra
    assert not event.ends_job


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not come back ends with a sentence."""
    monkeypatch.setattr("ragline.client.connection.SHORTEST_PAUSE", 0.001)
    with (
        Client("http://127.0.0.1:9") as nobody,
        pytest.raises(ServerUnreachable, match="start one with `ragline serve`"),
    ):
        list(nobody.events("a"))


def test_events_over_restarts_of_the_server(tmp_path: Path) -> None:
    """Streams end with the server, which does not wait for them, and go on with the next one."""
    with RunningServer(tmp_path / "data") as server, server.client() as client:
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
            events.close()  # type: ignore[attr-defined]  # it is a generator
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
