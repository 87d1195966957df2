"""Libraries: versions with a content of their own, imports, references, notes, product images.

Tables and columns with a default are added, nothing else, so that processes of the version
before go on working beside new ones.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

UTC = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    _add_document_versions()
    _add_readers()
    _add_imports()
    _add_zotero()
    _add_images()


def _add_document_versions() -> None:
    """What documents are to become, and two documents with one content."""
    op.create_table(
        "document_versions",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("filename", sa.String(length=500), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("page_count", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id"),
    )
    for column in ("document_id", "content_hash"):
        op.create_index(f"ix_document_versions_{column}", "document_versions", [column])
    op.add_column("documents", sa.Column("file_hash", sa.String(length=64), nullable=True))
    op.create_index("ix_documents_file_hash", "documents", ["file_hash"])
    op.create_index("ix_documents_external_id", "documents", ["project_id", "external_id"])
    op.create_table(
        "left_results",
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("cache", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "cache", "key"),
    )
    op.create_index("ix_left_results_key", "left_results", ["key"])


def _add_readers() -> None:
    """What reading and cleaning with paid models leaves behind."""
    op.create_table(
        "tidied_texts",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("refusal", sa.String(length=200), nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.add_column("chunks", sa.Column("cleaning_key", sa.String(length=64), nullable=True))
    op.create_index("ix_chunks_cleaning_key", "chunks", ["cleaning_key"])
    op.add_column("documents", sa.Column("clean", sa.Boolean(), nullable=True))
    op.add_column("projects", sa.Column("clean", sa.Boolean(), nullable=True))
    op.add_column("projects", sa.Column("clean_prompt", sa.Text(), nullable=True))
    op.add_column("pages", sa.Column("needs_ocr", sa.Text(), nullable=True))
    op.add_column("pages", sa.Column("unread", sa.Text(), nullable=True))
    op.add_column("page_texts", sa.Column("engine", sa.String(length=100), nullable=True))
    op.add_column("page_texts", sa.Column("needs_ocr", sa.Text(), nullable=True))
    op.add_column("page_texts", sa.Column("failed_engines", JSON, nullable=True))
    op.add_column("page_texts", sa.Column("confidence", sa.Double(), nullable=True))
    op.add_column("page_texts", sa.Column("seconds", sa.Double(), nullable=True))
    op.create_table(
        "paid_calls",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=True),
        sa.Column("provider", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_paid_calls_job_id", "paid_calls", ["job_id", "about"])


def _add_imports() -> None:
    """Imports, and the files they read until all is taken in."""
    op.create_table(
        "imports",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("source", JSON, nullable=False),
        sa.Column("position", JSON, nullable=True),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("taken_at", UTC, nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id"),
    )
    op.create_table(
        "import_files",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["imports.job_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
    op.create_index("ix_import_files_content_hash", "import_files", ["content_hash"])


def _add_zotero() -> None:
    """Libraries of Zotero, and the notes written for their items."""
    op.create_table(
        "zotero_libraries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("library", sa.String(length=40), nullable=False),
        sa.Column("api_key", sa.String(length=200), nullable=True),
        sa.Column("collections", JSON, nullable=False),
        sa.Column("collection_paths", JSON, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("synced_at", UTC, nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "library"),
    )
    op.create_index("ix_zotero_libraries_tenant_id", "zotero_libraries", ["tenant_id"])
    op.create_table(
        "zotero_items",
        sa.Column("library_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("parent_key", sa.String(length=8), nullable=True),
        sa.Column("wanted_version", sa.BigInteger(), nullable=False),
        sa.Column("read_version", sa.BigInteger(), nullable=False),
        sa.Column("data", JSON, nullable=True),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.String(length=500), nullable=True),
        sa.Column("document_id", sa.String(length=36), nullable=True),
        sa.Column("owned", sa.Boolean(), nullable=False),
        sa.Column("md5", sa.String(length=32), nullable=True),
        sa.Column("problem", JSON, nullable=True),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["library_id"], ["zotero_libraries.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("library_id", "key"),
    )
    op.create_index("ix_zotero_items_parent", "zotero_items", ["library_id", "parent_key"])
    op.create_index("ix_zotero_items_due", "zotero_items", ["library_id", "due"])
    op.create_table(
        "zotero_notes",
        sa.Column("library_id", sa.String(length=36), nullable=False),
        sa.Column("item_key", sa.String(length=8), nullable=False),
        sa.Column("note_key", sa.String(length=8), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("written_from", sa.String(length=64), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("usage", JSON, nullable=True),
        sa.Column("pushed_from", sa.String(length=64), nullable=True),
        sa.Column("pushed_version", sa.BigInteger(), nullable=True),
        sa.Column("pushed_hash", sa.String(length=64), nullable=True),
        sa.Column("updated_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["library_id"], ["zotero_libraries.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("library_id", "item_key"),
    )


def _add_images() -> None:
    """Product images."""
    op.create_table(
        "product_images",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("product_id", sa.String(length=200), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("published_version", sa.Integer(), nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "product_id"),
    )
    op.create_index(
        "ix_product_images_listing", "product_images", ["project_id", "created_at", "id"]
    )
    op.create_table(
        "product_image_versions",
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("thumbnail_hash", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("image_key", sa.String(length=64), nullable=True),
        sa.Column("text_key", sa.String(length=64), nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["product_images.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("image_id", "version"),
        sa.UniqueConstraint("job_id"),
    )
    for column in ("content_hash", "thumbnail_hash", "image_key", "text_key"):
        op.create_index(f"ix_product_image_versions_{column}", "product_image_versions", [column])
    op.create_table(
        "image_collections",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "image_embeddings",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
