"""Deleting documents."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from tests.contract import ODD_IDS, problem_of, stored_files
from tests.documents.versions import content, send, settled, texts
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import act, armed, until

from ragline.documents.deletion import count_remaining, remove_outside, remove_rows
from ragline.jobs import service as jobs
from ragline.models import Document, Job, new_id


def test_receipt(tenant: Tenant) -> None:
    """The receipt counts what was removed from the database, the index and the files."""

    document = tenant.ingest_text(tenant.project(), "Words of a receipt, found nowhere else.")
    answer = tenant.http.delete(f"/v1/documents/{document['id']}")

    receipt = answer.json()
    assert {
        "documents": 1,
        "versions": 0,
        "pages": 1,
        "chunks": 1,
        "vectors": 1,
        "cached_answers": 0,
        "embeddings": 1,
        "page_texts": 1,
        "tidied_texts": 0,
        "store_files": 0,
        "files": 1,
    } == receipt["removed"]
    assert {0} == set(receipt["remaining"].values())
    assert {*receipt["removed"], "left_results"} == {*receipt["remaining"], "cached_answers"}


def test_nothing_is_found_any_more(tenant: Tenant) -> None:
    """A deleted document is found by no search."""

    project = tenant.project()
    document = tenant.ingest_text(project, "The heron nests in the old mill.")
    tenant.http.delete(f"/v1/documents/{document['id']}")
    url = f"/v1/projects/{project}/search"

    assert [] == tenant.http.post(url, json={"query": "heron"}).json()["hits"]


def test_file_is_gone(server: InProcessServer, tenant: Tenant) -> None:
    """The file of a deleted document is removed."""

    text = "A file that will go."
    document = tenant.ingest_text(tenant.project(), text)
    name = sha256(text.encode()).hexdigest()
    assert name in stored_files(server)
    tenant.http.delete(f"/v1/documents/{document['id']}")

    assert name not in stored_files(server)


def test_second_delete(tenant: Tenant) -> None:
    """A document is deleted once; then it is not found."""

    document = tenant.ingest_text(tenant.project(), "Once only.")["id"]
    tenant.http.delete(f"/v1/documents/{document}")

    problem_of(tenant.http.delete(f"/v1/documents/{document}"), 404, "not-found")
    problem_of(tenant.http.get(f"/v1/documents/{document}"), 404, "not-found")


def test_while_processing(server: InProcessServer, tenant: Tenant) -> None:
    """A document whose job has not ended is not deleted."""

    document = tenant.ingest_text(tenant.project(), "Busy.")
    with server.runtime.database.write() as session:
        job = Job(
            id=new_id(), tenant_id=tenant.id, document_id=document["id"], kind="ingest", version=9
        )
        jobs.accept_parent(session, job)
    answer = tenant.http.delete(f"/v1/documents/{document['id']}")

    problem_of(answer, 409, "conflict")


def test_same_content_again(tenant: Tenant) -> None:
    """Deleted content can be uploaded anew."""

    project = tenant.project()
    first = tenant.ingest_text(project, "Back again.")
    tenant.http.delete(f"/v1/documents/{first['id']}")

    assert tenant.ingest_text(project, "Back again.")["searchable"]


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_odd_ids(tenant: Tenant, odd: str) -> None:
    """An id of whatever form that names nothing is not found."""

    problem_of(tenant.http.delete(f"/v1/documents/{odd}"), 404, "not-found")


def test_of_another_tenant(server: InProcessServer, tenant: Tenant) -> None:
    """Nobody deletes another tenant's document."""

    document = tenant.ingest_text(tenant.project(), "Mine.")["id"]
    with server.tenant() as other:
        problem_of(other.http.delete(f"/v1/documents/{document}"), 404, "not-found")

    assert 200 == tenant.http.get(f"/v1/documents/{document}").status_code


def trace(server: InProcessServer, *marks: str) -> dict[str, list[str]]:
    """Return where in the database, the index and the files any of these marks stands."""
    runtime, found = server.runtime, {}
    with runtime.database.engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        for name in names:
            for row in connection.execute(sa.text(f'SELECT * FROM "{name}"')).mappings():
                columns = [key for key, value in row.items() if holds(value, *marks)]
                if columns:
                    found[name] = sorted({*found.get(name, []), *columns})
    for folder in (runtime.settings.files_dir, runtime.settings.data_dir / "cache"):
        paths = [path for path in folder.rglob("*") if path.is_file()]
        if any(holds(path.name, *marks) or holds(path.read_bytes(), *marks) for path in paths):
            found[folder.name] = ["files"]
    if any(runtime.vector_store.count(document_id=mark) for mark in marks):
        found["index"] = ["vectors"]
    return found


def holds(value: object, *marks: str) -> bool:
    """Tell whether a value has any of these marks in it."""
    text = value.decode(errors="ignore") if isinstance(value, bytes) else str(value)
    return any(mark in text for mark in marks)


HISTORY = {"jobs": ["document_id", "result"]}
"""Where a deleted document may still be named: by its id, in what became of its jobs."""


