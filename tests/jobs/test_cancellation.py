"""Cancelling and retrying jobs that are being worked on."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import (
    act,
    armed,
    engine_status,
    events_of,
    queued,
    queued_many,
    set_engine_status,
    shown,
    until,
)

from ragline.engine.rows import workflows
from ragline.jobs.cancellation import CancelWatch
from ragline.models import Attempt, Chunk, Document, Page

KILLED_WITHIN = 5
"""Seconds from the answer to a cancelling until no child is at work for the job."""
# Splitting so much takes a child half a minute and more.
ENDLESS = b" ".join(
    b"Sentence %d is about a mill, a weir and the river." % n for n in range(250_000)
)
LETTER = "\n\n".join(
    f"Letter {n}. The mill at the river was rebuilt in granite in the year {1500 + n}."
    for n in range(40)
)


def children_at_work() -> list[psutil.Process]:
    """Return the child processes of this one that compute."""
    return [
        one
        for one in psutil.Process().children(recursive=True)
        if one.status() == psutil.STATUS_RUNNING
    ]


def busy(server: InProcessServer, tenant: Tenant) -> str:
    """Upload what keeps a child busy, and return its job's id once it is at work for it."""
    answer = tenant.upload(tenant.project(), ("endless.txt", ENDLESS))
    job = str(answer.json()["job"]["id"])
    document = answer.json()["documents"][0]["id"]
    until(lambda: pages_of(server, document) and job in server.runtime.compute.owners())
    return job


def rows(server: InProcessServer, table: type[Chunk] | type[Page], document_id: str) -> list[Any]:
    """Return a document's rows in a table, as they stand."""
    with server.runtime.database.read() as session:
        query = sa.select(table).where(table.document_id == document_id)
        return list(session.scalars(query))


def pages_of(server: InProcessServer, document_id: str) -> list[Page]:
    """Return a document's pages in the order of versions and numbers."""
    pages = rows(server, Page, document_id)
    return sorted(pages, key=lambda page: (page.version, page.number))


def failed_at(server: InProcessServer, tenant: Tenant, point: str, **fields: Any) -> dict[str, Any]:
    """Ingest a text that fails at a point; return its failed job."""
    with armed(f"{point}=error"):
        return tenant.ended(queued(tenant, tenant.project(), LETTER, **fields))


def test_cancel(server: InProcessServer, tenant: Tenant) -> None:
    """The child is killed, what the attempt built is gone, and the job says so; a retry goes on."""
    job = busy(server, tenant)
    meanwhile = act(tenant, job, "cancel")
    until(lambda: job not in server.runtime.compute.owners(), seconds=KILLED_WITHIN)
    until(lambda: not children_at_work(), seconds=KILLED_WITHIN)
    found = tenant.ended(job)
    document = found["document_id"]

    assert (202, "undo") == (meanwhile.status_code, meanwhile.json()["waiting_for"])
    assert ("cancelled", {"undone": {"chunks": 0, "vectors": 0}}) == (
        found["status"],
        found["result"],
    )
    assert [] == rows(server, Chunk, document)
    assert 0 == server.runtime.vector_store.count(document_id=document)
    assert "job.cancelled" == events_of(server, job)[-1]
    assert 200 == act(tenant, job, "cancel").status_code

    assert 3 == act(tenant, job, "retry").json()["attempts"][-1]["first_step"]
    until(lambda: f"{job}-2" in server.runtime.compute.owners())
    act(tenant, job, "cancel")
    assert ["cancelled", "cancelled"] == [each["outcome"] for each in tenant.ended(job)["attempts"]]
    # It was the first attempt that read the page; the other one took it over.
    assert {1} == {page.number for page in pages_of(server, document)}
    assert 1 == len({(page.text_key, page.seconds) for page in pages_of(server, document)})
    events_of(server, job)


