"""Requests that have their effect once, however often they are sent.

The answer is kept in the transaction that did what the request asks: there is no moment at
which the one is there without the other. A second request under the same key, sent while the
first is at work, waits for it and gets its answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import Header
from pydantic import BaseModel
from sqlalchemy.orm import Session

from ragline.database import Database, insert_new
from ragline.errors import InvalidInput
from ragline.models import IdempotencyKey

Answer = TypeVar("Answer", bound=BaseModel)
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="A key of your choice, kept for at least 24 hours: the same request sent "
        "again under it is answered as the first time, and does nothing more.",
    ),
]


class KeyReused(InvalidInput):
    """The key was used for another request."""

    slug = "idempotency-key-reused"
    title = "Idempotency key reused"


class Named(BaseModel):
    """Something by its id: what is kept of a request that is answered with how that is by then."""

    id: str


@dataclass(frozen=True, slots=True)
class Once:
    """A request's key, whose it is, and what it asks for, as far as that decides its effect."""

    tenant_id: str
    key: str | None
    asked: tuple[Any, ...]

    @property
    def name(self) -> tuple[str, str]:
        """The key among those of its tenant."""
        assert self.key is not None, "asked for requests with a key only"
        return (self.tenant_id, self.key)

    @property
    def fingerprint(self) -> str:
        """The hash of what is asked for."""
        text = json.dumps(self.asked, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def once(
    database: Database, request: Once, model: type[Answer], make: Callable[[], Answer]
) -> Answer:
    """Return what `make` returns, or what it returned the first time under the same key.

    `make` writes within this function's transaction. Where it fails nothing is kept, and the
    request can be sent again under its key.

    Raises:
        KeyReused: the key was used for another request.
    """
    return once_each(database, [request], model, lambda _numbers: [make()])[0]


def once_each(
    database: Database,
    requests: Sequence[Once],
    model: type[Answer],
    make: Callable[[Sequence[int]], Sequence[Answer]],
) -> list[Answer]:
    """Do for several requests what `once` does for one, in one transaction.

    `make` is given the numbers of those that have not been answered before, counted from 0.
    """
    if all(request.key is None for request in requests):
        return list(make(range(len(requests))))
    with database.write() as session:
        keyed = [request for request in requests if request.key is not None]
        database.lock(session, *(f"key:{each.tenant_id}:{each.key}" for each in keyed))
        known = _answers(session, keyed)
        first: dict[tuple[str, str], int] = {}
        for number, request in enumerate(requests):
            if request.key is not None and request.name not in known:
                first.setdefault(request.name, number)
        chosen = set(first.values())
        new = [n for n, request in enumerate(requests) if request.key is None or n in chosen]
        made = dict(zip(new, make(new) if new else [], strict=True))
        for name, number in first.items():
            known[name] = (requests[number].fingerprint, made[number].model_dump(mode="json"))
        insert_new(session, *(_kept(requests[n], *known[name]) for name, n in first.items()))
        return [
            made[number] if number in made else model.model_validate(_replayed(request, known))
            for number, request in enumerate(requests)
        ]


_Kept = tuple[str, dict[str, Any]]


def _answers(session: Session, requests: Sequence[Once]) -> dict[tuple[str, str], _Kept]:
    """Return the fingerprints and answers that are kept, by tenant and key."""
    tenants, keys = {each.tenant_id for each in requests}, {each.key for each in requests}
    rows = session.execute(_FIND, {"of_tenants": list(tenants), "of_keys": list(keys)})
    return {(row.tenant_id, row.key): (row.fingerprint, row.answer) for row in rows}


def _replayed(request: Once, known: dict[tuple[str, str], _Kept]) -> dict[str, Any]:
    fingerprint, answer = known[request.name]
    if fingerprint != request.fingerprint:
        raise KeyReused("This Idempotency-Key was used for another request; choose a new one.")
    return answer


def _kept(request: Once, fingerprint: str, answer: dict[str, Any]) -> IdempotencyKey:
    return IdempotencyKey(
        tenant_id=request.tenant_id, key=request.key, fingerprint=fingerprint, answer=answer
    )


_FIND = sa.select(
    IdempotencyKey.tenant_id,
    IdempotencyKey.key,
    IdempotencyKey.fingerprint,
    IdempotencyKey.answer,
).where(
    IdempotencyKey.tenant_id.in_(sa.bindparam("of_tenants", expanding=True)),
    IdempotencyKey.key.in_(sa.bindparam("of_keys", expanding=True)),
)
