"""The doctor on a running server whose state was damaged behind its back."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import numpy as np
import pytest
import sqlalchemy as sa
from tests.contract import problem_of
from tests.inprocess import WAIT_SECONDS, InProcessServer, Tenant

from ragline.models import Chunk, Document, Embedding, ImageEmbedding, new_id, now
from ragline.providers.contracts import IndexedChunk, LexicalVector


@pytest.fixture
def operator(server: InProcessServer) -> Iterator[httpx2.Client]:
    """A client with the first operator's key."""
    key = server.runtime.settings.key_file.read_text().strip()
    with server.client(key) as http:
        yield http


def diagnosis(operator: httpx2.Client, project: str) -> dict[str, Any]:
    """Return what the doctor says of one project."""
    answer = operator.get("/v1/doctor", params={"project_id": project})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def kinds(found: dict[str, Any]) -> list[tuple[str, int]]:
    """Return kinds and counts of differences."""
    return [(each["kind"], each["count"]) for each in found["differences"]]


def repaired(operator: httpx2.Client, project: str | None = None) -> dict[str, Any]:
    """Repair, and return the result of the job."""
    answer = operator.post("/v1/doctor/repair", json={"project_id": project})
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job"]["id"]
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        job = operator.get(f"/v1/jobs/{job_id}", params={"wait": 10}).json()
        if job["status"] in ("completed", "failed", "cancelled"):
            assert job["status"] == "completed", job
            return dict(job["result"])
    raise AssertionError(job)


def document_of(tenant: Tenant, text: str) -> tuple[str, str]:
    """Return a project with one document, and the document."""
    project = tenant.project()
    return project, str(tenant.ingest_text(project, text, title="Doctored")["id"])


def finds(tenant: Tenant, project: str, question: str) -> bool:
    """Tell whether a search finds anything."""
    answer = tenant.http.post(f"/v1/projects/{project}/search", json={"query": question})
    return bool(answer.json()["hits"])


def stray(project: str, document: str, version: int) -> IndexedChunk:
    """Return a vector that nobody asked for."""
    vector = np.zeros(256, dtype=np.float32)
    vector[0] = 1
    return IndexedChunk(
        new_id(), document, project, version, vector, LexicalVector((), ()), metadata={}
    )


def of_index(server: InProcessServer, chunk: IndexedChunk) -> IndexedChunk:
    """Return a vector with the dimensions of the server's index."""
    vector = np.zeros(server.runtime.embedder.dimensions, dtype=np.float32)
    vector[0] = 1
    return replace(chunk, dense=vector)


def test_healthy_project(tenant: Tenant, operator: httpx2.Client) -> None:
    """Where all is as it should be, the doctor says so, and what it looked at."""

    project, _ = document_of(tenant, "The sundial of Ely is set eleven minutes behind Greenwich.")
    found = diagnosis(operator, project)

    assert found["healthy"], found
    assert (1, 1, 1, 1) == tuple(
        found["looked"][name] for name in ("projects", "documents", "chunks", "vectors")
    )


def test_missing_vectors_are_written_again(
    server: InProcessServer, tenant: Tenant, operator: httpx2.Client
) -> None:
    """Vectors that vanished are found to be missing, and a repair makes the text findable."""

    question = "How do tanners at Fez soften hides?"
    project, document = document_of(tenant, "Tanners at Fez soften hides with pigeon droppings.")
    server.runtime.vector_store.delete(document_id=document)
    found = diagnosis(operator, project)
    result = repaired(operator, project)

    assert [("missing-vectors", 1)] == kinds(found)
    assert document == found["differences"][0]["document_id"]
    assert {"missing-vectors": 1} == result["repaired"]
    assert finds(tenant, project, question)
    assert diagnosis(operator, project)["healthy"]


def test_stray_vectors_are_removed(
    server: InProcessServer, tenant: Tenant, operator: httpx2.Client
) -> None:
    """Vectors of a version that is not published go; those of the published one stay."""

    project, document = document_of(tenant, "The ferry at Sarn Hole was pulled by an iron rope.")
    store = server.runtime.vector_store
    store.upsert([of_index(server, stray(project, document, 7))])
    found = diagnosis(operator, project)
    repaired(operator, project)

    assert [("stray-vectors", 1)] == kinds(found)
    assert "version 7" in found["differences"][0]["message"]
    assert {1} == set(store.chunk_ids(document).values())
    assert diagnosis(operator, project)["healthy"]


def test_unknown_passages_of_the_published_version_go(
    server: InProcessServer, tenant: Tenant, operator: httpx2.Client
) -> None:
    """A vector of the published version without a passage goes, and the others stay findable."""

    text = "The organ of Haarlem has pipes of tin that are ten metres tall."
    project, document = document_of(tenant, text)
    store = server.runtime.vector_store
    store.upsert([of_index(server, stray(project, document, 1))])
    found = diagnosis(operator, project)
    repaired(operator, project)

    assert [("stray-vectors", 1)] == kinds(found)
    assert 1 == store.count(document_id=document)
    assert finds(tenant, project, "How tall are the pipes of the organ of Haarlem?")


