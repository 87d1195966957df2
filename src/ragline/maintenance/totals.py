"""Totals of all clean-ups: what counters need of rows that are gone."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import insert_missing
from ragline.maintenance.rules import Removed
from ragline.models import Total

REMOVED = "removed/"
ENDED = "ended/"


def add(session: Session, what: str, removed: Removed) -> None:
    """Count a removal, in its transaction."""
    added = {f"{REMOVED}{what}": removed.count}
    added |= {f"{ENDED}{name}": count for name, count in removed.ended.items()}
    # In one order for all, so that two who count the same do not wait for each other in a ring.
    names = sorted(added)
    insert_missing(session, Total, [{"name": name, "count": 0} for name in names])
    for name in names:
        session.execute(
            sa.update(Total).where(Total.name == name).values(count=Total.count + added[name])
        )


def read(session: Session, prefix: str) -> Counter[str]:
    """Return the totals whose names begin with a prefix, without it."""
    rows = session.execute(sa.select(Total.name, Total.count).where(Total.name.startswith(prefix)))
    return Counter({name.removeprefix(prefix): count for name, count in rows})
