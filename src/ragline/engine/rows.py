"""The engine's rows, as our queries see them, and its words in ours."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

workflows = sa.table(
    "workflow_status",
    sa.column("workflow_uuid", sa.Text),
    sa.column("status", sa.Text),
    sa.column("name", sa.Text),
    sa.column("application_version", sa.Text),
    sa.column("queue_name", sa.Text),
    sa.column("queue_partition_key", sa.Text),
    sa.column("priority", sa.Integer),
    sa.column("created_at", sa.BigInteger),
    sa.column("updated_at", sa.BigInteger),
    sa.column("completed_at", sa.BigInteger),
    sa.column("started_at_epoch_ms", sa.BigInteger),
    sa.column("delay_until_epoch_ms", sa.BigInteger),
    sa.column("executor_id", sa.Text),
    sa.column("owner_xid", sa.Text),
    sa.column("recovery_attempts", sa.BigInteger),
    sa.column("workflow_timeout_ms", sa.BigInteger),
    sa.column("workflow_deadline_epoch_ms", sa.BigInteger),
    sa.column("serialization", sa.Text),
    sa.column("creator_xid", sa.Text),
    sa.column("parent_workflow_id", sa.Text),
    sa.column("forked_from", sa.Text),
    sa.column("attributes", sa.JSON().with_variant(JSONB(), "postgresql")),
)
"""One row a workflow; times are milliseconds since 1970."""

inputs = sa.table(
    "workflow_input",
    sa.column("workflow_uuid", sa.Text),
    sa.column("inputs", sa.Text),
)
"""The arguments of each workflow."""

operations = sa.table(
    "operation_outputs",
    sa.column("workflow_uuid", sa.Text),
    sa.column("function_id", sa.Integer),
    sa.column("function_name", sa.Text),
    sa.column("output", sa.Text),
    sa.column("error", sa.Text),
    sa.column("child_workflow_id", sa.Text),
    sa.column("started_at_epoch_ms", sa.BigInteger),
    sa.column("completed_at_epoch_ms", sa.BigInteger),
    sa.column("serialization", sa.Text),
    sa.column("application_name", sa.Text),
    sa.column("retention_timestamp", sa.BigInteger),
)
"""One row a finished step, numbered from 1 within its workflow; a failed one has an error."""

STATUS_WORDS = {
    "DELAYED": "pending",
    "ENQUEUED": "queued",
    "PENDING": "processing",
    "SUCCESS": "completed",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
WAITING = ("DELAYED", "ENQUEUED")
OPEN = (*WAITING, "PENDING")
