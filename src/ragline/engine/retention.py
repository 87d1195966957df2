"""Forgetting workflows whose end is long past.

The engine's own call for this uses a transaction of its own for any number of rows; this one
removes the same rows in the caller's. A contract test holds that nothing is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.engine.rows import OPEN, operations, workflows

# What hangs on a workflow's row goes with it, except the rows of these tables.
_PAYLOADS = (
    sa.table("workflow_input", sa.column("workflow_uuid", sa.Text)),
    sa.table("workflow_output", sa.column("workflow_uuid", sa.Text)),
    operations,
)


def ended_before(moment: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of a workflow that ended before a moment."""
    ended = sa.func.coalesce(workflows.c.completed_at, workflows.c.updated_at)
    return sa.and_(workflows.c.status.not_in(OPEN), ended < int(moment.timestamp() * 1000))


def forget(session: Session, workflow_ids: Sequence[str]) -> int:
    """Remove ended workflows and all that the engine kept of them; return how many.

    Open ones stay. Children are workflows of their own: name them before their parents.
    """
    ended = session.scalars(
        sa.select(workflows.c.workflow_uuid)
        .where(workflows.c.workflow_uuid.in_(workflow_ids), workflows.c.status.not_in(OPEN))
        .with_for_update()
    ).all()
    for table in (*_PAYLOADS, workflows):
        session.execute(sa.delete(table).where(table.c.workflow_uuid.in_(ended)))
    return len(ended)
