"""When a request is sent again, and what becomes of answers a healthy Ragline does not give."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.client.clients import Connect
from tests.client.scripted import OVERLOADED, Reply, answering

from ragline import (
    ClientProblem,
    NotFound,
    NotRagline,
    Overloaded,
    RateLimited,
    ServerFailed,
    ServerUnreachable,
)

NOTHING: Reply = (200, {"jobs": [], "has_more": False}, {})
PROJECT = {"id": "p", "name": "zoo", "created_at": "2026-11-22T00:00:00Z"}
MADE: Reply = (201, PROJECT, {})
BROKEN: Reply = (200, "{", {"Content-Length": "100"})
GATEWAY: Reply = (502, "<html>Bad gateway</html>", {"Retry-After": "0"})


def test_an_overloaded_server_is_asked_again(connect: Connect) -> None:
    """A 503 with Retry-After leads to the same request, not to an error."""
    with answering(OVERLOADED, NOTHING) as server, connect(server.url) as client:
        assert [] == list(client.jobs())

    assert server.paths == [server.paths[0]] * 2


def test_a_server_that_stays_overloaded_is_given_up(connect: Connect) -> None:
    """After some tries the server's own words are raised, as something to retry."""
    with (
        answering(always=OVERLOADED) as server,
        connect(server.url, retries=2) as client,
        pytest.raises(Overloaded, match="Busy") as caught,
    ):
        list(client.jobs())

    assert (True, 0, 3) == (
        caught.value.retryable,
        caught.value.retry_after,
        len(server.asked),
    )


def test_who_is_sent_away_for_long_does_not_wait(connect: Connect) -> None:
    """A wait longer than anybody's patience is raised at once, with its length."""
    problem = {"type": "/problems/too-many-requests", "detail": "Tomorrow."}
    with (
        answering((429, problem, {"Retry-After": "86400"})) as server,
        connect(server.url) as client,
        pytest.raises(RateLimited, match="Tomorrow") as caught,
    ):
        list(client.jobs())

    assert 86400 == caught.value.retry_after


def test_a_look_is_repeated_where_the_connection_breaks(connect: Connect) -> None:
    """A request that only looks is sent again."""
    with answering(BROKEN, NOTHING) as server, connect(server.url) as client:
        assert [] == list(client.jobs())

    assert 2 == len(server.asked)


def test_what_is_made_is_asked_for_again_under_the_same_key(connect: Connect) -> None:
    """A lost answer is asked for again, and each call has a key of its own."""
    with answering(BROKEN, GATEWAY, MADE, MADE) as server, connect(server.url) as client:
        client.create_project("zoo")
        client.create_project("zoo")

    first, second, third, fourth = (one.headers["idempotency-key"] for one in server.asked)
    assert first == second == third != fourth
    assert 1 == len({one.body for one in server.asked})


def test_a_key_may_be_chosen(connect: Connect) -> None:
    """Who may die before the answer comes chooses a key that the next one knows."""
    with answering(MADE) as server, connect(server.url) as client:
        client.create_project("zoo", idempotency_key="order 7")

    assert "order 7" == server.asked[0].headers["idempotency-key"]


@pytest.mark.parametrize("reply", [BROKEN, GATEWAY], ids=["broken", "gateway"])
def test_what_could_be_done_twice_is_not_repeated(connect: Connect, reply: Reply) -> None:
    """A question that may have been answered, and paid for, is not asked again."""
    with (
        answering(reply) as server,
        connect(server.url) as client,
        pytest.raises((ServerUnreachable, NotRagline)),
    ):
        client.chat("p", "Why?")

    assert 1 == len(server.asked)


def test_nobody_there_is_a_sentence(connect: Connect) -> None:
    """A refused connection says what to do."""
    with (
        connect("http://127.0.0.1:9", retries=0) as nobody,
        pytest.raises(ServerUnreachable, match="start one with `ragline serve`") as caught,
    ):
        nobody.job("any")

    assert not caught.value.connected


def test_the_first_look_at_a_server_is_not_repeated(connect: Connect) -> None:
    """Who asks whether a server is there gets an answer at once."""
    with connect("http://127.0.0.1:9") as nobody:
        assert not nobody.ready()
        with pytest.raises(ServerUnreachable):
            nobody.live()


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_stranger_is_told_as_one(connect: Connect, status: int) -> None:
    """What answers with something else than Ragline's JSON is named by its URL."""
    with (
        answering((status, "<html>It works!</html>", {})) as server,
        connect(server.url) as client,
        pytest.raises(NotRagline, match="does not look like Ragline: check RAGLINE_URL"),
    ):
        list(client.jobs())


def test_fields_and_words_of_a_newer_server_are_kept(connect: Connect) -> None:
    """Fields, kinds and states that this version does not know are handed on."""
    job = {
        "id": "j",
        "kind": "dream",
        "status": "sleeping",
        "progress": {"done": 0, "total": None, "unit": "sheep"},
        "created_at": "2026-11-22T00:00:00Z",
        "colour": "red",
    }
    with answering((200, job, {})) as server, connect(server.url) as client:
        found = client.job("j")

    assert ("dream", "sleeping", "red") == (found.kind, found.status, found.model_dump()["colour"])


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (404, "lost-in-space", NotFound),
        (418, "teapot", ClientProblem),
        (599, "meltdown", ServerFailed),
    ],
)
def test_problems_of_a_newer_server_are_known_by_status(
    connect: Connect, status: int, kind: str, expected: type[ClientProblem]
) -> None:
    """A kind of problem that this version does not know is the one of its status."""
    problem = {"type": f"/problems/{kind}", "detail": "New."}
    with (
        answering((status, problem, {})) as server,
        connect(server.url) as client,
        pytest.raises(expected, match="New") as caught,
    ):
        client.project("p")

    assert (expected, f"/problems/{kind}") == (type(caught.value), caught.value.type)


def test_listings_go_on_past_a_page(connect: Connect) -> None:
    """All items come, however many the server gives at once."""
    pages: list[Reply] = [
        (200, {"projects": [PROJECT | {"id": "a"}, PROJECT | {"id": "b"}], "has_more": True}, {}),
        (200, {"projects": [PROJECT | {"id": "c"}], "has_more": False}, {}),
    ]
    with answering(*pages) as server, connect(server.url) as client:
        assert ["a", "b", "c"] == [project.id for project in client.projects()]

    assert ["/v1/projects?limit=200", "/v1/projects?limit=200&after=b"] == server.paths


def test_listings_stop_at_their_limit(connect: Connect) -> None:
    """No more is asked for than is wanted, and the place to begin behind is handed on."""
    pages: list[Reply] = [
        (200, {"projects": [PROJECT | {"id": "a"}, PROJECT | {"id": "b"}], "has_more": True}, {}),
        (200, {"projects": [PROJECT | {"id": "c"}], "has_more": True}, {}),
    ]
    with answering(*pages) as server, connect(server.url) as client:
        assert ["a", "b", "c"] == [one.id for one in client.projects(limit=3, after="0")]

    assert ["/v1/projects?limit=3&after=0", "/v1/projects?limit=1&after=b"] == server.paths


def test_times_are_sent_with_their_zone(connect: Connect) -> None:
    """A filter by time says which moment is meant."""
    with answering(NOTHING) as server, connect(server.url) as client:
        list(client.jobs(created_after=datetime(2026, 11, 22, tzinfo=UTC), dismissed=False))

    assert "created_after=2026-11-22T00%3A00%3A00%2B00%3A00&dismissed=false" in server.paths[0]
