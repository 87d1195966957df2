"""Neighbours of one document put together again, so that they read as one passage; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragline.search.schemas import Hit

MOST_JOINED = 5
"""Chunks of one passage, at most: some 600 words, which people and models read at a stretch."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A hit with its place in its document, counted from 0 without gaps."""

    hit: Hit
    ordinal: int


def joined(found: Sequence[Placed], *, limit: int) -> list[Hit]:
    """Return up to `limit` passages, best first, in which neighbours that were found are one.

    A passage ranks where its best chunk does, and has that one's score and id; its text, its
    pages and `chunk_ids` are in reading order. Chunks do not overlap, so no word is doubled.
    """
    groups: list[list[Placed]] = []
    for each in found:
        beside = [group for group in groups if _is_beside(each, group)]
        if not beside:
            if len(groups) < limit:
                groups.append([each])
            continue
        first, *others = beside
        first.append(each)
        # What fills the gap between two makes them one, where that is not too long.
        for other in others:
            if len(first) + len(other) <= MOST_JOINED:
                first.extend(other)
                groups.remove(other)
    return [_one(group) for group in groups]


def _is_beside(one: Placed, group: Sequence[Placed]) -> bool:
    """Tell whether a chunk stands before or behind some of a group that has room for it."""
    if group[0].hit.document_id != one.hit.document_id or len(group) >= MOST_JOINED:
        return False
    return any(abs(each.ordinal - one.ordinal) == 1 for each in group)


def _one(group: Sequence[Placed]) -> Hit:
    best = group[0].hit
    if len(group) == 1:
        return best
    hits = [each.hit for each in sorted(group, key=lambda each: each.ordinal)]
    return best.model_copy(
        update={
            "text": "\n\n".join(hit.text for hit in hits),
            "page_start": min(hit.page_start for hit in hits),
            "page_end": max(hit.page_end for hit in hits),
            "chunk_ids": [hit.chunk_id for hit in hits],
        }
    )
