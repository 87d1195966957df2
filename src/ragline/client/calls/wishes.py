"""What a request that makes jobs may say about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ragline.client.sending import given


def wishes(
    priority: int | None, not_before: datetime | None, tags: Sequence[str]
) -> dict[str, Any]:
    """Return the fields of a request; `priority` goes from 1 to 1000, lowest first."""
    moment = None if not_before is None else not_before.isoformat()
    return given(priority=priority, not_before=moment, tags=list(tags) or None)
