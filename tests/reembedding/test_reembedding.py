"""Re-embedding over HTTP: filled, checked and swapped while the project answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.contract import problem_of
from tests.fakes.text_embeddings import FakeTextEmbeddings
from tests.inprocess import WAIT_SECONDS, InProcessServer, Tenant

from ragline import failpoints
from ragline.indexes.opening import Index, every_index, indexes_by_project
from ragline.models import Chunk, ChunkVector, Document, Embedding, Event, Project, now
from ragline.reembedding.removing import remove_due

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


def chunks_of(project: str) -> Any:
    """Return a query of the chunks of a project."""
    return (
        sa.select(Chunk.id)
        .join(Document, Document.id == Chunk.document_id)
        .where(Document.project_id == project)
    )


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


def vectors_named(server: InProcessServer, project: str, index: Index) -> int:
    """Count the vectors that passages of a project have in an index by name."""
    query = (
        sa.select(sa.func.count())
        .select_from(ChunkVector)
        .where(ChunkVector.index_id == index.id, ChunkVector.chunk_id.in_(chunks_of(project)))
    )
    with server.runtime.database.read() as session:
        return session.scalar(query) or 0


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


def test_texts_are_paid_for_once(tenant: Tenant, spec: str, service: FakeTextEmbeddings) -> None:
    """After a cancelling and another call no passage is sent to the service again."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: view(tenant, project)["filling"]["chunks"] == 3, "the index is not filled"
        )
        assert 202 == tenant.http.post(f"/v1/jobs/{job_id}/cancel").status_code
    cancelled = tenant.ended(job_id)
    left = view(tenant, project)
    job = reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    passages = [text for text in service.texts if text.partition("\n")[0] in TEXTS]

    assert "cancelled" == cancelled["status"]
    assert 3 == cancelled["result"]["undone"]["vectors"]
    assert left["filling"] is None
    assert job["result"]["swapped"]
    assert 3 == len(passages)


def test_cancelled_job_is_retried(tenant: Tenant, spec: str) -> None:
    """A retry fills anew what its cancelling took away, from what is stored."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: view(tenant, project)["filling"]["chunks"] == 3, "the index is not filled"
        )
        tenant.http.post(f"/v1/jobs/{job_id}/cancel")
    tenant.ended(job_id)
    tenant.http.post(f"/v1/jobs/{job_id}/retry").raise_for_status()
    job = tenant.ended(job_id)

    assert job["result"]["swapped"], job
    assert spec == view(tenant, project)["main"]["embedder"]


def test_one_at_a_time(tenant: Tenant, spec: str) -> None:
    """While a project is re-embedded, another call and a rollback are refused."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        second = reembed(tenant, project, embedder=spec)
        wait_until(lambda: view(tenant, project)["filling"] is not None, "nothing is filling")
    tenant.ended(job_id)

    problem_of(second, 409, "conflict")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"embedder": "nobody"}, "nobody"),
        ({"vector_store": "nowhere"}, "nowhere"),
    ],
)
def test_unknown_names_are_refused(tenant: Tenant, wanted: dict[str, str], told: str) -> None:
    """A model or store that nothing bears is named in the refusal, and nothing is begun."""

    project = tenant.project()
    answer = reembed(tenant, project, **wanted)

    assert told in problem_of(answer, 422, "invalid-input")["detail"]
    assert view(tenant, project)["filling"] is None


def test_same_model_in_the_same_store_is_refused(tenant: Tenant) -> None:
    """There is nothing to do where the project is searched like that already."""

    project = tenant.project()

    problem_of(reembed(tenant, project, embedder="use"), 409, "conflict")


def test_nothing_to_go_back_to(tenant: Tenant) -> None:
    """A project that was never re-embedded has no previous index."""

    project = tenant.project()
    answer = tenant.http.post(f"/v1/projects/{project}/reembed/rollback")

    problem_of(answer, 409, "conflict")


def test_previous_index_can_be_removed(server: InProcessServer, tenant: Tenant, spec: str) -> None:
    """Its vectors go with their names; then there is nothing to go back to."""

    project = filled(tenant)
    old = indexes(server, project).main
    reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    removed = tenant.http.delete(f"/v1/projects/{project}/reembed/previous")
    again = tenant.http.delete(f"/v1/projects/{project}/reembed/previous")

    assert {"removed": {"vectors": 3}} == removed.json()
    assert {"removed": {"vectors": 0}} == again.json()
    assert 0 == old.store.count(project_id=project)
    assert 0 == vectors_named(server, project, old)
    assert "Lighthouses" == found(tenant, project)[0]


def test_others_and_their_projects_are_not_touched(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """Nobody re-embeds a project of another tenant, nor one that is being deleted."""

    project = tenant.project()
    with server.tenant() as other:
        problem_of(reembed(other, project, embedder=spec), 404, "not-found")
        problem_of(other.http.get(f"/v1/projects/{project}/reembed"), 404, "not-found")
    tenant.http.delete(f"/v1/projects/{project}")

    problem_of(reembed(tenant, project, embedder=spec), 404, "not-found")


def test_deleting_the_project_ends_its_reembedding(tenant: Tenant, spec: str) -> None:
    """A job whose project goes meanwhile fails with that reason, and nothing is left."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: view(tenant, project)["filling"]["chunks"] == 3, "the index is not filled"
        )
        deletion = tenant.http.delete(f"/v1/projects/{project}").json()["job"]["id"]
        receipt = tenant.ended(deletion)
    job = tenant.ended(job_id)

    assert ("failed", "The project was deleted while it was being re-embedded.") == (
        job["status"],
        job["error"]["detail"],
    )
    assert 6 == receipt["result"]["removed"]["vectors"]
    assert not any(receipt["result"]["remaining"].values()), receipt


def test_idempotency_key_begins_one(tenant: Tenant, spec: str) -> None:
    """The same request under its key is answered with the same job."""

    project = filled(tenant)
    bodies = [
        tenant.http.post(
            f"/v1/projects/{project}/reembed",
            json={"embedder": spec, "check": {"overlap": 0}},
            headers={"Idempotency-Key": "reembed-once"},
        ).json()
        for _ in range(2)
    ]

    assert bodies[0]["job"]["id"] == bodies[1]["job"]["id"]
    assert tenant.ended(bodies[0]["job"]["id"])["result"]["swapped"]


def test_previous_index_goes_after_its_time(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """A clean-up removes previous indexes that were kept as long as the setting says."""

    project = filled(tenant)
    old = indexes(server, project).main
    reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    counted: list[int] = []
    later = now() + timedelta(days=server.runtime.settings.keep_previous_index_days + 1)
    remove_due(server.runtime, now(), removed=lambda _session, count: counted.append(count))
    assert [] == counted
    remove_due(server.runtime, later, removed=lambda _session, count: counted.append(count))

    assert counted
    assert view(tenant, project)["previous"] is None
    assert 0 == old.store.count(project_id=project)
