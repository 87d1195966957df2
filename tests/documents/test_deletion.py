"""Deleting documents."""

from __future__ import annotations

from hashlib import sha256

import pytest
from tests.contract import ODD_IDS, problem_of, stored_files
from tests.inprocess import InProcessServer, Tenant

from ragline.jobs import service as jobs
from ragline.models import Job, new_id


def test_receipt(tenant: Tenant) -> None:
    """The receipt counts what was removed from the database, the index and the files."""

    document = tenant.ingest_text(tenant.project(), "Words of a receipt, found nowhere else.")
    answer = tenant.http.delete(f"/v1/documents/{document['id']}")

    assert {
        "documents": 1,
        "pages": 1,
        "chunks": 1,
        "vectors": 1,
        "cached_answers": 0,
        "embeddings": 1,
        "page_texts": 1,
        "files": 1,
    } == answer.json()["removed"]


def test_nothing_is_found_any_more(tenant: Tenant) -> None:
    """A deleted document is found by no search."""

    project = tenant.project()
    document = tenant.ingest_text(project, "The heron nests in the old mill.")
    tenant.http.delete(f"/v1/documents/{document['id']}")
    url = f"/v1/projects/{project}/search"

    assert {"hits": []} == tenant.http.post(url, json={"query": "heron"}).json()


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
