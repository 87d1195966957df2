"""Parts of lists: rows in the order of their creation, behind or in front of one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models.base import UtcDateTime
from ragline.openai_api.schemas import Listing

Place = tuple[datetime, str]
"""Where a row stands in its list: its creation, then its id."""


def part_of(
    session: Session,
    query: sa.Select[*tuple[Any, ...]],
    order: tuple[sa.ColumnElement[datetime], sa.ColumnElement[str]],
    wanted: Listing,
    place_of: Callable[[str], Place],
) -> tuple[list[Any], bool]:
    """Return the rows that are wanted, and whether there are more in that direction.

    `order` are the columns of a row's place, and `place_of` finds that of the row with an id
    that a client gave, or raises `NotFound`. In front of `before` are the rows next to it.
    """
    rising = wanted.order == "asc"
    backwards = wanted.before is not None and wanted.after is None
    if wanted.after is not None:
        query = query.where(_beyond(order, place_of(wanted.after), rising=rising))
    if wanted.before is not None:
        query = query.where(_beyond(order, place_of(wanted.before), rising=not rising))
    if rising == backwards:
        query = query.order_by(*(column.desc() for column in order))
    else:
        query = query.order_by(*order)
    rows = list(session.execute(query.limit(wanted.limit + 1)).all())
    some = rows[: wanted.limit]
    return some[::-1] if backwards else some, len(rows) > wanted.limit


def _beyond(
    order: tuple[sa.ColumnElement[datetime], sa.ColumnElement[str]], place: Place, *, rising: bool
) -> sa.ColumnElement[bool]:
    here = sa.tuple_(*order)
    there = sa.tuple_(sa.literal(place[0], UtcDateTime()), sa.literal(place[1]))
    return here > there if rising else here < there
