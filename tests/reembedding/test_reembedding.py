"""Re-embedding over HTTP: filled, checked and swapped while the project answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant
from tests.reembedding.asking import (
    QUESTION,
    armed,
    chunks_of,
    filled,
    found,
    indexes,
    reembed,
    reembedded,
    vectors_named,
    view,
    wait_until,
)

from ragline import failpoints
from ragline.indexes.opening import Index, every_index
from ragline.models import Chunk, ChunkVector, Document, Embedding, Event, Project


def test_another_model_takes_over(server: InProcessServer, tenant: Tenant, spec: str) -> None:
    """The project is searched with the new model and dimensions; the old index is kept."""

    project = filled(tenant)
    before = view(tenant, project)["main"]
    job = reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    after = view(tenant, project)

    assert ("completed", "reembed") == (job["status"], job["kind"]), job
    assert job["result"]["swapped"] is True
    assert {"done": 3, "total": 3, "unit": "chunks"} == job["progress"]
    assert (spec, 48, 3, 3) == tuple(
        after["main"][name] for name in ("embedder", "dimensions", "chunks", "of")
    )
    assert before["id"] == after["previous"]["id"]
    assert 3 == after["previous"]["chunks"]
    assert "Lighthouses" == found(tenant, project)[0]
    assert 3 == indexes(server, project).main.store.count(project_id=project)


def test_keys_and_content_version_change_with_the_swap(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """Passages name the new model's vectors, the old ones keep their names, answers are stale."""

    project = filled(tenant)
    with server.runtime.database.read() as session:
        version = session.get_one(Project, project).content_version
        old = set(session.scalars(keys_of(project)))
    reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    with server.runtime.database.read() as session:
        row = session.get_one(Project, project)
        new = set(session.scalars(keys_of(project)))
        kept = set(
            session.scalars(
                sa.select(ChunkVector.embedding_key).where(
                    ChunkVector.index_id == row.previous_index_id,
                    ChunkVector.chunk_id.in_(chunks_of(project)),
                )
            )
        )
        lengths = set(
            session.scalars(
                sa.select(sa.func.length(Embedding.vector)).where(Embedding.key.in_(new))
            )
        )

    assert version + 1 == row.content_version
    assert old == kept
    assert not old & new
    assert {4 * 48} == lengths


def keys_of(project: str) -> Any:
    """Return a query of the keys of a project's own vectors."""
    return (
        sa.select(Chunk.embedding_key)
        .join(Document, Document.id == Chunk.document_id)
        .where(Document.project_id == project)
    )


def test_searches_answer_all_the_while(tenant: Tenant, spec: str) -> None:
    """While an index is filled, checked and swapped, each search finds what it should."""

    project = filled(tenant)
    stop, answers = threading.Event(), list[list[str]]()

    def ask() -> None:
        while not stop.is_set():
            answers.append(found(tenant, project))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        job = reembedded(tenant, project, embedder=spec, check={"overlap": 0})
        tenant.http.post(f"/v1/projects/{project}/reembed/rollback").raise_for_status()
        wait_until(lambda: len(answers) > 5, "no searches")
    finally:
        stop.set()
        asking.join()

    assert job["result"]["swapped"]
    assert {"Lighthouses"} == {each[0] for each in answers}


def test_rollback_is_at_once_and_can_be_taken_back(tenant: Tenant, spec: str) -> None:
    """Going back needs no job; what was left is the previous index then."""

    project = filled(tenant)
    old = view(tenant, project)["main"]["id"]
    reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    answer = tenant.http.post(f"/v1/projects/{project}/reembed/rollback")
    again = tenant.http.post(f"/v1/projects/{project}/reembed/rollback")

    assert 200 == answer.status_code, answer.text
    assert old == answer.json()["main"]["id"]
    assert spec == answer.json()["previous"]["embedder"]
    assert spec == again.json()["main"]["embedder"]
    assert "Lighthouses" == found(tenant, project)[0]


def is_checked(server: InProcessServer, job_id: str) -> bool:
    """Tell whether the check of a job is done."""
    with server.runtime.database.read() as session:
        events = session.scalars(sa.select(Event.details).where(Event.job_id == job_id))
        return any("check" in (data or {}) for data in events)


