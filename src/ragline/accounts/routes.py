"""Keys of the caller's tenant, and new tenants."""

from __future__ import annotations

from fastapi import APIRouter

from ragline.accounts import service
from ragline.accounts.access import EditorParameter, OperatorParameter, RuntimeParameter
from ragline.accounts.schemas import (
    KeyRequest,
    KeyView,
    NewKeyView,
    NewTenantView,
    TenantRequest,
)
from ragline.accounts.service import Role
from ragline.models import ApiKey

router = APIRouter(prefix="/v1", tags=["accounts"])


@router.get("/keys")
def list_keys(runtime: RuntimeParameter, caller: EditorParameter) -> list[KeyView]:
    """List the keys of your tenant."""
    return [KeyView(**_fields(key)) for key in service.list_keys(runtime, caller.tenant_id)]


@router.post("/keys", status_code=201)
def create_key(body: KeyRequest, runtime: RuntimeParameter, caller: EditorParameter) -> NewKeyView:
    """Make a key; its secret is shown in this answer only."""
    if body.role is Role.OPERATOR:
        caller.require(Role.OPERATOR)
    key, token = service.create_key(runtime, caller.tenant_id, name=body.name, role=body.role)
    return NewKeyView(**_fields(key), key=token)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> None:
    """Revoke a key of your tenant."""
    service.revoke_key(runtime, caller, key_id)


@router.post("/admin/tenants", status_code=201)
def create_tenant(
    body: TenantRequest, runtime: RuntimeParameter, caller: OperatorParameter
) -> NewTenantView:
    """Make a tenant, closed to all others; its owner's key is shown in this answer only."""
    tenant, token = service.create_tenant(runtime, body.name)
    return NewTenantView(id=tenant.id, name=tenant.name, key=token)


def _fields(key: ApiKey) -> dict[str, object]:
    return {"id": key.id, "name": key.name, "role": key.role, "created_at": key.created_at}
