"""Indexes: which collection, store and model each project is searched with.

Tables and columns with a default are added, nothing else, so that processes of the version
before go on working beside new ones.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

UTC = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    _add_indexes()
    _add_answers()
    _add_reembedding()
    _add_held_chunks()


def _add_indexes() -> None:
    """Indexes, what is in them, and which of them each project has."""
    op.create_table(
        "vector_indexes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("store", sa.String(length=40), nullable=False),
        sa.Column("embedder", sa.String(length=200), nullable=False),
        sa.Column("embedder_name", sa.String(length=300), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(length=40), nullable=True),
        sa.Column("with_words", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("store", "embedder_name", "collection"),
    )
    op.create_table(
        "chunk_vectors",
        sa.Column("chunk_id", sa.String(length=36), nullable=False),
        sa.Column("index_id", sa.String(length=36), nullable=False),
        sa.Column("embedding_key", sa.String(length=64), nullable=False),
        sa.Column("indexed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunks.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["index_id"], ["vector_indexes.id"]),
        sa.PrimaryKeyConstraint("chunk_id", "index_id"),
    )
    for column in ("index_id", "embedding_key"):
        op.create_index(f"ix_chunk_vectors_{column}", "chunk_vectors", [column])
    for name in ("index_id", "better_index_id", "filling_index_id", "previous_index_id"):
        op.add_column(
            "projects",
            sa.Column(name, sa.String(length=36), sa.ForeignKey("vector_indexes.id")),
            inline_references=True,
        )
    op.add_column("projects", sa.Column("filled_version", sa.BigInteger(), nullable=True))


def _add_answers() -> None:
    """What answers are written from, and the jobs that a kept answer was made for."""
    op.create_table(
        "answer_sources",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("chunk_id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reference", JSON, nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "chunk_id"),
    )
    op.create_index("ix_answer_sources_document_id", "answer_sources", ["document_id"])
    op.create_table(
        "cached_answer_jobs",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "key"),
    )
    op.create_index("ix_cached_answer_jobs_key", "cached_answer_jobs", ["key"])


def _add_reembedding() -> None:
    """Since when the index before is kept, for going back to it."""
    op.add_column("projects", sa.Column("previous_since", UTC, nullable=True))


def _add_held_chunks() -> None:
    """What stores hold that cannot tell it themselves."""
    op.create_table(
        "held_chunks",
        sa.Column("index_name", sa.String(length=80), nullable=False),
        sa.Column("chunk_id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("index_name", "chunk_id"),
    )
    for column in ("document_id", "project_id"):
        op.create_index(f"ix_held_chunks_{column}", "held_chunks", [column])
    op.create_table(
        "held_projects",
        sa.Column("index_name", sa.String(length=80), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("chunks", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("index_name", "project_id"),
    )
    op.create_table(
        "held_terms",
        sa.Column("index_name", sa.String(length=80), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("holding", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("index_name", "project_id", "term"),
        sqlite_with_rowid=False,
    )
