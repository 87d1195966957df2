"""What is in the database, the index and the file store once all work is done."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragline.providers import registry
from tests.faults.cluster import Cluster

DIMENSIONS = 512
Rows = Sequence[Mapping[str, Any]]


@dataclass
class State:
    """Rows as mappings by column; vectors and files as what is really stored."""

    jobs: Rows = ()
    attempts: Rows = ()
    events: Rows = ()
    documents: Rows = ()
    chunks: Rows = ()
    pages: Rows = ()
    workflows: Rows = ()
    deliveries: Rows = ()
    calls: Rows = ()
    vectors: dict[str, set[str]] = field(default_factory=dict)
    """The ids of the index's vectors by document; those of deleted documents under theirs."""
    files: set[str] = field(default_factory=set)
    unfinished_files: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)


_QUERIES = {
    "jobs": "SELECT * FROM jobs",
    "attempts": "SELECT * FROM attempts ORDER BY job_id, number",
    "events": "SELECT job_id, number, type, created_at FROM events ORDER BY job_id, number",
    "documents": "SELECT * FROM documents",
    "chunks": "SELECT id, document_id, version, ordinal FROM chunks",
    "pages": "SELECT document_id, version, number FROM pages",
    "workflows": "SELECT workflow_uuid, status, queue_name, executor_id FROM workflow_status",
    "deliveries": "SELECT * FROM webhook_deliveries",
    "calls": "SELECT * FROM provider_calls",
}


def read_rows(cluster: Cluster) -> State:
    """Read all rows that checks look at."""
    found = {name: _mappings(cluster, query) for name, query in _QUERIES.items()}
    return State(**found)  # type: ignore[arg-type]  # each is Rows


def read_stores(cluster: Cluster, state: State) -> None:
    """Add what is in the index and among the files; the embedded server must be down."""
    settings = cluster.settings()
    store = registry.vector_store(settings.vector_store_name, settings, dimensions=DIMENSIONS)
    try:
        known = {row["id"] for row in state.documents}
        known |= {row["document_id"] for row in state.jobs if row["document_id"]}
        held = {document: set(store.chunk_ids(document)) for document in known}
        state.vectors = {document: ids for document, ids in held.items() if ids}
        strangers = store.count() - sum(len(ids) for ids in held.values())
        if strangers:
            state.vectors["of no known document"] = {str(n) for n in range(strangers)}
    finally:
        store.close()
    for folder, _, names in os.walk(cluster.files):
        for name in names:
            if re.fullmatch("[0-9a-f]{64}", name):
                state.files.add(name)
            else:
                state.unfinished_files.append(os.path.join(folder, name))
    state.children = cluster.leftover_children()


def by_job(rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    """Group rows by their job, in their order."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["job_id"]].append(row)
    return found


def _mappings(cluster: Cluster, query: str) -> Rows:
    return [dict(row._mapping) for row in cluster.rows(query)]
