"""How many chunks a project has, and how many of them hold a term, kept while writing.

Counting at each search would visit every chunk that holds a common word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

Held = tuple[str, Sequence[int]]
"""A chunk's project and the keys of its terms."""

_LOCK = """
INSERT INTO vector_projects (project_id, chunks) VALUES (%s, 0)
ON CONFLICT (project_id) DO UPDATE SET chunks = vector_projects.chunks
"""
_ADJUST_CHUNKS = "UPDATE vector_projects SET chunks = chunks + %s WHERE project_id = %s"
_FORGET_CHUNKS = "DELETE FROM vector_projects WHERE project_id = %s AND chunks <= 0"
_ADJUST_TERMS = """
INSERT INTO vector_terms (project_id, key, holding)
SELECT * FROM unnest(%(projects)s::text[], %(keys)s::bigint[], %(changes)s::bigint[])
ON CONFLICT (project_id, key) DO UPDATE SET holding = vector_terms.holding + excluded.holding
"""
_FORGET_TERMS = """
DELETE FROM vector_terms USING unnest(%(projects)s::text[], %(keys)s::bigint[]) AS gone (p, k)
WHERE project_id = gone.p AND key = gone.k AND holding <= 0
"""


def lock(connection: sa.Connection, project_ids: Iterable[str]) -> None:
    """Let no other transaction write in these projects until this one has ended.

    Whoever changes chunks takes this first, so that counts are right and nobody waits in a
    circle.
    """
    if rows := [(project_id,) for project_id in sorted(set(project_ids))]:
        connection.exec_driver_sql(_LOCK, rows)


def adjust(connection: sa.Connection, *, added: Iterable[Held], removed: Iterable[Held]) -> None:
    """Count chunks that were added and no longer those that were removed or replaced."""
    chunks: Counter[str] = Counter()
    terms: Counter[tuple[str, int]] = Counter()
    for change, held in ((1, added), (-1, removed)):
        for project_id, keys in held:
            chunks[project_id] += change
            for key in keys:
                terms[project_id, key] += change
    changed = [(change, project_id) for project_id, change in sorted(chunks.items()) if change]
    if changed:
        connection.exec_driver_sql(_ADJUST_CHUNKS, changed)
        connection.exec_driver_sql(_FORGET_CHUNKS, [(project_id,) for _, project_id in changed])
    _adjust_terms(connection, {term: change for term, change in terms.items() if change})


def forget(connection: sa.Connection, project_id: str) -> None:
    """Remove the counts of a project whose chunks were all removed."""
    connection.exec_driver_sql("DELETE FROM vector_terms WHERE project_id = %s", (project_id,))
    connection.exec_driver_sql("DELETE FROM vector_projects WHERE project_id = %s", (project_id,))


def _adjust_terms(connection: sa.Connection, changes: dict[tuple[str, int], int]) -> None:
    ordered = sorted(changes)
    if not ordered:
        return
    given = {
        "projects": [project_id for project_id, _ in ordered],
        "keys": [key for _, key in ordered],
        "changes": [changes[term] for term in ordered],
    }
    connection.exec_driver_sql(_ADJUST_TERMS, given)
    if min(changes.values()) < 0:
        connection.exec_driver_sql(_FORGET_TERMS, given)
