"""Deliveries while they are tried.

          claim            2xx
pending ────────▶ leased ───────▶ delivered
   ▲                │  │  410, last try, or the endpoint was disabled
   │                │  └────────────────────────────────▶ failed
   └─ other answer ─┘                                       │
   ▲         lease over: the worker died                    │
   └────────────────────── replay ──────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import Database
from ragline.models import WebhookDelivery, WebhookEndpoint
from ragline.webhooks.schedule import asked_wait, wait
from ragline.webhooks.sending import Answer

GONE = 410
MOST_TRIES_KEPT = 100
_DUE = sa.and_(
    WebhookDelivery.status == "pending",
    WebhookDelivery.next_try_at <= sa.bindparam("at", type_=WebhookDelivery.next_try_at.type),
    sa.or_(
        WebhookDelivery.leased_until.is_(None),
        WebhookDelivery.leased_until <= sa.bindparam("at", type_=WebhookDelivery.next_try_at.type),
    ),
)
_FREE = WebhookDelivery.endpoint_id.not_in(sa.bindparam("busy", expanding=True))
_NEXT = (
    sa.select(WebhookDelivery, WebhookEndpoint)
    .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
    .where(_DUE, _FREE)
    .order_by(WebhookDelivery.next_try_at)
    .limit(1)
    .with_for_update(of=WebhookDelivery, skip_locked=True)
)
_IS_DUE = sa.select(sa.select(WebhookDelivery.id).where(_DUE, _FREE).exists())


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker alone may try until `leased_until`."""

    id: str
    endpoint_id: str
    url: str
    keys: tuple[str, ...]
    body: str
    leased_until: datetime


def is_due(session: Session, *, at: datetime, busy: Sequence[str]) -> bool:
    """Tell whether there is a delivery to try, other than to these endpoints."""
    return bool(session.scalar(_IS_DUE, {"at": at, "busy": list(busy)}))


def claim(
    database: Database, *, at: datetime, until: datetime, busy: Sequence[str] = ()
) -> Claim | None:
    """Lease the delivery that is due longest, other than to these endpoints."""
    with database.write() as session:
        found = session.execute(_NEXT, {"at": at, "busy": list(busy)}).first()
        if found is None:
            return None
        delivery, endpoint = found
        delivery.leased_until = until
        return Claim(
            delivery.id,
            endpoint.id,
            endpoint.url,
            keys_of(endpoint, at=at),
            delivery.body,
            until,
        )


def conclude(
    database: Database,
    claimed: Claim,
    answer: Answer,
    *,
    began: datetime,
    at: datetime,
    most: int,
    draw: float,
) -> None:
    """Write what a try brought; where the lease went to another worker, that one's try counts."""
    with database.write() as session:
        # An endpoint's row is always taken before those of its deliveries.
        gone = answer.status_code == GONE
        endpoint = session.get(WebhookEndpoint, claimed.endpoint_id, with_for_update=gone)
        delivery = session.get(WebhookDelivery, claimed.id, with_for_update=True)
        if endpoint is None or delivery is None or delivery.leased_until != claimed.leased_until:
            return
        delivery.leased_until = None
        delivery.try_count += 1
        delivery.tries = [*delivery.tries, _entry(answer, began)][-MOST_TRIES_KEPT:]
        if gone and endpoint.url == claimed.url:
            disable(session, endpoint, at=at, reason="The receiver answered 410: it is gone.")
        if answer.delivered:
            _end(delivery, "delivered", at)
        elif endpoint.disabled_at is not None or delivery.try_count >= most:
            _end(delivery, "failed", at)
        else:
            planned = wait(delivery.try_count, most, draw=draw)
            delivery.next_try_at = at + max(planned, asked_wait(answer.retry_after, at=at))


def disable(session: Session, endpoint: WebhookEndpoint, *, at: datetime, reason: str) -> None:
    """Send an endpoint nothing more; what waits ends, and can be replayed once it is enabled."""
    endpoint.disabled_at, endpoint.disabled_reason = at, reason
    session.flush()
    session.execute(
        sa.update(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.status == "pending",
            # A try under way ends its delivery itself.
            sa.or_(
                WebhookDelivery.leased_until.is_(None),
                WebhookDelivery.leased_until <= sa.literal(at, WebhookDelivery.created_at.type),
            ),
        )
        .values(status="failed", ended_at=at, next_try_at=None, leased_until=None)
    )


def keys_of(endpoint: WebhookEndpoint, *, at: datetime) -> tuple[str, ...]:
    """Return the secrets that sign now, the newest first."""
    until = endpoint.old_secret_until
    if endpoint.old_secret is None or until is None or until <= at:
        return (endpoint.secret,)
    return (endpoint.secret, endpoint.old_secret)


def _end(delivery: WebhookDelivery, status: str, at: datetime) -> None:
    delivery.status, delivery.ended_at, delivery.next_try_at = status, at, None


def _entry(answer: Answer, began: datetime) -> dict[str, Any]:
    return {
        "at": began.isoformat(),
        "status_code": answer.status_code,
        "error": answer.error,
        "seconds": answer.seconds,
    }
