"""The engine's row of a workflow, as our queries see it, and its words in ours."""

from __future__ import annotations

import sqlalchemy as sa

workflows = sa.table(
    "workflow_status",
    sa.column("workflow_uuid", sa.Text),
    sa.column("status", sa.Text),
    sa.column("queue_name", sa.Text),
    sa.column("priority", sa.Integer),
    sa.column("created_at", sa.BigInteger),
    sa.column("started_at_epoch_ms", sa.BigInteger),
    sa.column("executor_id", sa.Text),
    sa.column("recovery_attempts", sa.BigInteger),
    sa.column("workflow_deadline_epoch_ms", sa.BigInteger),
)
"""One row a workflow; `created_at` and `started_at_epoch_ms` are milliseconds since 1970."""

STATUS_WORDS = {
    "DELAYED": "pending",
    "ENQUEUED": "queued",
    "PENDING": "processing",
    "SUCCESS": "completed",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
OPEN = ("DELAYED", "ENQUEUED", "PENDING")
