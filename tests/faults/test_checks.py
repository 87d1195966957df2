"""Each check finds the violation it is for, and none in what is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.faults import checks
from tests.faults.history import History
from tests.faults.receiver import Message
from tests.faults.state import State

JOB: dict[str, Any] = {
    "id": "job",
    "kind": "ingest",
    "document_id": "document",
    "version": 1,
    "outcome": "completed",
    "cancel_requested_at": None,
}
DOCUMENT = {"id": "document", "project_id": "p", "content_hash": "c", "published_version": 1}
CHUNK = {"id": "chunk", "document_id": "document", "version": 1, "ordinal": 0}
RIGHT = State(
    jobs=[JOB],
    attempts=[{"job_id": "job", "number": 1, "outcome": "completed", "workflow_id": "job"}],
    events=[
        {"job_id": "job", "number": 1, "type": "job.queued"},
        {"job_id": "job", "number": 2, "type": "job.completed"},
    ],
    documents=[DOCUMENT],
    chunks=[CHUNK],
    vectors={"document": {"chunk"}},
    files={"c"},
)
LATE = {"job_id": "job", "number": 3, "type": "job.progress"}
WRONG = {
    "an event after the end": replace(RIGHT, events=[*RIGHT.events, LATE]),
    "a gap": replace(RIGHT, events=[RIGHT.events[0], {**RIGHT.events[1], "number": 3}]),
    "no end": replace(RIGHT, jobs=[JOB | {"outcome": None}]),
    "two ends": replace(RIGHT, events=[*RIGHT.events, {**RIGHT.events[1], "number": 3}]),
    "completed though cancelled": replace(RIGHT, jobs=[JOB | {"cancel_requested_at": "now"}]),
    "a lost vector": replace(RIGHT, vectors={}),
    "a stray vector": replace(RIGHT, vectors={"document": {"chunk", "other"}}),
    "a passage twice": replace(RIGHT, chunks=[CHUNK, CHUNK]),
    "a document twice": replace(RIGHT, documents=[DOCUMENT, DOCUMENT | {"id": "other"}]),
    "not published": replace(RIGHT, documents=[DOCUMENT | {"published_version": None}]),
    "a stray file": replace(RIGHT, files={"c", "d"}),
    "a lost file": replace(RIGHT, files=set()),
    "a child": replace(RIGHT, children=["1 python"]),
    "held work": replace(RIGHT, workflows=[{"workflow_uuid": "w", "status": "PENDING"}]),
    "a held delivery": replace(RIGHT, deliveries=[{"id": "d", "leased_until": "soon"}]),
    "a held place": replace(RIGHT, calls=[{"id": "c", "ended": None}]),
}


def test_right_state_violates_nothing() -> None:
    """There is nothing to say of a state as it should be."""
    assert [] == [violation for check in checks.ON_STATE for violation in check(RIGHT)]


@pytest.mark.parametrize("state", WRONG.values(), ids=WRONG.keys())
def test_wrong_state_is_found(state: State) -> None:
    """Each thing that is wrong is told of."""
    assert [] != [violation for check in checks.ON_STATE for violation in check(state)]


def test_lost_job_is_found() -> None:
    """A job that a client was promised and that is not there is told of."""
    history = History()
    with history.sending("text", "server") as sent:
        sent.status, sent.answer = 202, {"job": {"id": "lost"}, "documents": []}

    assert [] != checks.accepted_is_kept(RIGHT, history)


def test_second_job_of_a_key_is_found() -> None:
    """Two jobs under one Idempotency-Key are told of."""
    history = History()
    for job in ("one", "other"):
        with history.sending("text", "server", key="key") as sent:
            sent.status, sent.answer = 202, {"job": {"id": job}}

    assert [] != checks.each_key_has_one_job(RIGHT, history)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message("m", '{"data":{"job_id":"job","number":2}}', taken=False)],
        [
            Message("m", '{"data":{"job_id":"job","number":2}}', taken=True),
            Message("n", '{"data":{"job_id":"job","number":2}}', taken=True),
        ],
    ],
    ids=["none", "refused", "two ids"],
)
def test_wrong_messages_are_found(messages: list[Message]) -> None:
    """An end that nobody was told of, or was told of under two ids, is found."""
    assert [] != checks.webhooks_tell_each_end(RIGHT, messages)


def test_second_payment_is_found() -> None:
    """A question that was paid for twice without a fault is told of."""
    history = History()
    with history.sending("chat", "server", question="Where?") as sent:
        sent.status, sent.answer = 202, {"job": {"id": "job"}}

    assert [] == checks.nothing_is_paid_twice(RIGHT, ["Where?"], history, [])
    assert [] != checks.nothing_is_paid_twice(RIGHT, ["Where?", "Where?"], history, [])


def test_changed_end_is_found() -> None:
    """An attempt that ended otherwise than it was once seen to is told of."""
    ended = checks.Ended({("job", 1): dict(RIGHT.attempts[0]) | {"outcome": "failed"}})

    assert [] != checks.ended_stays(RIGHT, ended)
