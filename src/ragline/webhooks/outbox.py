"""From events to deliveries: each event once, in order, in the transaction that moves on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import Database, insert_missing
from ragline.failpoints import failpoint
from ragline.models import (
    Event,
    Job,
    StoredResponse,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookPosition,
)
from ragline.webhooks.messages import ALL, ANSWER, job_data, message, new_message_id
from ragline.webhooks.responses import response_event, response_message

BATCH = 500
POSITION_ID = 1


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of all events."""

    transaction_id: int = 0
    cursor: int = 0


# A transaction that may still commit has an id of at least this snapshot's lowest, so that
# below it nothing can come between events that were read already.
_SETTLED = Event.transaction_id < sa.cast(
    sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text), sa.BigInteger
)
_BEYOND = sa.tuple_(Event.transaction_id, Event.cursor) > sa.tuple_(
    sa.bindparam("transaction_id", type_=sa.BigInteger),
    sa.bindparam("cursor", type_=sa.BigInteger),
)
_ROWS = (
    sa.select(
        Event.transaction_id,
        Event.cursor,
        Event.number,
        Event.type,
        Event.details,
        Event.created_at,
        Event.job_id,
        Job.project_id,
        Job.tenant_id,
        Job.kind,
        Job.document_id,
        StoredResponse.id.label("response_id"),
        sa.case(
            (
                sa.and_(StoredResponse.id.is_not(None), Event.type == "job.completed"),
                Job.result["truncated"].as_boolean(),
            )
        ).label("truncated"),
    )
    .join(Job, Job.id == Event.job_id)
    .outerjoin(StoredResponse, StoredResponse.job_id == Job.id)
    .order_by(Event.transaction_id, Event.cursor)
    .limit(sa.bindparam("limit"))
)
_NEWEST = (
    sa.select(Event.transaction_id, Event.cursor)
    .order_by(Event.transaction_id.desc(), Event.cursor.desc())
    .limit(1)
)
# SQLite compares pairs by an index of their first part only, and there that is always 0.
_SQLITE_BEYOND = sa.and_(
    Event.transaction_id == 0, Event.cursor > sa.bindparam("cursor", type_=sa.BigInteger)
)
_EVENTS = {True: _ROWS.where(_SQLITE_BEYOND), False: _ROWS.where(_SETTLED, _BEYOND)}
_NEWEST_SETTLED = {True: _NEWEST, False: _NEWEST.where(_SETTLED)}
_IS_BEHIND = {
    True: sa.select(sa.select(Event.cursor).where(_SQLITE_BEYOND).exists()),
    False: sa.select(sa.select(Event.cursor).where(_SETTLED, _BEYOND).exists()),
}
_ANY_ENDPOINT = sa.select(WebhookEndpoint.id).where(WebhookEndpoint.disabled_at.is_(None)).limit(1)
# Their rows are held until the deliveries are there, so that none is deleted in between.
_ENDPOINTS = (
    sa.select(WebhookEndpoint)
    .where(
        WebhookEndpoint.disabled_at.is_(None),
        WebhookEndpoint.tenant_id.in_(sa.bindparam("tenants", expanding=True)),
    )
    .order_by(WebhookEndpoint.id)
    .with_for_update(read=True, key_share=True)
)


def events_after(session: Session, position: Position, limit: int) -> Sequence[sa.Row[Any]]:
    """Return events with their jobs, in an order that no later commit can change."""
    values = {"transaction_id": position.transaction_id, "cursor": position.cursor}
    return session.execute(_EVENTS[_on_sqlite(session)], {**values, "limit": limit}).all()


def is_behind(session: Session, position: Position) -> bool:
    """Tell whether there are events after a position that can be read."""
    values = {"transaction_id": position.transaction_id, "cursor": position.cursor}
    return bool(session.scalar(_IS_BEHIND[_on_sqlite(session)], values))


def dispatch(database: Database, position: Position, *, now: Callable[[], datetime]) -> Position:
    """Make the deliveries of all events that can be read; return how far that went.

    Where another process is at it already, nothing is done and `position` comes back.
    """
    full = True
    while full:
        with database.write() as session:
            kept = session.get(WebhookPosition, POSITION_ID, with_for_update={"skip_locked": True})
            if kept is None:
                return position
            position, full = _advance(session, Position(kept.transaction_id, kept.cursor), now)
            kept.transaction_id, kept.cursor = position.transaction_id, position.cursor
            failpoint("webhook.dispatching")
    return position


def _advance(
    session: Session, position: Position, now: Callable[[], datetime]
) -> tuple[Position, bool]:
    """Take the next events and return the new position, and whether there may be more.

    Events are always read before endpoints: an endpoint that is committed in between is
    then seen, and it wants none of the events before its own transaction.
    """
    newest = session.execute(_NEWEST_SETTLED[_on_sqlite(session)]).first()
    if session.scalar(_ANY_ENDPOINT) is None:
        return max(position, Position(*newest) if newest else position), False
    events = events_after(session, position, BATCH)
    if not events:
        return position, False
    tenants = {event.tenant_id for event in events}
    endpoints = session.scalars(_ENDPOINTS, {"tenants": list(tenants)}).all()
    at = now()
    rows = [
        _delivery(endpoint.id, event, type, at)
        for event in events
        for endpoint in endpoints
        if (type := _wanted(endpoint, event)) is not None
    ]
    insert_missing(session, WebhookDelivery, rows)
    last = events[-1]
    return Position(last.transaction_id, last.cursor), len(events) == BATCH


def _wanted(endpoint: WebhookEndpoint, event: sa.Row[Any]) -> str | None:
    """Return the type as which a subscription is told of an event, None where it is not."""
    place = (event.transaction_id, event.cursor)
    if (
        endpoint.tenant_id != event.tenant_id
        or endpoint.project_id not in (None, event.project_id)
        or place <= (endpoint.after_transaction, endpoint.after_cursor)
    ):
        return None
    if event.response_id is not None:
        of_response = response_event(event.type, truncated=bool(event.truncated))
        if of_response in endpoint.events:
            return of_response
    is_wanted = event.type in endpoint.events or (
        ALL in endpoint.events and not event.type.startswith(ANSWER)
    )
    return event.type if is_wanted else None


def _delivery(endpoint_id: str, event: sa.Row[Any], type: str, at: datetime) -> dict[str, Any]:
    message_id = new_message_id()
    return {
        "id": message_id,
        "endpoint_id": endpoint_id,
        "event_cursor": event.cursor,
        "type": type,
        "body": _body(event, type, message_id),
        "status": "pending",
        "tries": [],
        "try_count": 0,
        "next_try_at": at,
        "created_at": at,
    }


def _body(event: sa.Row[Any], type: str, message_id: str) -> str:
    if type != event.type:
        return response_message(type, event.created_at, event.response_id, message_id)
    job = {
        "job_id": event.job_id,
        "kind": event.kind,
        "project_id": event.project_id,
        "document_id": event.document_id,
    }
    data = job_data(type, event.number, event.details, job)
    return message(type, event.created_at, data)


def _on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
