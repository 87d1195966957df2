"""Deliveries: tried, leased, retried, ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook
from tests.webhooks.receiver import Receiver, Reply
from tests.webhooks.subscriptions import Clock, Owner

from ragline.models import WebhookDelivery, WebhookEndpoint
from ragline.webhooks import log, service
from ragline.webhooks.addresses import Resolve, resolve
from ragline.webhooks.delivery import LEASE_MARGIN, Deliverer
from ragline.webhooks.outbox import Position, dispatch
from ragline.webhooks.schedule import LONGEST, WINDOW
from ragline.webhooks.sending import Sender
from ragline.webhooks.tries import claim

WAIT_SECONDS = 60
LEASE = timedelta(seconds=1) + LEASE_MARGIN


def told(owner: Owner, receiver: Receiver) -> WebhookEndpoint:
    """Return an endpoint with one event that waits to be sent."""
    endpoint = owner.subscribe(receiver.url)
    owner.job("job.completed")
    return endpoint


def only(owner: Owner, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Return the one delivery to an endpoint."""
    [delivery] = owner.deliveries(endpoint)
    return delivery


def patient(owner: Owner, resolve: Resolve = resolve) -> Sender:
    """Return a sender that waits longer than any of these tests."""
    settings = owner.runtime.settings.model_copy(update={"webhook_seconds": WAIT_SECONDS})
    return Sender(settings, resolve)


