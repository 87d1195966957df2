"""Ending and repeating workflows, in the transaction of what decides it.

The engine's own calls for this use transactions of their own, between which and ours a
process could die. These write the same rows the same way; contract tests hold that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.engine.rows import OPEN, WAITING, operations, workflows


def cancel(session: Session, workflow_id: str) -> str | None:
    """End an open workflow and its children as cancelled.

    Returns what it was: "waiting" in a queue, "running", or None if it was not open.
    """
    row = session.execute(_LOCKED, {"workflow_id": workflow_id}).first()
    if row is None or row.status not in OPEN:
        return None
    _cancel(session, workflows.c.workflow_uuid == workflow_id)
    cancel_children(session, workflow_id)
    return "waiting" if row.status in WAITING else "running"


def cancel_children(session: Session, workflow_id: str) -> None:
    """End the open children of a workflow as cancelled."""
    _cancel(session, workflows.c.parent_workflow_id == workflow_id)


def hasten(session: Session, workflow_id: str, *, until: datetime | None) -> None:
    """Put a delayed workflow into its queue now, or at a moment that is still to come."""
    at = 0 if until is None else int(until.timestamp() * 1000)
    ahead = at > time.time() * 1000
    session.execute(
        sa.update(workflows)
        .where(workflows.c.workflow_uuid == workflow_id, workflows.c.status == "DELAYED")
        .values(
            status="DELAYED" if ahead else "ENQUEUED", delay_until_epoch_ms=at if ahead else None
        )
    )


def first_unfinished(session: Session, workflow_id: str, *, undo: Sequence[str]) -> int:
    """Return the number of the first step that did not succeed, counted from 1.

    Steps named in `undo` only tidied up after a failure. Of children, all are repeated
    unless all succeeded: they find what is there.
    """
    steps = session.execute(_STEPS, {"workflow_id": workflow_id}).all()
    done = 0
    for step in steps:
        if step.error is not None or step.function_name in undo or step.function_id != done + 1:
            break
        done = step.function_id
    children = [step for step in steps if step.child_workflow_id is not None]
    if children and done <= children[-1].function_id:
        ids = {step.child_workflow_id for step in children}
        succeeded = session.scalar(_SUCCEEDED, {"ids": list(ids)})
        if done < children[-1].function_id or succeeded != len(ids):
            done = min(done, children[0].function_id - 1)
    return done + 1


def copy_steps(session: Session, source: str, target: str, *, before: int) -> None:
    """Give a new workflow the results of another's steps below a number."""
    names = [column.name for column in operations.c if column.name != "workflow_uuid"]
    columns: list[Any] = [operations.c[name] for name in names]
    session.execute(
        sa.insert(operations).from_select(
            ["workflow_uuid", *names],
            sa.select(sa.literal(target), *columns).where(
                operations.c.workflow_uuid == source, operations.c.function_id < before
            ),
        )
    )
    session.execute(
        sa.update(workflows).where(workflows.c.workflow_uuid == target).values(forked_from=source)
    )


def forget_steps(session: Session, workflow_id: str, names: Sequence[str] | None = None) -> None:
    """Take back that steps were done, those of some names or all: their effects are gone."""
    mine = operations.c.workflow_uuid == workflow_id
    if names is not None:
        mine &= operations.c.function_name.in_(names)
    session.execute(sa.delete(operations).where(mine))


def outputs(session: Session, workflow_id: str) -> dict[str, str | None]:
    """Return the stored results of a workflow's steps by their names, of several the last."""
    steps = session.execute(_STEPS, {"workflow_id": workflow_id})
    return {step.function_name: step.output for step in steps}


def _cancel(session: Session, which: sa.ColumnElement[bool]) -> None:
    now = int(time.time() * 1000)
    session.execute(
        sa.update(workflows)
        .where(which, workflows.c.status.in_(OPEN))
        .values(
            status="CANCELLED",
            queue_name=None,
            owner_xid=None,
            started_at_epoch_ms=None,
            updated_at=now,
            completed_at=now,
        )
    )


_LOCKED = (
    sa.select(workflows.c.status)
    .where(workflows.c.workflow_uuid == sa.bindparam("workflow_id"))
    .with_for_update()
)
_STEPS = (
    sa.select(operations)
    .where(operations.c.workflow_uuid == sa.bindparam("workflow_id"))
    .order_by(operations.c.function_id)
)
_SUCCEEDED = (
    sa.select(sa.func.count())
    .select_from(workflows)
    .where(
        workflows.c.workflow_uuid.in_(sa.bindparam("ids", expanding=True)),
        workflows.c.status == "SUCCESS",
    )
)
