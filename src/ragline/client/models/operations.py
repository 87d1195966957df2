"""Webhooks, keys and clean-ups, as the server tells of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, RootModel

from ragline.client.models.base import Answered


class Webhook(Answered):
    """A subscription to events of jobs; `secret` is there only when it was drawn just now."""

    id: str
    url: str
    events: list[str]
    project_id: str | None = None
    enabled: bool = True
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    old_secret_until: datetime | None = None
    created_at: datetime
    secret: str | None = None


class DeliveryTry(Answered):
    """One request; `status_code` is None where no answer came, `error` where all went well."""

    at: datetime
    status_code: int | None = None
    error: str | None = None
    seconds: float


class Delivery(Answered):
    """One message to one subscriber; its id and its body are the same on each try."""

    id: str
    type: str
    status: str
    body: str
    tries: list[DeliveryTry] = Field(default_factory=list)
    next_try_at: datetime | None = None
    created_at: datetime
    ended_at: datetime | None = None


class WebhookMessage(Answered):
    """A webhook that was received and verified; keep its `id` to know what you have seen."""

    id: str = ""
    type: str
    timestamp: datetime
    data: dict[str, Any] = Field(default_factory=dict)


class Key(Answered):
    """An API key of a tenant; `key` is its secret, there only when it was made just now."""

    id: str
    name: str
    role: str
    created_at: datetime
    key: str | None = None


class KeyList(RootModel[list[Key]]):
    """The keys of a tenant."""


class Tenant(Answered):
    """A new tenant with its first owner's key, shown this once."""

    id: str
    name: str
    key: str


class CleanupPreview(Answered):
    """What a clean-up would remove now, by kind, with a sentence for each stray."""

    removed: dict[str, int]
    differences: list[str] = Field(default_factory=list)


class Health(Answered):
    """How a server is."""

    status: str
