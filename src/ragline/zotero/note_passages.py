"""The passages that a reading note is written from: all of a work, or a fair choice of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models import Chunk, Document, ZoteroItem

CHARACTERS_PER_TOKEN = 3.5
"""Of French and English prose; models differ, so that budgets are kept roughly."""
BEGINNING, END = 0.35, 0.2
"""Shares of the budget: where a work says what it is about, and where it concludes."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with the page that it begins on."""

    page: int
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is to read of a work: its documents' passages in order, and their language."""

    passages: tuple[Passage, ...]
    language: str | None


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def read(session: Session, library_id: str, item_key: str) -> Reading:
    """Return the published passages of a work's files, the main one first."""
    values = {"of_library": library_id, "of_item": item_key}
    documents = session.execute(_DOCUMENTS, values).all()
    main = f"/{item_key}"
    ordered = sorted(
        documents, key=lambda each: (not str(each.external_id).endswith(main), each.id)
    )
    passages: list[Passage] = []
    for document in ordered:
        rows = session.execute(
            _PASSAGES, {"of_document": document.id, "of_version": document.published_version}
        )
        passages += [Passage(row.page_start, row.text) for row in rows]
    language = next((each.language for each in ordered if each.language), None)
    return Reading(tuple(passages), language)


def chosen(passages: Sequence[Passage], budget: int) -> list[Passage]:
    """Return the passages that fit a budget of tokens, in their order.

    Where not all do: the beginning, the end, and passages from all over what is between, at
    even distances.
    """
    costs = [tokens_of(passage.text) for passage in passages]
    if sum(costs) <= budget:
        return list(passages)
    first = _fitting(costs, range(len(costs)), budget * BEGINNING)
    last = _fitting(costs, range(len(costs) - 1, len(first) - 1, -1), budget * END)
    between = range(len(first), len(costs) - len(last))
    left = budget - sum(costs[number] for number in (*first, *last))
    middle = _spread(costs, between, left)
    return [passages[number] for number in sorted({*first, *last, *middle})]


def _fitting(costs: Sequence[int], numbers: Sequence[int], budget: float) -> list[int]:
    taken: list[int] = []
    for number in numbers:
        budget -= costs[number]
        if budget < 0:
            break
        taken.append(number)
    return taken


def _spread(costs: Sequence[int], between: range, budget: float) -> list[int]:
    """Return as many numbers at even distances as the budget allows."""
    total = sum(costs[number] for number in between)
    count = min(len(between), int(len(between) * budget / total)) if total else 0
    while count > 0:
        step = len(between) / count
        taken = [between[int(step * place + step / 2)] for place in range(count)]
        if sum(costs[number] for number in taken) <= budget:
            return taken
        count -= 1
    return []


_DOCUMENTS = (
    sa.select(Document.id, Document.external_id, Document.language, Document.published_version)
    .join(ZoteroItem, ZoteroItem.document_id == Document.id)
    .where(
        ZoteroItem.library_id == sa.bindparam("of_library"),
        sa.or_(
            ZoteroItem.parent_key == sa.bindparam("of_item"),
            ZoteroItem.key == sa.bindparam("of_item"),
        ),
        Document.published_version.is_not(None),
    )
    .distinct()
)
_PASSAGES = (
    sa.select(Chunk.page_start, Chunk.text)
    .where(
        Chunk.document_id == sa.bindparam("of_document"),
        Chunk.version == sa.bindparam("of_version"),
    )
    .order_by(Chunk.ordinal)
)