def deleted(tenant: Tenant, document_id: str) -> dict[str, Any]:
    """Delete a document and return the receipt."""
    answer = tenant.http.delete(f"/v1/documents/{document_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def only_history(found: dict[str, list[str]]) -> bool:
    """Tell whether a document is named by its jobs alone."""
    engine = ("workflow_status", "operation_outputs", "workflow_inputs")
    found = {name: columns for name, columns in found.items() if name not in engine}
    return all(set(columns) <= set(HISTORY.get(name, [])) for name, columns in found.items())


def test_nothing_remains(server: InProcessServer, tenant: Tenant) -> None:
    """Of a document with several versions only the history of its jobs is left."""
    project, words = tenant.project(), "Quokkas of the island sleep at noon."
    text = f"{words} They were counted in 1901."
    for version in (text, f"{words} They were counted in 1951."):
        document = settled(tenant, project, version, external_id="quokka-7", title="Quokkas-7")
    tenant.http.post(f"/v1/projects/{project}/chat", json={"question": "When do quokkas sleep?"})
    marks = (document["id"], sha256(text.encode()).hexdigest(), "quokka-7", "Quokkas-7")
    before = trace(server, *marks)
    receipt = deleted(tenant, document["id"])

    assert {0} == set(receipt["remaining"].values())
    assert (1, 2, 2) == tuple(receipt["removed"][k] for k in ("chunks", "page_texts", "embeddings"))
    assert {"documents", "chunks", "pages", "index"} <= set(before)
    after = trace(server, *marks)
    assert only_history(after), after


def test_never_finished(server: InProcessServer, tenant: Tenant) -> None:
    """A document whose only job failed leaves nothing."""
    text = "A wombat that was never published."
    with armed("ingest.publishing=error"):
        sent = send(tenant, tenant.project(), text, external_id="wombat-7")
        tenant.ended(sent["job_id"])
    receipt = deleted(tenant, sent["document_id"])

    assert {0} == set(receipt["remaining"].values())
    assert (1, 1, 1) == tuple(receipt["removed"][k] for k in ("page_texts", "embeddings", "files"))
    marks = (sent["document_id"], sha256(text.encode()).hexdigest(), "wombat")
    assert only_history(trace(server, *marks))


def test_cancelled(server: InProcessServer, tenant: Tenant) -> None:
    """What a cancelled job had paid for goes with its document."""
    text = "A numbat that was cancelled."
    with armed("ingest.indexed=hold"):
        sent = send(tenant, tenant.project(), text)
        document = sent["document_id"]
        until(lambda: server.runtime.vector_store.count(document_id=document) == 1)
        act(tenant, sent["job_id"], "cancel")
    tenant.ended(sent["job_id"])
    receipt = deleted(tenant, document)

    assert {0} == set(receipt["remaining"].values())
    assert (1, 1) == tuple(receipt["removed"][k] for k in ("page_texts", "embeddings"))
    assert only_history(trace(server, document, sha256(text.encode()).hexdigest(), "numbat"))


def test_newer_version_waits(server: InProcessServer, tenant: Tenant) -> None:
    """A document is not deleted while a newer version is in work; once that ended, both go."""
    project, old, new = tenant.project(), "An old bilby of brick.", "A new bilby of granite."
    settled(tenant, project, old, external_id="bilby")
    sent = send(tenant, project, new, external_id="bilby", not_before="2099-01-01T00:00:00Z")
    url = f"/v1/documents/{sent['document_id']}"
    problem_of(tenant.http.delete(url), 409, "conflict")
    act(tenant, sent["job_id"], "cancel")
    receipt = deleted(tenant, sent["document_id"])

    assert (1, 2) == tuple(receipt["removed"][k] for k in ("versions", "files"))
    assert {0} == set(receipt["remaining"].values())
    hashes = [sha256(text.encode()).hexdigest() for text in (old, new)]
    assert only_history(trace(server, sent["document_id"], *hashes, "bilby"))


def test_shared(server: InProcessServer, tenant: Tenant) -> None:
    """What another document shares stays that one's, and is still found."""
    text = "A potoroo that two projects share."
    one, two = tenant.project("one"), tenant.project("two")
    first, second = (settled(tenant, project, text, title="P") for project in (one, two))
    receipt = deleted(tenant, first["id"])

    assert {0} == set(receipt["remaining"].values())
    assert (0, 0, 0, 1) == tuple(
        receipt["removed"][k] for k in ("page_texts", "embeddings", "files", "chunks")
    )
    assert [text] == texts(tenant, two, "potoroo")
    assert text == content(tenant, second["id"])
    receipt = deleted(tenant, second["id"])
    assert (1, 1, 1) == tuple(receipt["removed"][k] for k in ("page_texts", "embeddings", "files"))


def test_what_is_left_is_removed_again(server: InProcessServer, tenant: Tenant) -> None:
    """What comes in between, such as a late vector, is found by the check and removed."""
    document = settled(tenant, tenant.project(), "A late quoll.")["id"]
    with server.runtime.database.write() as session:
        traces, _ = remove_rows(session, [session.get_one(Document, document)])
    before = count_remaining(server.runtime, traces)
    remove_outside(server.runtime, traces)

    assert (1, 1) == (before["vectors"], before["files"])
    assert {0} == set(count_remaining(server.runtime, traces).values())


def test_of_a_whole_project(server: InProcessServer, tenant: Tenant) -> None:
    """A deleted project leaves nothing of its documents, and its receipt says so."""
    project, old, new = tenant.project(), "A dibbler of old.", "A dibbler of today."
    for text in (old, new):
        document = settled(tenant, project, text, external_id="dibbler")["id"]
    job = tenant.ended(tenant.http.delete(f"/v1/projects/{project}").json()["job"]["id"])

    assert {0} == set(job["result"]["remaining"].values())
    assert (1, 2, 1) == tuple(
        job["result"]["removed"][k] for k in ("documents", "page_texts", "files")
    )
    hashes = [sha256(text.encode()).hexdigest() for text in (old, new)]
    assert only_history(trace(server, document, *hashes, "dibbler"))
