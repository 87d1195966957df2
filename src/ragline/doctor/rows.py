"""Stray rows: what the clean-up's rules call rows that nothing refers to."""

from __future__ import annotations

from collections.abc import Iterator

from ragline.bootstrap import Runtime
from ragline.doctor.differences import Difference
from ragline.maintenance import cleanup, receipt, retention, rules
from ragline.models import now


def look(runtime: Runtime) -> Iterator[Difference]:
    """Go through the stray rows, by version of a document where they are of one."""
    old = retention.moments(runtime.settings, now())
    with runtime.database.read() as session:
        for sentence in cleanup.sentences(session, old, limit=receipt.MOST_DIFFERENCES):
            yield Difference("stray-rows", f"{sentence[:-1]}; a repair removes them.")


def repair(runtime: Runtime, _difference: Difference) -> int:
    """Remove all stray rows; return how many."""
    old = retention.moments(runtime.settings, now())
    with runtime.database.read() as session:
        every = cleanup.rules(session, old)
    return sum(rules.remove(runtime.database, rule, note=lambda *_noted: None) for rule in every)
