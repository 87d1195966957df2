"""What the sender of work may say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ragline.models.job import DEFAULT_PRIORITY


@dataclass(frozen=True, slots=True)
class Wishes:
    """When work is done, lowest `priority` of a tenant first, and how to find it again."""

    priority: int = DEFAULT_PRIORITY
    not_before: datetime | None = None
    tags: Sequence[str] = ()


NO_WISHES = Wishes()
