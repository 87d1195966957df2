"""What webhooks look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from ragline.accounts.schemas import CleanText, RequestModel
from ragline.webhooks.addresses import MOST_CHARACTERS
from ragline.webhooks.messages import ALL, DEFAULT_EVENTS, EventType
from ragline.webhooks.responses import ResponseEvent

DEFAULT_OVERLAP_HOURS = 24
DeliveryStatus = Literal["pending", "delivered", "failed"]


def _distinct(events: Any) -> Any:
    if events == ALL:
        return [ALL]
    if isinstance(events, list) and all(isinstance(event, str) for event in events):
        return list(dict.fromkeys(events))
    return events


Url = Annotated[CleanText, Field(min_length=1, max_length=MOST_CHARACTERS)]
EventName = EventType | ResponseEvent | Literal["*"]
Events = Annotated[list[EventName], Field(min_length=1), BeforeValidator(_distinct)]
"""Types of events, or `*` for all of them, those to come included, but `response.*` by name."""


class WebhookRequest(RequestModel):
    """A subscription to be made; without a project it is told of the whole tenant's jobs."""

    url: Url
    events: Events = Field(default=[*DEFAULT_EVENTS])
    project_id: CleanText | None = None


class WebhookChange(RequestModel):
    """Fields of a subscription to be changed; those left out stay."""

    url: Url = ""
    events: Events = Field(default=[])
    enabled: bool = True


class RotationRequest(RequestModel):
    """For how many hours the old secret signs beside the new one."""

    overlap_hours: Annotated[float, Field(ge=0, le=24 * 30)] = DEFAULT_OVERLAP_HOURS


class WebhookView(BaseModel):
    """A subscription without its secret."""

    id: str
    url: str
    events: list[str]
    project_id: str | None
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    old_secret_until: datetime | None
    created_at: datetime


class NewSecretView(WebhookView):
    """A subscription with its secret, shown this once."""

    secret: str


class WebhookList(BaseModel):
    """Subscriptions, oldest first; pass the last id as `after` for the next ones."""

    webhooks: list[WebhookView]
    has_more: bool


class TryView(BaseModel):
    """One request: `status_code` is null where no answer came, `error` where all went well."""

    at: datetime
    status_code: int | None
    error: str | None
    seconds: float


class DeliveryView(BaseModel):
    """One message to one subscriber; its id and its body are the same on each try."""

    id: str
    type: str
    status: DeliveryStatus
    body: str
    tries: list[TryView]
    next_try_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class DeliveryList(BaseModel):
    """Deliveries, newest first; pass the last id as `after` for the next ones."""

    deliveries: list[DeliveryView]
    has_more: bool
