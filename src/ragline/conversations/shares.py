"""Shares: links that open an agent to people without a key, made and revoked by its owner."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.schemas import Made
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.conversations.agents import owned_agent
from ragline.conversations.paging import older_first
from ragline.conversations.shares_limits import spent
from ragline.conversations.shares_schemas import NewShareView, ShareRequest, ShareView
from ragline.database import LOCKED
from ragline.errors import Conflict, InvalidInput, NotFound
from ragline.http.idempotency import Once, once
from ragline.models import Share, now

TOKEN_BYTES = 32


def create_share(
    runtime: Runtime,
    caller: Caller,
    agent_id: str,
    request: ShareRequest,
    *,
    key: str | None = None,
) -> NewShareView:
    """Open an agent to whoever has the token, which is returned once and kept nowhere.

    Raises:
        NotFound: the tenant has no such agent.
        InvalidInput: it would have expired already.
        Conflict: the share was made under this idempotency `key`, and its token shown then.
    """
    shown: list[NewShareView] = []

    def make() -> Made:
        with runtime.database.write() as session:
            agent = owned_agent(session, caller.tenant_id, agent_id)
            _refuse_past(request.expires_at)
            token = secrets.token_urlsafe(TOKEN_BYTES)
            limits = request.model_dump(exclude={"name"})
            share = Share(
                tenant_id=caller.tenant_id,
                agent_id=agent.id,
                name=request.name or agent.name,
                digest=digest_of(token),
                **limits,
            )
            session.add(share)
            session.flush()
            view = share_view(session, share)
            shown.append(NewShareView(**view.model_dump(), token=token, path=f"/c/{token}"))
            return Made(id=share.id)

    asked = Once(caller.tenant_id, key, ("share", agent_id, request.model_dump(mode="json")))
    made = once(runtime.database, asked, Made, make)
    if not shown:
        raise Conflict(
            f"This request made the share {made.id} already, and its token was shown then; if "
            "that answer was lost, revoke it and make another under a new Idempotency-Key."
        )
    return shown[0]


def list_shares(
    runtime: Runtime, caller: Caller, agent_id: str, *, limit: int, after: str | None = None
) -> tuple[list[ShareView], bool]:
    """Return an agent's shares that were not revoked, oldest first, and whether there are more."""
    query = sa.select(Share).where(Share.agent_id == agent_id, Share.revoked_at.is_(None))
    with runtime.database.read() as session:
        owned_agent(session, caller.tenant_id, agent_id)
        last = _owned_share(session, agent_id, after) if after is not None else None
        found, more = older_first(session, Share, query, last, limit)
        return [share_view(session, share) for share in found], more


def revoke_share(runtime: Runtime, caller: Caller, agent_id: str, share_id: str) -> None:
    """Close a share for ever; its conversations stay with its owner.

    No process remembers a token: the next request is refused, and streams that are open end at
    their next look. Raises `NotFound` where there is none to revoke.
    """
    with runtime.database.write() as session:
        owned_agent(session, caller.tenant_id, agent_id)
        share = _owned_share(session, agent_id, share_id)
        session.refresh(share, with_for_update=LOCKED)
        if share.revoked_at is not None:
            raise _unknown(share_id)
        share.revoked_at = now()


def share_view(session: Session, share: Share) -> ShareView:
    """Return a share as its owner sees it."""
    use = spent(session, share)
    return ShareView(
        id=share.id,
        agent_id=share.agent_id,
        name=share.name,
        expires_at=share.expires_at,
        most_messages=share.most_messages,
        most_tokens=share.most_tokens,
        per_minute=share.per_minute,
        messages=share.messages,
        tokens=use.tokens,
        reserved_tokens=use.reserved,
        created_at=share.created_at,
    )


def digest_of(token: str) -> str:
    """Return what is kept of a token: with 256 random bits, one round of hashing is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _owned_share(session: Session, agent_id: str, share_id: str) -> Share:
    share = session.get(Share, share_id)
    if share is None or share.agent_id != agent_id:
        raise _unknown(share_id)
    return share


def _refuse_past(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= now():
        raise InvalidInput("expires_at: must be a moment to come")


def _unknown(share_id: str) -> NotFound:
    return NotFound(f"There is no share with the id {share_id!r}.")
