"""What tests of documents' versions share: sending under an external id, and looking at it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant

from ragline.models import Chunk, Document, Embedding, Page, PageText

GRANITE = "The mill was rebuilt in granite in 1611."
BRICK = "The mill was rebuilt in brick in 1733."
SLATE = "The mill was roofed with slate in 1820."


def send(tenant: Tenant, project: str, text: str, **fields: Any) -> dict[str, Any]:
    """Send a text and return the answer, its first file at the top."""
    answer = tenant.add_text(project, text, **fields)
    assert answer.status_code in (200, 202), answer.text
    body = answer.json()
    return {**body, **body["files"][0]}


def settled(tenant: Tenant, project: str, text: str, **fields: Any) -> dict[str, Any]:
    """Send a text, wait for its job if there is one, and return the document."""
    sent = send(tenant, project, text, **fields)
    if sent["job_id"]:
        job = tenant.ended(sent["job_id"])
        assert "completed" == job["status"], job
    return shown(tenant, sent["document_id"])


def shown(tenant: Tenant, document_id: str) -> dict[str, Any]:
    """Return a document as it is now."""
    answer = tenant.http.get(f"/v1/documents/{document_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def listed(tenant: Tenant, project: str) -> list[dict[str, Any]]:
    """Return the documents of a project."""
    answer = tenant.http.get(f"/v1/projects/{project}/documents")
    return list(answer.json()["documents"])


def found(tenant: Tenant, project: str, query: str = "mill") -> list[dict[str, Any]]:
    """Return what a search finds."""
    answer = tenant.http.post(f"/v1/projects/{project}/search", json={"query": query})
    return list(answer.json()["hits"])


def texts(tenant: Tenant, project: str, query: str = "mill") -> list[str]:
    """Return the texts that a search finds, in order."""
    return sorted(hit["text"] for hit in found(tenant, project, query))


def content(tenant: Tenant, document_id: str) -> str:
    """Return the file of a document."""
    return str(tenant.http.get(f"/v1/documents/{document_id}/file").text)


def results(server: InProcessServer) -> tuple[int, int]:
    """Return how many pages were read and kept, and how many passages were embedded and kept."""
    with server.runtime.database.read() as session:
        counts = [
            session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in (PageText, Embedding)
        ]
    return counts[0], counts[1]


def rows(server: InProcessServer, document_id: str) -> dict[int, tuple[int, int]]:
    """Return how many pages and passages each version of a document has."""
    with server.runtime.database.read() as session:
        counted: dict[int, tuple[int, int]] = {}
        for version in range(1, 1 + session.get_one(Document, document_id).latest_version):
            pages, chunks = (
                session.scalar(
                    sa.select(sa.func.count())
                    .select_from(table)
                    .where(table.document_id == document_id, table.version == version)
                )
                or 0
                for table in (Page, Chunk)
            )
            if pages or chunks:
                counted[version] = pages, chunks
    return counted
