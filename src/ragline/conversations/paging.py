"""Pages of rows by the time they were made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models import Agent, AnswerPair, ChatSession, Share

Row = TypeVar("Row", Agent, AnswerPair, ChatSession, Share)


def older_first(
    session: Session, table: type[Row], query: sa.Select[Any], last: Row | None, limit: int
) -> tuple[Sequence[Row], bool]:
    """Return the rows behind the last one that was seen, and whether there are more."""
    if last is not None:
        query = query.where(_place(table) > _place_of(table, last))
    return _page(session, query.order_by(table.created_at, table.id), limit)


def newer_first(
    session: Session, table: type[Row], query: sa.Select[Any], last: Row | None, limit: int
) -> tuple[Sequence[Row], bool]:
    """Return the rows made before the last one that was seen, and whether there are more."""
    if last is not None:
        query = query.where(_place(table) < _place_of(table, last))
    return _page(session, query.order_by(table.created_at.desc(), table.id.desc()), limit)


def _page(session: Session, query: sa.Select[Any], limit: int) -> tuple[Sequence[Any], bool]:
    found = session.scalars(query.limit(limit + 1)).all()
    return found[:limit], len(found) > limit


def _place(table: type[Row]) -> sa.Tuple:
    return sa.tuple_(table.created_at, table.id)


def _place_of(table: type[Row], row: Row) -> sa.Tuple:
    moment = sa.literal(row.created_at, sa.inspect(table).columns["created_at"].type)
    return sa.tuple_(moment, sa.literal(row.id))
