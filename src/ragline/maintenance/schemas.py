"""What a clean-up looks like over HTTP."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from ragline.jobs.schemas import JobView


class CleanupAccepted(BaseModel):
    """The job that cleans up."""

    job: JobView


class CleanupPreview(BaseModel):
    """What a clean-up would remove now, by kind, with a sentence per stray (100 at most)."""

    dry_run: Literal[True] = True
    removed: dict[str, int]
    differences: list[str]
