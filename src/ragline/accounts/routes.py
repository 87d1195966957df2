"""Keys of the caller's tenant, and new tenants."""

from __future__ import annotations

from typing import NoReturn

from fastapi import APIRouter

from ragline.accounts import service
from ragline.accounts.access import EditorParameter, OperatorParameter, RuntimeParameter
from ragline.accounts.schemas import (
    KeyRequest,
    KeyView,
    Made,
    NewKeyView,
    NewTenantView,
    TenantRequest,
)
from ragline.accounts.service import Role
from ragline.errors import Conflict
from ragline.http.idempotency import KeyHeader, Once, once
from ragline.models import ApiKey

router = APIRouter(prefix="/v1", tags=["accounts"])


@router.get("/keys")
def list_keys(runtime: RuntimeParameter, caller: EditorParameter) -> list[KeyView]:
    """List the keys of your tenant."""
    return [KeyView(**_fields(key)) for key in service.list_keys(runtime, caller.tenant_id)]


@router.post("/keys", status_code=201)
def create_key(
    body: KeyRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> NewKeyView:
    """Make a key; its secret is shown in this answer only."""
    if body.role is Role.OPERATOR:
        caller.require(Role.OPERATOR)
    shown: list[NewKeyView] = []

    def create() -> Made:
        key, token = service.create_key(runtime, caller.tenant_id, name=body.name, role=body.role)
        shown.append(NewKeyView(**_fields(key), key=token))
        return Made(id=key.id)

    request = Once(caller.tenant_id, idempotency_key, ("key", body.model_dump()))
    made = once(runtime.database, request, Made, create)
    return shown[0] if shown else _refuse_to_show_again("key", made)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> None:
    """Revoke a key of your tenant."""
    service.revoke_key(runtime, caller, key_id)


@router.post("/admin/tenants", status_code=201)
def create_tenant(
    body: TenantRequest,
    runtime: RuntimeParameter,
    caller: OperatorParameter,
    idempotency_key: KeyHeader = None,
) -> NewTenantView:
    """Make a tenant, closed to all others; its owner's key is shown in this answer only."""
    shown: list[NewTenantView] = []

    def create() -> Made:
        tenant, token = service.create_tenant(runtime, body.name)
        shown.append(NewTenantView(id=tenant.id, name=tenant.name, key=token))
        return Made(id=tenant.id)

    request = Once(caller.tenant_id, idempotency_key, ("tenant", body.model_dump()))
    made = once(runtime.database, request, Made, create)
    return shown[0] if shown else _refuse_to_show_again("tenant", made)


def _refuse_to_show_again(what: str, made: Made) -> NoReturn:
    """Say that a secret, of which only a digest is kept, cannot be told a second time."""
    raise Conflict(
        f"This request made the {what} {made.id} already, and its key was shown then; if that "
        "answer was lost, revoke it and make another under a new Idempotency-Key."
    )


def _fields(key: ApiKey) -> dict[str, object]:
    return {"id": key.id, "name": key.name, "role": key.role, "created_at": key.created_at}