def test_cancel_what_was_indexed(server: InProcessServer, tenant: Tenant) -> None:
    """Passages and vectors that were there go, counted in the receipt."""
    with armed("ingest.indexed=sleep:1.5"):
        project = tenant.project()
        accepted = tenant.add_text(project, LETTER).json()
        job, document = accepted["job"]["id"], accepted["documents"][0]["id"]
        store = server.runtime.vector_store
        until(lambda: (count := store.count(document_id=document)) and count)
        act(tenant, job, "cancel")
    undone = tenant.ended(job)["result"]["undone"]

    assert undone["chunks"] == undone["vectors"] > 0
    assert [] == rows(server, Chunk, document)
    hits = tenant.http.post(f"/v1/projects/{project}/search", json={"query": "mill"}).json()
    assert [] == hits["hits"]
    # The late step of the first attempt takes nothing from the second.
    act(tenant, job, "retry")
    assert "completed" == tenant.ended(job)["status"]
    until(lambda: store.count(document_id=document) == undone["chunks"])
    hits = tenant.http.post(f"/v1/projects/{project}/search", json={"query": "mill"}).json()
    assert hits["hits"]


def test_sent_again_while_it_is_taken_back(server: InProcessServer, tenant: Tenant) -> None:
    """What is uploaded again during its undoing is ingested by a job of its own."""
    with armed("ingest.indexed=sleep:1.5;undo.removed=sleep:1"):
        project = tenant.project()
        accepted = tenant.add_text(project, LETTER).json()
        job, document = accepted["job"]["id"], accepted["documents"][0]["id"]
        until(lambda: server.runtime.vector_store.count(document_id=document))
        act(tenant, job, "cancel")
        again = tenant.add_text(project, LETTER).json()

    assert document == again["documents"][0]["id"]
    assert "queued" == again["documents"][0]["status"]
    assert "cancelled" == tenant.ended(job)["status"]
    assert "completed" == tenant.ended(again["job"]["id"])["status"]
    hits = tenant.http.post(f"/v1/projects/{project}/search", json={"query": "mill"}).json()
    assert hits["hits"]
    assert 409 == act(tenant, job, "retry").status_code


@pytest.mark.parametrize(
    ("point", "first_step"),
    [
        ("ingest.begun", 1),
        ("ingest.pages_read", 2),
        ("ingest.split", 3),
        ("ingest.chunked", 3),
        ("ingest.embedded", 4),
        ("ingest.indexed", 5),
    ],
)
def test_retry(server: InProcessServer, tenant: Tenant, point: str, first_step: int) -> None:
    """A retry begins at the step that failed and gives what an ingestion in one go gives."""
    failed = failed_at(server, tenant, point)
    document = failed["document_id"]
    read = [(page.text_key, page.seconds) for page in pages_of(server, document)]
    act(tenant, failed["id"], "retry")
    found = tenant.ended(failed["id"])
    whole = tenant.ingest_text(tenant.project("in one go"), LETTER)

    assert ("failed", "completed") == (failed["status"], found["status"])
    assert [(1, "failed", 1), (2, "completed", first_step)] == [
        (each["number"], each["outcome"], each["first_step"]) for each in found["attempts"]
    ]
    assert failed["error"] == found["attempts"][0]["error"]
    assert "job.retrying" in events_of(server, failed["id"])
    pages = pages_of(server, document)
    if read:
        assert read == [(page.text_key, page.seconds) for page in pages]
    assert 1 == len({page.version for page in pages})

    def passages(document_id: str) -> list[tuple[int, str]]:
        found = tenant.http.get(f"/v1/documents/{document_id}/chunks").json()["chunks"]
        return [(chunk["ordinal"], chunk["text"]) for chunk in found]

    assert passages(whole["id"]) == passages(document)
    assert len(passages(document)) == server.runtime.vector_store.count(document_id=document)


def test_retry_of_what_fails_again(server: InProcessServer, tenant: Tenant) -> None:
    """A file that cannot be opened fails in each attempt, with its reason."""
    answer = tenant.upload(tenant.project(), ("a.pdf", b"%PDF-1.7\nnothing"))
    job = answer.json()["job"]["id"]
    tenant.ended(job)
    for _ in "12":
        act(tenant, job, "retry")
        tenant.ended(job)
    attempts = shown(tenant, job)["attempts"]

    assert [(n, "failed", 1) for n in (1, 2, 3)] == [
        (each["number"], each["outcome"], each["first_step"]) for each in attempts
    ]
    assert 1 == len({each["error"]["detail"] for each in attempts})
    assert 3 == events_of(server, job).count("job.failed")