def test_documents_of_meanwhile_reach_both(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """What is ingested, changed or deleted while the new index is filled is so in both after."""

    project = filled(tenant)
    gone = next(
        each
        for each in tenant.http.get(f"/v1/projects/{project}/documents").json()["documents"]
        if each["title"] == "Canals"
    )
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: view(tenant, project)["filling"]["chunks"] == 3, "the index is not filled"
        )
        tenant.ingest_text(project, "A dovecote at Nymans holds six hundred nests.", title="Doves")
        assert 200 == tenant.http.delete(f"/v1/documents/{gone['id']}").status_code
    job = tenant.ended(job_id)
    held = indexes(server, project)

    assert job["result"]["swapped"], job
    assert "Doves" == found(tenant, project, "How many nests has the dovecote at Nymans?")[0]
    assert "Canals" not in found(tenant, project, "How many locks has the canal du Midi?")
    assert 3 == held.main.store.count(project_id=project)
    assert 0 == held.main.store.count(document_id=gone["id"])
    assert 0 == held.previous.store.count(document_id=gone["id"])


def test_new_documents_keep_the_previous_index_complete(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """What is ingested after a swap is found after a rollback too."""

    project = filled(tenant)
    reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    tenant.ingest_text(
        project, "The windmill at Kinderdijk pumps with a scoop wheel.", title="Mills"
    )
    wait_until(lambda: view(tenant, project)["previous"]["chunks"] == 4, "previous is not filled")
    answer = tenant.http.post(f"/v1/projects/{project}/reembed/rollback")

    assert 200 == answer.status_code, answer.text
    assert "Mills" == found(tenant, project, "What does the windmill at Kinderdijk pump with?")[0]


def test_version_built_over_the_swap_is_published_in_the_new_index(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """A document that was embedded by the old model when the swap came is embedded anew."""

    project = filled(tenant)
    text = "The clock of Salisbury has no face and strikes the hours only."
    with armed("reembed.checked=sleep:3;ingest.indexed=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(lambda: is_checked(server, job_id), "the index is not checked")
        accepted = tenant.add_text(project, text, title="Clocks").json()
        job = tenant.ended(job_id)
    ingested = tenant.ended(accepted["job"]["id"])

    assert job["result"]["swapped"], job
    assert "completed" == ingested["status"], ingested
    assert "Clocks" == found(tenant, project, "Which clock has no face?")[0]
    assert 4 == indexes(server, project).main.store.count(project_id=project)


def test_failed_check_leaves_everything_as_it_was(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """Where too few results are the same, the old index stays, and the job says the numbers."""

    project = filled(tenant)
    before = view(tenant, project)
    documents = tenant.http.get(f"/v1/projects/{project}/documents").json()["documents"]
    ids = {each["title"]: each["id"] for each in documents}
    known = [{"question": QUESTION, "documents": [ids["Lighthouses"]]}]
    with blind(server, spec):
        job = reembedded(tenant, project, embedder=spec, check={"overlap": 1, "eval": known})

    assert "completed" == job["status"], job
    assert job["result"]["swapped"] is False
    assert job["result"]["check"]["passed"] is False
    assert job["result"]["check"]["reasons"]
    assert "check-failed" == job["warnings"][0]["code"]
    assert before == view(tenant, project)
    assert 0 == named(server, spec).store.count(project_id=project)
    assert 0 == vectors_named(server, project, named(server, spec))


@contextmanager
def blind(server: InProcessServer, spec: str) -> Iterator[None]:
    """Have an index of a model lose each passage before the check."""
    with armed("reembed.filled=hold"):
        releasing = threading.Thread(target=_emptied, args=(server, spec))
        releasing.start()
        yield
        releasing.join()


def _emptied(server: InProcessServer, spec: str) -> None:
    wait_until(lambda: _named(server, spec) is not None, "no index")
    index = named(server, spec)
    wait_until(lambda: index.store.count() == 3, "not filled")
    for document in documents_in(server, index):
        index.store.delete(document_id=document)
    failpoints.arm(None, production=False)


def documents_in(server: InProcessServer, index: Index) -> list[str]:
    """Return the documents that have a named vector in an index."""
    query = (
        sa.select(Chunk.document_id)
        .join(ChunkVector, ChunkVector.chunk_id == Chunk.id)
        .where(ChunkVector.index_id == index.id)
    )
    with server.runtime.database.read() as session:
        return list(session.scalars(query))


def _named(server: InProcessServer, spec: str) -> Index | None:
    return next((each for each in every_index(server.runtime) if each.spec == spec), None)


def named(server: InProcessServer, spec: str) -> Index:
    """Return the index of a model."""
    index = _named(server, spec)
    assert index is not None
    return index


def test_force_swaps_all_the_same(server: InProcessServer, tenant: Tenant, spec: str) -> None:
    """A check that fails is told, and does not stand in the way of who insists."""

    project = filled(tenant)
    with blind(server, spec):
        job = reembedded(tenant, project, embedder=spec, check={"overlap": 1}, force=True)

    assert job["result"]["swapped"] is True
    assert job["result"]["check"]["passed"] is False
    assert "check-failed" == job["warnings"][0]["code"]
    assert spec == view(tenant, project)["main"]["embedder"]
