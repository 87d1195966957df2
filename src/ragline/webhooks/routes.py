"""Webhooks over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.http.idempotency import KeyHeader, Once, once
from ragline.models import WebhookDelivery, WebhookEndpoint
from ragline.webhooks import log, service
from ragline.webhooks.schemas import (
    DeliveryList,
    DeliveryStatus,
    DeliveryView,
    NewSecretView,
    RotationRequest,
    WebhookChange,
    WebhookList,
    WebhookRequest,
    WebhookView,
)

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("", status_code=201)
def create(
    body: WebhookRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> NewSecretView:
    """Subscribe to events of jobs; the secret is shown in this answer only."""
    fields = body.model_dump()

    def subscribe() -> NewSecretView:
        endpoint = service.subscribe(runtime, caller, **fields)
        return NewSecretView(**_fields(endpoint), secret=endpoint.secret)

    request = Once(caller.tenant_id, idempotency_key, ("webhook", fields))
    return once(runtime.database, request, NewSecretView, subscribe)


@router.get("")
def webhooks(
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> WebhookList:
    """List your webhooks, oldest first."""
    found, more = service.list_endpoints(runtime, caller, limit=limit, after=after)
    return WebhookList(webhooks=[WebhookView(**_fields(one)) for one in found], has_more=more)


@router.get("/{webhook_id}")
def webhook(webhook_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> WebhookView:
    """Return a webhook, without its secret."""
    return WebhookView(**_fields(service.get_endpoint(runtime, caller, webhook_id)))


@router.patch("/{webhook_id}")
def change(
    webhook_id: str, body: WebhookChange, runtime: RuntimeParameter, caller: EditorParameter
) -> WebhookView:
    """Change a webhook; disabling it ends what still waits to be sent."""
    changes = body.model_dump(exclude_unset=True)
    return WebhookView(**_fields(service.change_endpoint(runtime, caller, webhook_id, changes)))


@router.delete("/{webhook_id}", status_code=204)
def delete(webhook_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> None:
    """Remove a webhook with its log."""
    service.unsubscribe(runtime, caller, webhook_id)


@router.post("/{webhook_id}/rotate")
def rotate(
    webhook_id: str,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    body: RotationRequest | None = None,
) -> NewSecretView:
    """Draw a new secret, shown in this answer only; the old one signs too for some hours."""
    hours = (body or RotationRequest()).overlap_hours
    endpoint = service.rotate_secret(runtime, caller, webhook_id, overlap_hours=hours)
    return NewSecretView(**_fields(endpoint), secret=endpoint.secret)


@router.post("/{webhook_id}/test", status_code=202)
def test(webhook_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> DeliveryView:
    """Send a message of the type `webhook.test`."""
    return _view(log.send_test(runtime, caller, webhook_id))


@router.get("/{webhook_id}/deliveries")
def deliveries(
    webhook_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    status: DeliveryStatus | None = None,
    limit: Limit = 50,
    after: str | None = None,
) -> DeliveryList:
    """List a webhook's deliveries with their tries, newest first."""
    found, more = log.list_deliveries(
        runtime, caller, webhook_id, status=status, limit=limit, after=after
    )
    return DeliveryList(deliveries=[_view(one) for one in found], has_more=more)


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202)
def replay(
    webhook_id: str, delivery_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> DeliveryView:
    """Try a delivery again, with the same id and body."""
    return _view(log.replay(runtime, caller, webhook_id, delivery_id))


def _fields(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": endpoint.events,
        "project_id": endpoint.project_id,
        "enabled": endpoint.disabled_at is None,
        "disabled_at": endpoint.disabled_at,
        "disabled_reason": endpoint.disabled_reason,
        "old_secret_until": endpoint.old_secret_until,
        "created_at": endpoint.created_at,
    }


def _view(delivery: WebhookDelivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        type=delivery.type,
        status=delivery.status,
        body=delivery.body,
        tries=delivery.tries,
        next_try_at=delivery.next_try_at,
        created_at=delivery.created_at,
        ended_at=delivery.ended_at,
    )