def test_vectors_of_nobody_go(
    server: InProcessServer, tenant: Tenant, operator: httpx2.Client
) -> None:
    """Vectors of a document that nothing tells of any more are removed from the project."""

    project, _ = document_of(tenant, "Salt pans at Guerande are raked with a wooden lasse.")
    store = server.runtime.vector_store
    store.upsert([of_index(server, stray(project, new_id(), 1))])
    found = diagnosis(operator, project)
    repaired(operator, project)

    assert [("stray-vectors", 1)] == kinds(found)
    assert 1 == store.count(project_id=project)
    assert finds(tenant, project, "With what are salt pans at Guerande raked?")
    assert diagnosis(operator, project)["healthy"]


@pytest.mark.parametrize(
    ("damage", "kind"),
    [("gone", "missing-embeddings"), ("short", "wrong-dimensions")],
)
def test_stored_vectors_are_made_again(
    server: InProcessServer, tenant: Tenant, operator: httpx2.Client, damage: str, kind: str
) -> None:
    """A stored vector that is missing, or of a wrong length, is embedded once more."""

    project, document = document_of(tenant, f"The {damage} ropewalk at Chatham is a mile long.")
    key = sa.select(Chunk.embedding_key).where(Chunk.document_id == document).scalar_subquery()
    with server.runtime.database.write() as session:
        if damage == "gone":
            session.execute(
                sa.delete(Embedding)
                .where(Embedding.key == key)
                .execution_options(synchronize_session=False)
            )
        else:
            session.execute(
                sa.update(Embedding)
                .where(Embedding.key == key)
                .values(vector=b"\0" * 8)
                .execution_options(synchronize_session=False)
            )
    found = diagnosis(operator, project)
    result = repaired(operator, project)

    assert [(kind, 1)] == kinds(found)
    assert {kind: 1} == result["repaired"]
    assert diagnosis(operator, project)["healthy"]


def test_whole_server_is_looked_at(
    server: InProcessServer, tenant: Tenant, operator: httpx2.Client
) -> None:
    """Lost and stray files and stored vectors of products are found, repaired, or named."""

    project, document = document_of(tenant, "The treadwheel of Salisbury was walked by two men.")
    runtime = server.runtime
    with runtime.database.write() as session:
        lost = session.get_one(Document, document).stored_hash
        session.add(ImageEmbedding(key="f" * 64, vector=b"\0" * 16, created_at=_long_ago()))
    assert runtime.blobs.delete(lost)
    stored = runtime.blobs.store(io.BytesIO(b"doctor's stray"))
    path = next(runtime.settings.files_dir.rglob(stored.content_hash))
    os.utime(path, (time.time() - 86400,) * 2)
    before = operator.get("/v1/doctor").json()
    result = repaired(operator)
    after = operator.get("/v1/doctor").json()
    shown = tenant.http.get(f"/v1/documents/{document}").json()

    def named(found: dict[str, Any], kind: str) -> list[Any]:
        return [each["file"] for each in found["differences"] if each["kind"] == kind]

    assert not before["healthy"]
    assert lost in named(before, "missing-file")
    assert stored.content_hash in named(before, "stray-file")
    assert named(before, "product-stray-embeddings")
    assert stored.content_hash not in named(after, "stray-file")
    assert not named(after, "product-stray-embeddings")
    # The loss stays a difference until the file is sent again; meanwhile its job names it.
    assert lost in named(after, "missing-file")
    assert any(document in each for each in result["left"])
    assert _named_loss(tenant, document)
    assert shown["searchable"] is True
    tenant.ingest_text(
        project, "The treadwheel of Salisbury was walked by two men.", title="Doctored"
    )
    assert runtime.blobs.exists(lost)


def _named_loss(tenant: Tenant, document: str) -> bool:
    """Tell whether the document's latest job failed for its lost file."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        jobs = tenant.http.get("/v1/jobs", params={"kind": "ingest", "status": "failed"}).json()
        for job in jobs["jobs"]:
            if job["document_id"] == document:
                return "upload the document again" in job["error"]["detail"]
        time.sleep(0.05)
    return False


def _long_ago() -> Any:
    return now().replace(year=now().year - 1)


def test_only_operators_ask(tenant: Tenant, server: InProcessServer) -> None:
    """The doctor looks at all tenants, so that only operators see what it finds."""

    with server.client(tenant.key) as http:
        assert 403 == http.get("/v1/doctor").status_code
        assert 403 == http.post("/v1/doctor/repair").status_code


def test_unknown_project(operator: httpx2.Client) -> None:
    """A project that is not there cannot be looked at."""

    problem_of(operator.get("/v1/doctor", params={"project_id": new_id()}), 404, "not-found")
