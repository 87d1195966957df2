"""Subscriptions: made, changed, rotated and removed by their tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import Conflict, NotFound
from ragline.models import Event, WebhookEndpoint, now
from ragline.webhooks.addresses import Resolve, addresses_of, resolve, target_of
from ragline.webhooks.signing import new_secret
from ragline.webhooks.tries import disable

MOST_ENDPOINTS = 100
"""Subscriptions of one tenant: each of its events may be sent to all of them."""
RESOLVE_SECONDS = 5
_NEWEST_CURSOR = sa.select(sa.func.coalesce(sa.func.max(Event.cursor), 0))
_OWNED = sa.select(WebhookEndpoint).where(
    WebhookEndpoint.id == sa.bindparam("endpoint_id"),
    WebhookEndpoint.tenant_id == sa.bindparam("tenant_id"),
)


def owned_endpoint(
    session: Session, tenant_id: str, endpoint_id: str, *, lock: bool = False
) -> WebhookEndpoint:
    """Return a subscription of the tenant or raise `NotFound`; `lock` is for changing it."""
    query = _OWNED.with_for_update() if lock else _OWNED
    endpoint = session.scalar(query, {"endpoint_id": endpoint_id, "tenant_id": tenant_id})
    if endpoint is None:
        raise NotFound(f"There is no webhook with the id {endpoint_id!r}.")
    return endpoint


def subscribe(
    runtime: Runtime,
    caller: Caller,
    *,
    url: str,
    events: Sequence[str],
    project_id: str | None,
    resolve: Resolve = resolve,
) -> WebhookEndpoint:
    """Make a subscription to the events from now on."""
    address = usable_url(runtime, url, resolve=resolve)
    database = runtime.database
    with database.write() as session:
        database.lock(session, f"webhooks of {caller.tenant_id}")
        if project_id is not None:
            owned_project(session, caller.tenant_id, project_id)
        _refuse_too_many(session, caller.tenant_id)
        endpoint = WebhookEndpoint(
            tenant_id=caller.tenant_id,
            project_id=project_id,
            url=address,
            events=list(events),
            secret=new_secret(),
            after_cursor=session.scalar(_NEWEST_CURSOR),
        )
        session.add(endpoint)
    return endpoint


def get_endpoint(runtime: Runtime, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
    """Return one subscription."""
    with runtime.database.read() as session:
        return owned_endpoint(session, caller.tenant_id, endpoint_id)


def list_endpoints(
    runtime: Runtime, caller: Caller, *, limit: int, after: str | None
) -> tuple[list[WebhookEndpoint], bool]:
    """Return subscriptions, oldest first, and whether there are more."""
    query = sa.select(WebhookEndpoint).where(WebhookEndpoint.tenant_id == caller.tenant_id)
    with runtime.database.read() as session:
        if after is not None:
            last = owned_endpoint(session, caller.tenant_id, after)
            query = query.where(
                sa.tuple_(WebhookEndpoint.created_at, WebhookEndpoint.id)
                > sa.tuple_(
                    sa.literal(last.created_at, WebhookEndpoint.created_at.type),
                    sa.literal(last.id),
                )
            )
        order = query.order_by(WebhookEndpoint.created_at, WebhookEndpoint.id)
        found = list(session.scalars(order.limit(limit + 1)))
    return found[:limit], len(found) > limit


def change_endpoint(
    runtime: Runtime,
    caller: Caller,
    endpoint_id: str,
    changes: Mapping[str, Any],
    *,
    resolve: Resolve = resolve,
) -> WebhookEndpoint:
    """Change `url`, `events` and `enabled`, those that are given."""
    get_endpoint(runtime, caller, endpoint_id)
    address = usable_url(runtime, changes["url"], resolve=resolve) if "url" in changes else None
    with runtime.database.write() as session:
        endpoint = owned_endpoint(session, caller.tenant_id, endpoint_id, lock=True)
        if address is not None:
            endpoint.url = address
        if "events" in changes:
            endpoint.events = list(changes["events"])
        if changes.get("enabled") is True:
            endpoint.disabled_at = endpoint.disabled_reason = None
        elif changes.get("enabled") is False and endpoint.disabled_at is None:
            disable(session, endpoint, at=now(), reason="Its owner disabled it.")
    return endpoint


def rotate_secret(
    runtime: Runtime, caller: Caller, endpoint_id: str, *, overlap_hours: float
) -> WebhookEndpoint:
    """Draw a new secret; the old one signs beside it for some time, or no more if that is 0."""
    with runtime.database.write() as session:
        endpoint = owned_endpoint(session, caller.tenant_id, endpoint_id, lock=True)
        kept = overlap_hours > 0
        endpoint.old_secret = endpoint.secret if kept else None
        endpoint.old_secret_until = now() + timedelta(hours=overlap_hours) if kept else None
        endpoint.secret = new_secret()
    return endpoint


def unsubscribe(runtime: Runtime, caller: Caller, endpoint_id: str) -> None:
    """Remove a subscription with its deliveries; nothing more is sent."""
    with runtime.database.write() as session:
        session.delete(owned_endpoint(session, caller.tenant_id, endpoint_id, lock=True))


def usable_url(runtime: Runtime, url: str, *, resolve: Resolve) -> str:
    """Return a URL in its plain form, or raise `InvalidInput` if nothing may be sent there."""
    target = target_of(url)
    addresses_of(
        target.host,
        target.port,
        private=runtime.settings.webhook_private_addresses,
        seconds=RESOLVE_SECONDS,
        resolve=resolve,
    )
    return target.url


def _refuse_too_many(session: Session, tenant_id: str) -> None:
    count = session.scalar(
        sa.select(sa.func.count())
        .select_from(WebhookEndpoint)
        .where(WebhookEndpoint.tenant_id == tenant_id)
    )
    if (count or 0) >= MOST_ENDPOINTS:
        raise Conflict(f"There are {MOST_ENDPOINTS} webhooks already; delete one that is not used.")
