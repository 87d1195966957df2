"""Webhooks: subscriptions, their secrets and their log."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.client.listing import listing
from ragline.client.models import Delivery, Page, Webhook
from ragline.client.sending import ask, at, create, delete, get, given, patch, post, send
from ragline.client.steps import Flow, Series


def webhooks(*, limit: int | None = None, after: str | None = None) -> Series[Webhook]:
    """Yield your webhooks, oldest first; behind the id `after`, and at most `limit`."""
    yield from listing(at("webhooks"), Page[Webhook], limit=limit, after=after)


def webhook(webhook_id: str) -> Flow[Webhook]:
    """Return a webhook, without its secret."""
    return (yield from ask(get(at("webhooks", webhook_id)), Webhook))


def create_webhook(
    url: str,
    *,
    events: Sequence[str] | None = None,
    project_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Webhook]:
    """Subscribe to events of jobs; its `secret` is in this answer only.

    `events` are types such as "job.completed", or "*" for all of them; left out, the ends of
    jobs. Without a project it is told of all your jobs.
    """
    chosen = None if events is None else list(events)
    body = given(url=url, events=chosen, project_id=project_id)
    return (yield from ask(create(at("webhooks"), body, key=idempotency_key), Webhook))


def change_webhook(
    webhook_id: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> Flow[Webhook]:
    """Change a webhook; disabling it ends what still waits to be sent."""
    chosen = None if events is None else list(events)
    body = given(url=url, events=chosen, enabled=enabled)
    return (yield from ask(patch(at("webhooks", webhook_id), body), Webhook))


def delete_webhook(webhook_id: str) -> Flow[None]:
    """Remove a webhook with its log."""
    yield from send(delete(at("webhooks", webhook_id)))


def rotate_webhook(webhook_id: str, *, overlap_hours: float | None = None) -> Flow[Webhook]:
    """Draw a new `secret`; the old one signs beside it for 24 hours, or for so many."""
    body = given(overlap_hours=overlap_hours)
    return (yield from ask(post(at("webhooks", webhook_id, "rotate"), body), Webhook))


def test_webhook(webhook_id: str) -> Flow[Delivery]:
    """Send a message of the type `webhook.test`."""
    return (yield from ask(post(at("webhooks", webhook_id, "test")), Delivery))


def deliveries(
    webhook_id: str,
    *,
    status: str | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> Series[Delivery]:
    """Yield a webhook's deliveries with their tries, newest first.

    `status` is pending, delivered or failed.
    """
    path = at("webhooks", webhook_id, "deliveries")
    yield from listing(path, Page[Delivery], limit=limit, after=after, status=status)


def replay_delivery(webhook_id: str, delivery_id: str) -> Flow[Delivery]:
    """Try a delivery again, with the same id and body."""
    path = at("webhooks", webhook_id, "deliveries", delivery_id, "replay")
    return (yield from ask(post(path), Delivery))
