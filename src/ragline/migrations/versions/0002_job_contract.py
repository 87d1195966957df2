"""What the whole contract of jobs needs: attempts, tags, keys, limits, webhooks.

Columns are only added, each with a default, so that processes of the version before go on
working beside new ones.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

UTC = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("provider", sa.String(length=100), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("started", sa.Double(), nullable=True),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_provider_calls", "provider_calls", ["provider", "started"])

    op.create_table(
        "paid_answers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("answer", JSON, nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_paid_answers_job_id", "paid_answers", ["job_id"])

    op.create_table(
        "provider_limits",
        sa.Column("provider", sa.String(length=100), nullable=False),
        sa.Column("blocked_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("provider"),
    )
    op.create_table(
        "queue_states",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("paused_at", UTC, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "totals",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "webhook_position",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute('INSERT INTO webhook_position (id, transaction_id, "cursor") VALUES (1, 0, 0)')
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", JSON, nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "key"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])

    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("events", JSON, nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("old_secret", sa.String(length=200), nullable=True),
        sa.Column("old_secret_until", UTC, nullable=True),
        sa.Column("disabled_at", UTC, nullable=True),
        sa.Column("disabled_reason", sa.String(length=500), nullable=True),
        sa.Column("after_transaction", sa.BigInteger(), nullable=False),
        sa.Column("after_cursor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhook_endpoints_tenant_id", "webhook_endpoints", ["tenant_id"])

    op.create_table(
        "job_tags",
        sa.Column("tag", sa.String(length=100), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tag", "job_id"),
    )
    op.create_index("ix_job_tags_job_id", "job_tags", ["job_id"])

    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("endpoint_id", sa.String(length=36), nullable=False),
        sa.Column("event_cursor", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("tries", JSON, nullable=False),
        sa.Column("try_count", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UTC, nullable=True),
        sa.Column("leased_until", UTC, nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("ended_at", UTC, nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoints.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("endpoint_id", "event_cursor"),
    )
    op.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["status", "next_try_at", "endpoint_id"]
    )
    op.create_index(
        "ix_webhook_deliveries_log", "webhook_deliveries", ["endpoint_id", "created_at", "id"]
    )

    with op.batch_alter_table("attempts") as batch_op:
        batch_op.add_column(
            sa.Column("first_step", sa.Integer(), nullable=False, server_default="1")
        )
        batch_op.add_column(sa.Column("outcome", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("started_at", UTC, nullable=True))

    with op.batch_alter_table("events") as batch_op:
        batch_op.add_column(
            sa.Column("transaction_id", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch_op.drop_index("ix_events_project")
        batch_op.create_index("ix_events_project", ["project_id", "transaction_id", "cursor"])
        batch_op.create_index("ix_events_order", ["transaction_id", "cursor"])

    with op.batch_alter_table("jobs") as batch_op:
        batch_op.add_column(sa.Column("workflow", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("queue", sa.String(length=40), nullable=True))
        batch_op.add_column(
            sa.Column("priority", sa.Integer(), nullable=False, server_default="100")
        )
        batch_op.add_column(sa.Column("not_before", UTC, nullable=True))
        batch_op.add_column(sa.Column("timeout_seconds", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("inputs", JSON, nullable=True))
        batch_op.add_column(sa.Column("waiting_for", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("cancel_requested_at", UTC, nullable=True))
        batch_op.add_column(
            sa.Column("last_event", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("tokens", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("dismissed_at", UTC, nullable=True))
        batch_op.create_index("ix_jobs_finished", ["kind", "outcome", "finished_at"])

    # Events are numbered from the job's own count, and a retry must know where jobs run.
    op.execute(
        "UPDATE jobs SET last_event = "
        "(SELECT coalesce(max(number), 0) FROM events WHERE events.job_id = jobs.id)"
    )
    op.execute(
        "UPDATE jobs SET workflow = 'ingest', queue = 'ingest', timeout_seconds = 3600 "
        "WHERE kind = 'ingest'"
    )
    op.execute(
        "UPDATE jobs SET workflow = 'delete_project', queue = 'default', "
        "timeout_seconds = 604800 WHERE kind = 'delete'"
    )
    op.execute("UPDATE attempts SET started_at = created_at")
    op.execute(
        "UPDATE attempts SET outcome = (SELECT outcome FROM jobs WHERE jobs.id = attempts.job_id)"
    )
