"""Listings, which the server gives in parts and the client as one series."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from ragline.client.models import Answered, Page
from ragline.client.sending import ask, get
from ragline.client.steps import Give, Series

MOST_AT_ONCE = 200

Item = TypeVar("Item", bound=Answered)


def listing(
    path: str,
    page: type[Page[Item]],
    *,
    limit: int | None = None,
    place: Callable[[Item], object] = attrgetter("id"),
    **wanted: Any,
) -> Series[Item]:
    """Give all items that are wanted, or the first `limit` of them, part by part.

    `place` is what the next part is asked for behind.
    """
    left = limit
    while left is None or left > 0:
        size = MOST_AT_ONCE if left is None else min(left, MOST_AT_ONCE)
        part = yield from ask(get(path, limit=size, **wanted), page)
        for item in part.items:
            yield Give(item)
        if not part.has_more or not part.items:
            return
        left = None if left is None else left - len(part.items)
        wanted["after"] = place(part.items[-1])