def until(happened: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_delivered(either: Owner, receiver: Receiver, clock: Clock) -> None:
    """A message is sent once, signed, and its log says so."""

    endpoint = told(either, receiver)
    deliverer = Deliverer(either.runtime, now=clock)
    tries = [deliverer.deliver_due(), deliverer.deliver_due()]

    [came] = receiver.received
    delivery = only(either, endpoint)
    assert [1, 0] == tries
    assert "job.completed" == Webhook(endpoint.secret).verify(came.body, came.headers)["type"]
    assert (delivery.id, delivery.body) == (came.headers["webhook-id"], came.body)
    assert ("delivered", clock.at, None) == (
        delivery.status,
        delivery.ended_at,
        delivery.next_try_at,
    )
    assert [(clock.at.isoformat(), 200, None)] == [
        (one["at"], one["status_code"], one["error"]) for one in delivery.tries
    ]


def test_retries(owner: Owner, receiver: Receiver, clock: Clock) -> None:
    """Each try sends the same id and body, with a time and a signature of its own."""

    endpoint = told(owner, receiver)
    receiver.replies = [Reply(500), Reply(fault="reset")]
    deliverer = Deliverer(owner.runtime, now=clock)
    for _ in range(3):
        assert 1 == deliverer.deliver_due()
        assert 0 == deliverer.deliver_due()
        clock.advance(timedelta(minutes=1))

    came = receiver.received
    assert 1 == len({(one.headers["webhook-id"], one.body) for one in came})
    assert 3 == len({one.headers["webhook-timestamp"] for one in came})
    assert [500, None, 200] == [one["status_code"] for one in only(owner, endpoint).tries]
    for one in came:
        Webhook(endpoint.secret).verify(one.body, one.headers)


def test_last_try(owner: Owner, receiver: Receiver, clock: Clock) -> None:
    """After the last try, three days on, a delivery has failed; its log stays."""

    endpoint = told(owner, receiver)
    receiver.reply = Reply(500)
    deliverer = Deliverer(owner.runtime, now=clock)
    began = clock.at
    while deliverer.deliver_due():
        clock.at = only(owner, endpoint).next_try_at or clock.at

    delivery = only(owner, endpoint)
    most = owner.runtime.settings.webhook_tries
    assert ("failed", most, most) == (delivery.status, delivery.try_count, len(delivery.tries))
    assert most == len(receiver.received)
    assert clock.at - began >= WINDOW


@pytest.mark.parametrize(
    ("header", "least"), [("3600", timedelta(hours=1)), ("9999999", LONGEST), ("0", timedelta())]
)
def test_retry_after(
    owner: Owner, receiver: Receiver, clock: Clock, header: str, least: timedelta
) -> None:
    """A receiver may ask for a later try, up to a day, but not for an earlier one."""

    endpoint = told(owner, receiver)
    receiver.reply = Reply(503, {"Retry-After": header})
    Deliverer(owner.runtime, now=clock).deliver_due()

    planned = only(owner, endpoint).next_try_at
    assert planned is not None
    assert max(least, timedelta(seconds=5)) <= planned - clock.at <= max(least, timedelta(6))


def test_gone(either: Owner, receiver: Receiver, clock: Clock) -> None:
    """410 disables the endpoint and ends all that waits for it."""

    endpoint = told(either, receiver)
    either.job("job.failed")
    receiver.reply = Reply(410)
    tries = Deliverer(either.runtime, now=clock).deliver_due()

    with either.runtime.database.read() as session:
        now = session.get_one(WebhookEndpoint, endpoint.id)
    assert 1 == tries
    assert ["failed", "failed"] == [one.status for one in either.deliveries(endpoint)]
    assert clock.at == now.disabled_at
    assert "410" in str(now.disabled_reason)


def test_gone_from_an_old_address(owner: Owner, receiver: Receiver, clock: Clock) -> None:
    """410 from an address that was replaced meanwhile does not disable the new one."""

    endpoint = told(owner, receiver)
    receiver.reply = Reply(410, fault="wait")
    deliverer = Deliverer(owner.runtime, now=clock)
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(deliverer.deliver_due)
        assert receiver.arrived.acquire(timeout=WAIT_SECONDS)
        changes = {"url": receiver.url + "/new"}
        service.change_endpoint(owner.runtime, owner.caller, endpoint.id, changes)
        receiver.let_go.set()
        trying.result()

    with owner.runtime.database.read() as session:
        assert session.get_one(WebhookEndpoint, endpoint.id).disabled_at is None
    assert "pending" == only(owner, endpoint).status


def test_rotation(owner: Owner, receiver: Receiver, clock: Clock) -> None:
    """While a rotation lasts both secrets verify; after it the new one alone signs."""

    endpoint = told(owner, receiver)
    deliverer = Deliverer(owner.runtime, now=clock)
    rotated = service.rotate_secret(owner.runtime, owner.caller, endpoint.id, overlap_hours=1)
    deliverer.deliver_due()
    clock.advance(timedelta(hours=1, seconds=1))
    owner.job("job.completed")
    deliverer.deliver_due()

    during, after = receiver.received
    for secret in (endpoint.secret, rotated.secret):
        Webhook(secret).verify(during.body, during.headers)
    assert [2, 1] == [len(one.headers["webhook-signature"].split()) for one in (during, after)]


def test_rotation_without_overlap(owner: Owner, receiver: Receiver, clock: Clock) -> None:
    """A secret that leaked can be replaced at once."""

    endpoint = told(owner, receiver)
    rotated = service.rotate_secret(owner.runtime, owner.caller, endpoint.id, overlap_hours=0)
    Deliverer(owner.runtime, now=clock).deliver_due()

    [came] = receiver.received
    Webhook(rotated.secret).verify(came.body, came.headers)
    assert 1 == len(came.headers["webhook-signature"].split())


def test_lease_after_a_crash(either: Owner, receiver: Receiver, clock: Clock) -> None:
    """What a worker held when it died is tried by another once its lease is over."""

    endpoint = told(either, receiver)
    database = either.runtime.database
    dispatch(database, Position(), now=clock)
    assert claim(database, at=clock.at, until=clock.at + LEASE) is not None
    deliverer = Deliverer(either.runtime, now=clock)
    early = deliverer.deliver_due()
    clock.advance(LEASE)

    assert (0, 1) == (early, deliverer.deliver_due())
    assert "delivered" == only(either, endpoint).status


def test_late_worker(owner: Owner, receiver: Receiver, clock: Clock) -> None:
    """A worker whose lease went to another does not overwrite what that one wrote."""

    endpoint = told(owner, receiver)
    receiver.replies = [Reply(500, fault="wait")]
    slow, quick = (Deliverer(owner.runtime, now=clock) for _ in range(2))
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(slow.deliver_due)
        assert receiver.arrived.acquire(timeout=WAIT_SECONDS)
        clock.advance(LEASE)
        assert 1 == quick.deliver_due()
        receiver.let_go.set()
        trying.result()

    delivery = only(owner, endpoint)
    assert ("delivered", [200]) == (
        delivery.status,
        [one["status_code"] for one in delivery.tries],
    )


def test_claims_at_once(either: Owner, receiver: Receiver, clock: Clock) -> None:
    """Of several workers that look at once, one tries each delivery."""

    endpoint = either.subscribe(receiver.url)
    for _ in range(12):
        either.job("job.completed")
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(Deliverer(either.runtime, now=clock).deliver_due) for _ in range(4)]
        assert sum(one.result() for one in tries) <= 12
    Deliverer(either.runtime, now=clock).deliver_due()

    ids = [came.headers["webhook-id"] for came in receiver.received]
    assert 12 == len(ids)
    assert sorted(ids) == sorted(one.id for one in either.deliveries(endpoint))


