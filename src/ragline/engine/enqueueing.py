"""Many workflows put into their queues at once, in the transaction of what makes them true.

The engine's own call takes one workflow at a time, several statements each, which is most of
what accepting a small document costs. This writes the same rows; a contract test holds that.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.engine.rows import inputs, workflows
from ragline.engine.serializer import JsonSerializer

# Recovery and dequeue see their own version only, so it stays the same across releases
# as long as workflows can be replayed; it is raised only after draining.
APPLICATION_VERSION = "1"
NOBODYS = "-"
"""Whose work it is that belongs to no tenant."""
DEFAULT_PRIORITY = 100

_serializer = JsonSerializer()


@dataclass(frozen=True, slots=True)
class Place:
    """A workflow's place in a queue: which, with what arguments, and for how long it may run.

    Workflows with the same `share_of`, a tenant, share their part of the queue's places,
    and are ordered by `priority`, lowest first.
    """

    workflow: str
    arguments: Sequence[Any]
    queue: str
    workflow_id: str
    timeout_seconds: float
    share_of: str = ""
    priority: int = DEFAULT_PRIORITY
    delay_seconds: float | None = None


def enqueue(session: Session, places: Sequence[Place]) -> None:
    """Put workflows into their queues, in order; all are kept with the caller's rows, or none."""
    connection = session.connection()
    rows = [_row(place) for place in places]
    if connection.dialect.name == "sqlite":
        # There the engine's clock may tick once a second, and what came within one second
        # would be served in the order of its random ids.
        now = int(time.time() * 1000)
        rows = [row | {"created_at": now} for row in rows]
    connection.execute(_INSERT_STATUS, rows)
    connection.execute(_INSERT_INPUTS, [_inputs(place) for place in places])


def _row(place: Place) -> dict[str, Any]:
    delay = place.delay_seconds
    until = None if delay is None else int(time.time() * 1000 + delay * 1000)
    return {
        "workflow_uuid": place.workflow_id,
        "status": "ENQUEUED" if until is None else "DELAYED",
        "name": place.workflow,
        "queue_name": place.queue,
        "application_version": APPLICATION_VERSION,
        "recovery_attempts": 0,
        "workflow_timeout_ms": int(place.timeout_seconds * 1000),
        "priority": place.priority,
        "serialization": _serializer.name(),
        "queue_partition_key": place.share_of or NOBODYS,
        "delay_until_epoch_ms": until,
        "attributes": None,
        "creator_xid": str(uuid.uuid4()),
    }


def _inputs(place: Place) -> dict[str, Any]:
    arguments = {"args": list(place.arguments), "kwargs": {}}
    return {"workflow_uuid": place.workflow_id, "inputs": _serializer.serialize(arguments)}


_INSERT_STATUS = sa.insert(workflows)
_INSERT_INPUTS = sa.insert(inputs)
