"""Projects that are re-embedded, and what is asked of them meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from tests.inprocess import WAIT_SECONDS, InProcessServer, Tenant

from ragline import failpoints
from ragline.indexes.opening import Index, indexes_by_project
from ragline.models import Chunk, ChunkVector, Document

TEXTS = {
    "Lighthouses": "The lighthouse at Kermorvan burned whale oil until 1860, when the keepers "
    "changed to petroleum and the beam reached nineteen miles on clear nights.",
    "Bridges": "The suspension bridge at Menai hangs from sixteen iron chains, each of which was "
    "soaked in linseed oil before it was raised by one hundred and fifty men.",
    "Canals": "Barges on the canal du Midi climb eight locks at Fonserannes, and the whole "
    "staircase lifts them twenty one metres in less than an hour.",
}
QUESTION = "What did the keepers burn in the lighthouse?"


def filled(tenant: Tenant, name: str = "works") -> str:
    """Return a project with three documents."""
    project = tenant.project(name)
    for title, text in TEXTS.items():
        tenant.ingest_text(project, text, title=title)
    return project


def reembed(tenant: Tenant, project: str, **wanted: Any) -> Any:
    """Ask for a re-embedding and return the response."""
    return tenant.http.post(f"/v1/projects/{project}/reembed", json=wanted)


def reembedded(tenant: Tenant, project: str, **wanted: Any) -> dict[str, Any]:
    """Re-embed a project and return the job's end."""
    answer = reembed(tenant, project, **wanted)
    assert answer.status_code == 202, answer.text
    return tenant.ended(answer.json()["job"]["id"])


def found(tenant: Tenant, project: str, question: str = QUESTION) -> list[str]:
    """Return the titles of what a search finds."""
    answer = tenant.http.post(f"/v1/projects/{project}/search", json={"query": question})
    assert answer.status_code == 200, answer.text
    return [hit["title"] for hit in answer.json()["hits"]]


def view(tenant: Tenant, project: str) -> dict[str, Any]:
    """Return the indexes of a project."""
    return dict(tenant.http.get(f"/v1/projects/{project}/reembed").json())


def indexes(server: InProcessServer, project: str) -> Any:
    """Return the opened indexes of a project."""
    return indexes_by_project(server.runtime, project)


@contextmanager
def armed(text: str) -> Iterator[None]:
    """Have failpoints act in the shared server."""
    failpoints.arm(text, production=False)
    try:
        yield
    finally:
        failpoints.arm(None, production=False)


def wait_until(is_so: Any, what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def chunks_of(project: str) -> Any:
    """Return a query of the chunks of a project."""
    return (
        sa.select(Chunk.id)
        .join(Document, Document.id == Chunk.document_id)
        .where(Document.project_id == project)
    )


def vectors_named(server: InProcessServer, project: str, index: Index) -> int:
    """Count the vectors that passages of a project have in an index by name."""
    query = (
        sa.select(sa.func.count())
        .select_from(ChunkVector)
        .where(ChunkVector.index_id == index.id, ChunkVector.chunk_id.in_(chunks_of(project)))
    )
    with server.runtime.database.read() as session:
        return session.scalar(query) or 0