def test_replay(either: Owner, receiver: Receiver, clock: Clock) -> None:
    """A failed delivery can be sent again: same id, same body, all its tries anew."""

    endpoint = told(either, receiver)
    receiver.replies = [Reply(410)]
    deliverer = Deliverer(either.runtime, now=clock)
    deliverer.deliver_due()
    service.change_endpoint(either.runtime, either.caller, endpoint.id, {"enabled": True})
    log.replay(either.runtime, either.caller, endpoint.id, only(either, endpoint).id)
    clock.advance(timedelta(minutes=1))
    deliverer.deliver_due()

    first, second = receiver.received
    assert (first.headers["webhook-id"], first.body) == (
        second.headers["webhook-id"],
        second.body,
    )
    delivery = only(either, endpoint)
    assert ("delivered", 1, 2) == (delivery.status, delivery.try_count, len(delivery.tries))


def test_deleted_while_it_is_tried(either: Owner, receiver: Receiver, clock: Clock) -> None:
    """An endpoint may be removed while a message is on its way to it."""

    endpoint = told(either, receiver)
    receiver.reply = Reply(410, fault="wait")
    deliverer = Deliverer(either.runtime, now=clock)
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(deliverer.deliver_due)
        assert receiver.arrived.acquire(timeout=WAIT_SECONDS)
        service.unsubscribe(either.runtime, either.caller, endpoint.id)
        receiver.let_go.set()
        trying.result()

    assert [] == either.deliveries(endpoint)


def test_threads(either: Owner, receiver: Receiver) -> None:
    """A started deliverer sends what happens, until it is stopped."""

    endpoint = either.subscribe(receiver.url)
    deliverer = Deliverer(either.runtime)
    deliverer.start()
    for _ in range(20):
        either.job("job.completed")
    until(lambda: [one.status for one in either.deliveries(endpoint)] == ["delivered"] * 20)
    deliverer.stop()

    assert not deliverer.is_alive
    assert 20 == len({came.headers["webhook-id"] for came in receiver.received})


def test_slow_neighbour(owner: Owner, receiver: Receiver) -> None:
    """An endpoint that does not answer leaves places for others."""

    slow, quick = owner.subscribe(receiver.url), owner.subscribe(receiver.url)
    for _ in range(30):
        owner.job("job.completed")
    dispatch(owner.runtime.database, Position(), now=Clock())
    # The slow one's messages have waited longest.
    with owner.runtime.database.write() as session:
        session.execute(
            sa.update(WebhookDelivery)
            .where(WebhookDelivery.endpoint_id == slow.id)
            .values(next_try_at=Clock()() - timedelta(hours=1))
        )
        session.execute(
            sa.update(WebhookEndpoint)
            .where(WebhookEndpoint.id == slow.id)
            .values(url="http://127.0.0.1:9/")
        )
    held = threading.Event()

    def hold(_host: str, port: int) -> list[str]:
        if port == 9:
            held.wait(WAIT_SECONDS)
        return ["127.0.0.1"]

    deliverer = Deliverer(owner.runtime, sender=patient(owner, hold))
    deliverer.start()
    until(lambda: all(one.status == "delivered" for one in owner.deliveries(quick)))
    waiting = [one.try_count for one in owner.deliveries(slow)]
    held.set()
    deliverer.stop()

    assert [0] * 30 == waiting


def test_stop_waits(owner: Owner, receiver: Receiver) -> None:
    """A try under way when the deliverer stops is finished and written down."""

    endpoint = told(owner, receiver)
    receiver.reply = Reply(fault="wait")
    deliverer = Deliverer(owner.runtime, sender=patient(owner))
    deliverer.start()
    assert receiver.arrived.acquire(timeout=WAIT_SECONDS)
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(deliverer.stop)
        receiver.let_go.set()
        stopping.result()

    assert "delivered" == only(owner, endpoint).status
