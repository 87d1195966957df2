"""The log of deliveries: read, and tried again by hand."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import Conflict, NotFound
from ragline.models import WebhookDelivery, WebhookEndpoint, now
from ragline.webhooks.messages import TEST, message, new_message_id
from ragline.webhooks.service import owned_endpoint


def list_deliveries(
    runtime: Runtime,
    caller: Caller,
    endpoint_id: str,
    *,
    status: str | None,
    limit: int,
    after: str | None,
) -> tuple[list[WebhookDelivery], bool]:
    """Return a subscription's deliveries, newest first, and whether there are more."""
    query = sa.select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if status is not None:
        query = query.where(WebhookDelivery.status == status)
    with runtime.database.read() as session:
        owned_endpoint(session, caller.tenant_id, endpoint_id)
        if after is not None:
            last = _delivery(session, endpoint_id, after)
            query = query.where(
                sa.tuple_(WebhookDelivery.created_at, WebhookDelivery.id)
                < sa.tuple_(
                    sa.literal(last.created_at, WebhookDelivery.created_at.type),
                    sa.literal(last.id),
                )
            )
        order = query.order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
        found = list(session.scalars(order.limit(limit + 1)))
    return found[:limit], len(found) > limit


def replay(runtime: Runtime, caller: Caller, endpoint_id: str, delivery_id: str) -> WebhookDelivery:
    """Try a delivery again from the start of its schedule, with the same id and body."""
    with runtime.database.write() as session:
        endpoint = owned_endpoint(session, caller.tenant_id, endpoint_id, lock=True)
        _refuse_disabled(endpoint)
        delivery = _delivery(session, endpoint_id, delivery_id, lock=True)
        at = now()
        if delivery.leased_until is not None and delivery.leased_until > at:
            raise Conflict("This delivery is being tried at this moment; look at its log again.")
        delivery.status, delivery.ended_at = "pending", None
        delivery.try_count, delivery.next_try_at = 0, at
    return delivery


def send_test(runtime: Runtime, caller: Caller, endpoint_id: str) -> WebhookDelivery:
    """Send a message that tells of no job, to see whether it arrives."""
    with runtime.database.write() as session:
        # Held to the end, so that two tests at once get different numbers.
        endpoint = owned_endpoint(session, caller.tenant_id, endpoint_id, lock=True)
        _refuse_disabled(endpoint)
        lowest = session.scalar(
            sa.select(sa.func.min(WebhookDelivery.event_cursor)).where(
                WebhookDelivery.endpoint_id == endpoint_id
            )
        )
        at = now()
        delivery = WebhookDelivery(
            id=new_message_id(),
            endpoint_id=endpoint_id,
            # Below the numbers of all events, of which it is none.
            event_cursor=min(lowest or 0, 0) - 1,
            type=TEST,
            body=message(TEST, at, {"webhook_id": endpoint_id}),
            next_try_at=at,
            created_at=at,
        )
        session.add(delivery)
    return delivery


def _delivery(
    session: Session, endpoint_id: str, delivery_id: str, *, lock: bool = False
) -> WebhookDelivery:
    query = sa.select(WebhookDelivery).where(
        WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id == endpoint_id
    )
    delivery = session.scalar(query.with_for_update() if lock else query)
    if delivery is None:
        raise NotFound(f"There is no delivery with the id {delivery_id!r}.")
    return delivery


def _refuse_disabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict('This webhook is disabled; change it with {"enabled": true} first.')
