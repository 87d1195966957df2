"""Keys and tenants, clean-ups, and how the server is."""

from __future__ import annotations

from dataclasses import replace

from ragline.client.models import (
    CleanupPreview,
    Health,
    Job,
    JobAnswer,
    Key,
    KeyList,
    Tenant,
)
from ragline.client.problems import ClientProblem, ServerUnreachable
from ragline.client.sending import ask, at, create, delete, get, post, send
from ragline.client.steps import Flow


def keys() -> Flow[list[Key]]:
    """Return the keys of your tenant, without their secrets."""
    return (yield from ask(get(at("keys")), KeyList)).root


def create_key(name: str, *, role: str = "owner", idempotency_key: str | None = None) -> Flow[Key]:
    """Make a key; `key`, its secret, is in this answer only. `role` says what it may do.

    Raises `Conflict` where an answer was lost on its way: the key was made, and cannot be
    shown again. Revoke it and make another.
    """
    body = {"name": name, "role": role}
    return (yield from ask(create(at("keys"), body, key=idempotency_key), Key))


def revoke_key(key_id: str) -> Flow[None]:
    """Revoke a key of your tenant."""
    yield from send(delete(at("keys", key_id)))


def create_tenant(name: str, *, idempotency_key: str | None = None) -> Flow[Tenant]:
    """Make a tenant with its first key, shown this once; needs an operator's key."""
    request = create(at("admin", "tenants"), {"name": name}, key=idempotency_key)
    return (yield from ask(request, Tenant))


def clean_up() -> Flow[Job]:
    """Begin a clean-up, or return the one under way; needs an operator's key."""
    request = post(at("admin", "cleanup"), repeatable=True)
    return (yield from ask(request, JobAnswer)).job


def preview_cleanup() -> Flow[CleanupPreview]:
    """Count what a clean-up would remove now; needs an operator's key."""
    return (yield from ask(get(at("admin", "cleanup")), CleanupPreview))


def live() -> Flow[Health]:
    """Return that the server answers.

    Raises `ServerUnreachable` or `NotRagline` at once, without another try.
    """
    return (yield from ask(replace(get("/livez"), tries=1), Health))


def ready() -> Flow[bool]:
    """Tell at once whether the server answers and takes work."""
    try:
        yield from send(replace(get("/readyz"), tries=1))
    except (ClientProblem, ServerUnreachable):
        return False
    return True


def metrics() -> Flow[str]:
    """Return the figures of all processes in Prometheus' text format."""
    response = yield from send(get("/metrics"))
    return response.text
