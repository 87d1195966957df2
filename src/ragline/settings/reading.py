"""Child processes, and how documents are read and embedded."""

from __future__ import annotations

from pydantic import BaseModel, Field

from ragline.settings.machine import CORES


class ReadingSettings(BaseModel):
    """Child processes, and how documents are read and embedded."""

    compute_workers: int = Field(
        default=CORES, ge=1, le=256, description="Child processes for parsing and embedding."
    )
    parse_wall_seconds: float = Field(
        default=60, gt=0, description="Longest time a child may take for one batch of pages."
    )
    parse_cpu_seconds: int = Field(
        default=45, ge=1, description="Most CPU time a child may take for one batch of pages."
    )
    parse_memory_mb: int = Field(
        default=1536, ge=256, description="Most memory of a parsing child, in MiB."
    )
    parse_output_mb: int = Field(
        default=64, ge=1, description="Most text that one batch of pages may give, in MiB."
    )
    parse_open_files: int = Field(
        default=128, ge=32, description="Most files that a child may hold open."
    )
    pages_per_batch: int = Field(
        default=32, ge=1, description="Pages that a child reads at a time; the unit of resumption."
    )
    max_pages: int = Field(default=20_000, ge=1, description="Most pages of one document.")
    embed_batch: int = Field(
        default=64, ge=1, le=4096, description="Passages that a child embeds at a time."
    )
