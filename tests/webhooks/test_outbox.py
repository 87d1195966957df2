"""From events to deliveries."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from tests.webhooks.subscriptions import Clock, Owner, owner_of

from ragline.models import Event, WebhookDelivery, WebhookEndpoint
from ragline.webhooks.messages import ALL, STATUS
from ragline.webhooks.outbox import BATCH, Position, dispatch, is_behind
from ragline.webhooks.signing import new_secret

BEGIN = Position()


def dispatched(owner: Owner, position: Position = BEGIN) -> Position:
    """Make the deliveries of all events."""
    return dispatch(owner.runtime.database, position, now=Clock())


def types(owner: Owner, endpoint: WebhookEndpoint) -> list[str]:
    """Return the types of the messages to an endpoint, in the order of their events."""
    return [delivery.type for delivery in owner.deliveries(endpoint)]


def test_body(either: Owner) -> None:
    """A message tells of the event, of its job and of where it belongs."""

    endpoint = either.subscribe()
    project = either.project()
    error = {"type": "/problems/x", "title": "x", "detail": "y", "retryable": False}
    job = either.job("job.failed", project_id=project, error=error, pages=3)
    dispatched(either)

    [delivery] = either.deliveries(endpoint)
    body = json.loads(delivery.body)
    with either.runtime.database.read() as session:
        event = session.scalars(sa.select(Event).where(Event.type == "job.failed")).one()
    assert event.created_at.isoformat().replace("+00:00", "Z") == body.pop("timestamp")
    assert delivery.id.startswith("msg_")
    assert body == {
        "type": "job.failed",
        "data": {
            "job_id": job.id,
            "kind": "ingest",
            "status": "failed",
            "project_id": project,
            "document_id": None,
            "number": 2,
            "details": {"pages": 3},
            "error": error,
        },
    }


def test_pieces_of_answers(either: Owner) -> None:
    """Pieces of an answer are sent to those who name them, not to those who want all there is."""

    some = either.subscribe(events=["answer.delta"])
    every = either.subscribe(events=[ALL])
    either.job("job.started", "answer.delta", "answer.usage", "job.completed")
    dispatched(either)

    assert ["answer.delta"] == types(either, some)
    assert ["job.queued", "job.started", "job.completed"] == types(either, every)


def test_chosen_types(either: Owner) -> None:
    """An endpoint is sent the types it chose, in the order of their events."""

    three = either.subscribe()
    some = either.subscribe(events=["job.started", "page.done"])
    every = either.subscribe(events=[ALL])
    either.job("job.started", "page.done", "job.completed")
    dispatched(either)

    assert ["job.completed"] == types(either, three)
    assert ["job.started", "page.done"] == types(either, some)
    assert ["job.queued", "job.started", "page.done", "job.completed"] == types(either, every)


def test_project(either: Owner) -> None:
    """An endpoint of a project is not told of other projects' jobs, nor of those of none."""

    mine, other = either.project(), either.project()
    endpoint = either.subscribe(project_id=mine)
    jobs = [either.job("job.completed", project_id=project) for project in (mine, other, None)]
    dispatched(either)

    bodies = [json.loads(delivery.body) for delivery in either.deliveries(endpoint)]
    assert [jobs[0].id] == [body["data"]["job_id"] for body in bodies]


def test_tenants(either: Owner) -> None:
    """No tenant is told of another's jobs."""

    endpoint = either.subscribe(events=[ALL])
    owner_of(either.runtime).job("job.completed")
    dispatched(either)

    assert [] == either.deliveries(endpoint)


def test_earlier_events(either: Owner) -> None:
    """An endpoint is sent nothing that happened before it was made."""

    first = either.subscribe()
    either.job("job.completed")
    second = either.subscribe()
    either.job("job.cancelled")
    dispatched(either)

    assert ["job.completed", "job.cancelled"] == types(either, first)
    assert ["job.cancelled"] == types(either, second)


def test_disabled(either: Owner) -> None:
    """A disabled endpoint gets no new deliveries."""

    endpoint = either.subscribe()
    with either.runtime.database.write() as session:
        session.merge(endpoint).disabled_at = Clock()()
    either.subscribe()
    either.job("job.completed")
    dispatched(either)

    assert [] == either.deliveries(endpoint)


def test_nobody_subscribed(either: Owner) -> None:
    """Without endpoints the position jumps to the newest event, and no delivery is made."""

    either.job("job.started", "job.completed")
    position = dispatched(either)

    with either.runtime.database.read() as session:
        newest = session.execute(
            sa.select(Event.transaction_id, Event.cursor).order_by(Event.cursor.desc())
        ).first()
        behind = is_behind(session, position)
        count = session.scalar(sa.select(sa.func.count()).select_from(WebhookDelivery))
    assert newest is not None
    assert Position(*newest) == position
    assert not behind
    assert 0 == count


def test_more_than_a_batch(either: Owner) -> None:
    """Any number of events is read, each once."""

    endpoint = either.subscribe(events=["job.progress"])
    either.job(*["job.progress"] * (BATCH + 20))
    position = dispatched(either)
    dispatched(either)

    assert BATCH + 20 == len(either.deliveries(endpoint))
    with either.runtime.database.read() as session:
        assert not is_behind(session, position)


def test_dispatchers_at_once(either: Owner) -> None:
    """Several dispatchers, while events are written, make exactly one delivery of each."""

    endpoints = [either.subscribe(events=[ALL]) for _ in range(3)]
    done = threading.Event()

    def keep_dispatching() -> None:
        position = BEGIN
        while not done.is_set():
            position = dispatched(either, position)

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(keep_dispatching) for _ in range(3)]
        writers = [
            pool.submit(lambda: [either.job("job.started", "job.completed") for _ in range(10)])
            for _ in range(3)
        ]
        for writer in writers:
            writer.result()
        done.set()
        for reader in readers:
            reader.result()
    dispatched(either)

    with either.runtime.database.read() as session:
        events = Counter(session.scalars(sa.select(Event.cursor)))
    assert 90 == len(events)
    for endpoint in endpoints:
        sent = Counter(delivery.event_cursor for delivery in either.deliveries(endpoint))
        assert events == sent


def test_late_commit(on_postgres: Owner) -> None:
    """An event that is committed after younger ones is not passed by."""

    endpoint = on_postgres.subscribe()
    database = on_postgres.runtime.database
    with database.write() as session:
        slow = on_postgres.job_in(session, "job.completed")
        quick = on_postgres.job("job.completed")
        early = dispatched(on_postgres)
        before = on_postgres.deliveries(endpoint)
    dispatched(on_postgres, early)

    assert [] == before
    assert [slow.id, quick.id] == [
        json.loads(delivery.body)["data"]["job_id"] for delivery in on_postgres.deliveries(endpoint)
    ]


def test_late_subscription(on_postgres: Owner) -> None:
    """Events after a subscription that is still being committed are kept for it."""

    endpoint = WebhookEndpoint(
        tenant_id=on_postgres.caller.tenant_id,
        url="http://127.0.0.1:9/",
        events=[ALL],
        secret=new_secret(),
    )
    with on_postgres.runtime.database.write() as session:
        session.add(endpoint)
        session.flush()
        on_postgres.job("job.completed")
        position = dispatched(on_postgres)
    dispatched(on_postgres, position)

    assert ["job.queued", "job.completed"] == types(on_postgres, endpoint)


def test_every_type_has_a_status() -> None:
    """For each type of event it is known how the job stood then."""

    assert {"queued", "processing", "completed", "failed", "cancelled"} == set(STATUS.values())