def test_retry_after_a_clean_up(server: InProcessServer, tenant: Tenant) -> None:
    """Where what was built is gone, a retry builds it again instead of publishing nothing."""
    failed = failed_at(server, tenant, "ingest.indexed")
    document = failed["document_id"]
    with server.runtime.database.write() as session:
        session.execute(sa.delete(Chunk).where(Chunk.document_id == document))
    act(tenant, failed["id"], "retry")
    found = tenant.ended(failed["id"])

    assert "completed" == found["status"]
    assert found["result"]["chunks"] > 0


def test_retry_of_parts(server: InProcessServer, tenant: Tenant) -> None:
    """Of a parent, the child that failed is tried again; the parent ends with it."""
    with armed("ingest.split=error"):
        parent, children = queued_many(tenant, tenant.project(), 3)
        failed = tenant.ended(parent)
    retried = act(tenant, parent, "retry")
    found = tenant.ended(parent)

    assert ("failed", 202, "completed") == (
        failed["status"],
        retried.status_code,
        found["status"],
    )
    assert {"completed": 3} == found["children"]
    assert [2, 2, 2] == [len(shown(tenant, child)["attempts"]) for child in children]
    for job in (parent, *children):
        events_of(server, job)


def delayed(server: InProcessServer, tenant: Tenant, text: str = LETTER) -> str:
    """Send a text that waits for an hour, so that a test can change its rows."""
    return queued(tenant, tenant.project(), text, not_before="2999-01-01T00:00:00Z")


def release(server: InProcessServer, job: str) -> None:
    """Let a delayed job begin."""
    with server.runtime.database.write() as session:
        query = sa.update(workflows).where(workflows.c.workflow_uuid == job)
        session.execute(query.values(status="ENQUEUED"))


def test_poison(server: InProcessServer, tenant: Tenant) -> None:
    """Work that was started over and over without progress stops for good; a retry is possible."""
    job = delayed(server, tenant)
    with server.runtime.database.write() as session:
        attempt = session.get_one(Attempt, (job, 1))
        attempt.idle_starts = server.runtime.settings.max_idle_starts
    release(server, job)
    stopped = tenant.ended(job)
    with server.runtime.database.write() as session:
        session.execute(sa.text("UPDATE jobs SET not_before = NULL WHERE id = :id"), {"id": job})
    act(tenant, job, "retry")

    assert "failed" == stopped["status"]
    assert "without any progress" in stopped["error"]["detail"]
    assert "completed" == tenant.ended(job)["status"]
    events_of(server, job)


def test_time_limit(server: InProcessServer, tenant: Tenant) -> None:
    """A job past its time limit fails and says so; its retry begins where it stopped."""
    job = delayed(server, tenant)
    with server.runtime.database.write() as session:
        session.execute(
            sa.text(
                "UPDATE workflow_status SET workflow_timeout_ms = 300 WHERE workflow_uuid = :id"
            ),
            {"id": job},
        )
        session.execute(sa.text("UPDATE jobs SET not_before = NULL WHERE id = :id"), {"id": job})
    with armed("ingest.split=sleep:3"):
        release(server, job)
        stopped = tenant.ended(job)
    act(tenant, job, "retry")
    found = tenant.ended(job)

    assert "time limit" in stopped["error"]["detail"]
    assert ["failed", "completed"] == [each["outcome"] for each in found["attempts"]]
    assert found["attempts"][1]["first_step"] > 1
    events_of(server, job)


def test_watch(server: InProcessServer, tenant: Tenant) -> None:
    """The watch kills the child of an attempt that another one took over, not the other's."""
    job = busy(server, tenant)
    watch = CancelWatch(server.runtime)
    assert [] == watch.look()
    with server.runtime.database.write() as session:
        session.execute(
            sa.text("UPDATE jobs SET workflow_id = :new WHERE id = :id"),
            {"new": f"{job}-9", "id": job},
        )

    until(lambda: job not in server.runtime.compute.owners(), seconds=KILLED_WITHIN)
    until(lambda: engine_status(server, job) == "ERROR")
    # Nobody works on it any more: the test that took it over ends it.
    with server.runtime.database.write() as session:
        session.execute(sa.text("UPDATE jobs SET workflow_id = :id WHERE id = :id"), {"id": job})
    set_engine_status(server, job, "CANCELLED")
    assert "failed" == tenant.ended(job)["status"]
    with server.runtime.database.read() as session:
        assert (
            session.get_one(Document, shown(tenant, job)["document_id"]).published_version is None
        )
