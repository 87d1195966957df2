"""Tenants, their keys, and who may do what."""

from __future__ import annotations

import hashlib
import math
import os
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import Conflict, Forbidden, NotFound, Unauthenticated
from ragline.models import ApiKey, Tenant, now

FIRST_TENANT = "default"
MOST_REMEMBERED = 10_000
SECONDS_REMEMBERED = 5.0


class Role(StrEnum):
    """What a key may do: read and ask; also change; also make tenants."""

    READER = "reader"
    OWNER = "owner"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: everything a caller sees or makes belongs to its tenant."""

    tenant_id: str
    key_id: str
    role: Role

    def require(self, *roles: Role) -> None:
        """Raise `Forbidden` unless the caller has one of these roles."""
        if self.role not in roles:
            raise Forbidden(
                f"This needs a key with the role {' or '.join(roles)}; yours is {self.role}."
            )


def remembered(runtime: Runtime, token: str | None) -> Caller | None:
    """Return the caller of a key that was authenticated before and not revoked since."""
    known: tuple[Caller, float] | None = runtime.callers.get(_digest(token)) if token else None
    if known is None or time.monotonic() > known[1]:
        return None
    return known[0]


def authenticate(runtime: Runtime, token: str | None) -> Caller:
    """Return the caller a key belongs to; keys are found by digest, never compared as text."""
    if not token:
        raise Unauthenticated("Send your API key in the header 'Authorization: Bearer <key>'.")
    digest = _digest(token)
    # Taken before the look, so that a key revoked meanwhile is noted where nobody reads it.
    callers = runtime.callers
    with runtime.database.read() as session:
        key = session.scalar(
            sa.select(ApiKey).where(ApiKey.digest == digest, ApiKey.revoked_at.is_(None))
        )
    if key is None:
        raise Unauthenticated("This API key is not known, or it was revoked.")
    caller = Caller(key.tenant_id, key.id, Role(key.role))
    if len(callers) >= MOST_REMEMBERED:
        callers.clear()
    # Another process does not hear that a key is revoked, and looks again soon.
    seconds = math.inf if runtime.database.is_sqlite else SECONDS_REMEMBERED
    callers[digest] = caller, time.monotonic() + seconds
    return caller


def ensure_first_key(runtime: Runtime) -> str | None:
    """Make the first tenant and its operator key; return the key if it was made up here.

    The key from the settings wins; without one a key is drawn once and kept in the
    data directory, readable by its owner only.
    """
    settings = runtime.settings
    with runtime.database.write() as session:
        runtime.database.lock(session, "first key")
        tenant = session.scalar(sa.select(Tenant).where(Tenant.name == FIRST_TENANT))
        if tenant is None:
            tenant = Tenant(name=FIRST_TENANT)
            session.add(tenant)
            session.flush()
        if settings.api_key is not None:
            _ensure_key(session, tenant.id, settings.api_key.get_secret_value())
            return None
        if not runtime.database.is_sqlite and _has_operator(session, tenant.id):
            return None  # another machine drew one for all
        kept = settings.key_file.read_text().strip() if settings.key_file.exists() else ""
        if kept:
            _ensure_key(session, tenant.id, kept)
            return None
        token = _draw()
        _write_private(settings.key_file, token)
        _ensure_key(session, tenant.id, token)
        return token


def create_key(runtime: Runtime, tenant_id: str, *, name: str, role: Role) -> tuple[ApiKey, str]:
    """Make a key for a tenant; the token is returned once and kept nowhere."""
    token = _draw()
    key = ApiKey(tenant_id=tenant_id, name=name, role=role, digest=_digest(token))
    with runtime.database.write() as session:
        session.add(key)
    return key, token


def list_keys(runtime: Runtime, tenant_id: str) -> list[ApiKey]:
    """Return the tenant's keys that are in force, oldest first."""
    with runtime.database.read() as session:
        return list(
            session.scalars(
                sa.select(ApiKey)
                .where(ApiKey.tenant_id == tenant_id, ApiKey.revoked_at.is_(None))
                .order_by(ApiKey.created_at, ApiKey.id)
            )
        )


def revoke_key(runtime: Runtime, caller: Caller, key_id: str) -> None:
    """Close a key of the caller's tenant for ever."""
    if key_id == caller.key_id:
        raise Conflict("This is the key you are using; revoke it with another one.")
    with runtime.database.write() as session:
        key = session.get(ApiKey, key_id)
        if key is None or key.tenant_id != caller.tenant_id or key.revoked_at is not None:
            raise NotFound(f"There is no key with the id {key_id!r}.")
        if key.role == Role.OPERATOR:
            caller.require(Role.OPERATOR)
        key.revoked_at = now()
    # Forgotten here at once, and within seconds by other processes on the same database.
    runtime.callers = {}


def create_tenant(runtime: Runtime, name: str) -> tuple[Tenant, str]:
    """Make a tenant with its first owner key, returned once."""
    token = _draw()
    with runtime.database.write() as session:
        runtime.database.lock(session, f"tenant:{name}")
        if session.scalar(sa.select(Tenant.id).where(Tenant.name == name)):
            raise Conflict(f"A tenant named {name!r} exists already.")
        tenant = Tenant(name=name)
        session.add(tenant)
        session.flush()
        key = ApiKey(
            tenant_id=tenant.id, name="first owner", role=Role.OWNER, digest=_digest(token)
        )
        session.add(key)
    return tenant, token


def _ensure_key(session: Session, tenant_id: str, token: str) -> None:
    if session.scalar(sa.select(ApiKey.id).where(ApiKey.digest == _digest(token))) is None:
        session.add(
            ApiKey(
                tenant_id=tenant_id,
                name="first operator",
                role=Role.OPERATOR,
                digest=_digest(token),
            )
        )


def _has_operator(session: Session, tenant_id: str) -> bool:
    query = sa.select(ApiKey.id).where(
        ApiKey.tenant_id == tenant_id, ApiKey.role == Role.OPERATOR, ApiKey.revoked_at.is_(None)
    )
    return session.scalar(query.limit(1)) is not None


def _draw() -> str:
    return "rl_" + secrets.token_urlsafe(32)


def _digest(token: str) -> str:
    # A drawn key has 256 bits of entropy, so one round of hashing is enough.
    return hashlib.sha256(token.encode()).hexdigest()


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
