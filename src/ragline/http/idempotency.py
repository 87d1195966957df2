"""Requests that have their effect once, however often they are sent.

The answer is kept in the transaction that did what the request asks: there is no moment at
which the one is there without the other. A second request under the same key, sent while the
first is at work, waits for it and gets its answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import Header
from pydantic import BaseModel

from ragline.database import Database
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


@dataclass(frozen=True, slots=True)
class Once:
    """A request's key, whose it is, and what it asks for, as far as that decides its effect."""

    tenant_id: str
    key: str | None
    asked: tuple[Any, ...]

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
    if request.key is None:
        return make()
    with database.write() as session:
        database.lock(session, f"key:{request.tenant_id}:{request.key}")
        found = session.execute(
            _FIND, {"of_tenant": request.tenant_id, "of_key": request.key}
        ).first()
        if found is not None:
            if found.fingerprint != request.fingerprint:
                raise KeyReused(
                    "This Idempotency-Key was used for another request; choose a new one."
                )
            return model.model_validate(found.answer)
        answer = make()
        session.add(
            IdempotencyKey(
                tenant_id=request.tenant_id,
                key=request.key,
                fingerprint=request.fingerprint,
                answer=answer.model_dump(mode="json"),
            )
        )
    return answer


_FIND = sa.select(IdempotencyKey.fingerprint, IdempotencyKey.answer).where(
    IdempotencyKey.tenant_id == sa.bindparam("of_tenant"),
    IdempotencyKey.key == sa.bindparam("of_key"),
)
