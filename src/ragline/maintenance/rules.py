"""Rules: which rows may go, how many they are, and removing them a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session

from ragline.database import Database

BATCH = 500
LOOK = 5_000


@dataclass(frozen=True, slots=True)
class Removed:
    """Rows that were removed; `ended` counts the ended attempts among them, "kind/outcome"."""

    count: int
    ended: Counter[str] = field(default_factory=Counter)


Note = Callable[[Session, str, Removed], None]
"""Called in the transaction of each removal, so that a receipt counts each row once."""
Condition = sa.ColumnElement[bool]
Column = sa.SQLColumnExpression[Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of one kind that may go.

    `key` identifies a row and `due` says which rows may go. `delete` removes those of a batch
    that may still go and that nothing refers to; rows that come first in `order` are removed
    first. `batch` is the most rows of one transaction.
    """

    what: str
    key: tuple[Column, ...]
    due: Condition
    delete: Callable[[Session, Condition], Removed]
    order: tuple[Column, ...] = ()
    batch: int = BATCH


def rule_of(
    what: str, table: type[DeclarativeBase], key: tuple[Column, ...], due: Condition
) -> Rule:
    """Return the rule of rows that may go in any order."""

    def delete(session: Session, among: Condition) -> Removed:
        return Removed(delete_where(session, table, among, due))

    return Rule(what, key, due, delete)


def delete_where(session: Session, table: type[DeclarativeBase], *conditions: Condition) -> int:
    """Delete rows and return how many they were."""
    statement = sa.delete(table).where(*conditions).execution_options(synchronize_session=False)
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]  # a DELETE has one


def count(session: Session, rule: Rule) -> int:
    """Return how many rows may go."""
    query = sa.select(sa.func.count()).select_from(sa.select(*rule.key).where(rule.due).subquery())
    return session.scalar(query) or 0


def remove(
    database: Database, rule: Rule, *, note: Note, pause: Callable[[], None] = lambda: None
) -> int:
    """Remove the rows that may go and return how many they were; a second run finds none.

    They are looked for without holding anybody up, and judged again when they are removed.
    `pause` is called between two transactions, so that others come in between.
    """
    total = 0
    query = sa.select(*rule.key).where(rule.due).order_by(*rule.order).limit(LOOK)
    while True:
        with database.read() as session:
            keys = session.execute(query).all()
        removed = 0
        for start in range(0, len(keys), rule.batch):
            removed += _remove_batch(database, rule, keys[start : start + rule.batch], note)
            pause()
        total += removed
        if not removed:
            return total


def _remove_batch(database: Database, rule: Rule, keys: Any, note: Note) -> int:
    if len(rule.key) == 1:
        among = rule.key[0].in_([key[0] for key in keys])
    else:
        among = sa.tuple_(*rule.key).in_([tuple(key) for key in keys])
    with database.write() as session:
        removed = rule.delete(session, among)
        if removed.count:
            note(session, rule.what, removed)
    return removed.count
