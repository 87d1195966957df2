"""What may be imported: folders of the server, and how large archives may be."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field


class ImportSettings(BaseModel):
    """What may be imported: folders of the server, and how large archives may be."""

    import_roots: list[Path] = Field(
        default=[],
        description="Folders of the server, as a JSON list, below which folders may be imported "
        "by everyone who may upload; none means that folder imports are off.",
    )
    import_seconds: float = Field(
        default=24 * 3600, gt=0, description="Time limit of one attempt to take an import in."
    )
    import_batch: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="Most documents that an import takes in at a time; the unit of resumption.",
    )
    import_batch_bytes: int = Field(
        default=64 * 1024**2,
        ge=1024,
        description="Bytes after which an import begins the next batch of documents.",
    )
    import_items: int = Field(default=100_000, ge=1, description="Most documents of one import.")
    import_wall_seconds: float = Field(
        default=300,
        gt=0,
        description="Longest time a child may take to look through an archive or an export.",
    )
    import_cpu_seconds: int = Field(
        default=240, ge=1, description="Most CPU time a child may take for the same."
    )
    import_memory_mb: int = Field(
        default=1536, ge=256, description="Most memory of a child that does so, in MiB."
    )
    dry_run_documents: int = Field(
        default=200,
        ge=1,
        description="Documents of a dry run whose pages are counted; those of the others are "
        "estimated from them.",
    )
    archive_bytes: int = Field(
        default=4 * 1024**3, ge=1024, description="Most bytes that an archive may unpack to."
    )
    archive_entry_bytes: int = Field(
        default=512 * 1024**2,
        ge=1024,
        description="Most bytes that one entry of an archive may unpack to.",
    )
    archive_entries: int = Field(
        default=20_000,
        ge=1,
        description="Most entries of an archive, those of archives inside it included.",
    )
    archive_ratio: int = Field(
        default=200,
        ge=2,
        description="Most bytes that each byte of an entry may unpack to, once these are a "
        "mebibyte.",
    )
    archive_nesting: int = Field(
        default=2, ge=0, description="How deep archives may stand inside archives."
    )
