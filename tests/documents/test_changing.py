"""Changing what is said about a document without sending it again."""

from __future__ import annotations

import pytest
from tests.contract import problem_of
from tests.documents.versions import BRICK, GRANITE, results, send, settled, shown, texts
from tests.inprocess import InProcessServer, Tenant

LATER = "2099-01-01T00:00:00Z"


def test_title_and_metadata(server: InProcessServer, tenant: Tenant) -> None:
    """Another title and other metadata are a newer version, for which no page is read again."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, title="Old", metadata={"n": 1})["id"]
    pages = results(server)[0]
    body = {"title": "New", "metadata": {"n": 2, "tags": ["a", "b"]}}
    answer = tenant.http.patch(f"/v1/documents/{document}", json=body)
    tenant.ended(answer.json()["job"]["id"])
    view = shown(tenant, document)

    assert (202, "Old") == (answer.status_code, answer.json()["documents"][0]["title"])
    assert (2, body) == (view["version"], {name: view[name] for name in body})
    assert (pages, [GRANITE]) == (results(server)[0], texts(tenant, project))


def test_nothing_new(tenant: Tenant) -> None:
    """What is so already makes no job."""
    document = settled(tenant, tenant.project(), GRANITE, title="Mill")["id"]
    answer = tenant.http.patch(f"/v1/documents/{document}", json={"title": "Mill"})

    assert (200, None) == (answer.status_code, answer.json()["job"])


def test_external_id(tenant: Tenant) -> None:
    """An external id is another at once, and can be taken away."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="old")["id"]
    url = f"/v1/documents/{document}"
    renamed = tenant.http.patch(url, json={"external_id": "new"})
    changed = send(tenant, project, BRICK, external_id="new", not_before=LATER)
    tenant.http.patch(url, json={"external_id": None})

    assert (200, None) == (renamed.status_code, renamed.json()["job"])
    assert ("changed", document) == (changed["change"], changed["document_id"])
    assert shown(tenant, document)["external_id"] is None


def test_external_id_of_another(tenant: Tenant) -> None:
    """Two documents of a project never have the same external id."""
    project = tenant.project()
    first, _ = (
        send(tenant, project, text, external_id=text, not_before=LATER) for text in (GRANITE, BRICK)
    )
    answer = tenant.http.patch(f"/v1/documents/{first['document_id']}", json={"external_id": BRICK})

    problem_of(answer, 409, "conflict")


@pytest.mark.parametrize("body", [{"title": ""}, {"filename": "x"}, {"metadata": {"a": {}}}])
def test_refused(tenant: Tenant, body: dict[str, object]) -> None:
    """What cannot be said of a document is refused."""
    sent = send(tenant, tenant.project(), GRANITE, not_before=LATER)
    answer = tenant.http.patch(f"/v1/documents/{sent['document_id']}", json=body)

    assert 422 == answer.status_code


def test_of_another_tenant(server: InProcessServer, tenant: Tenant) -> None:
    """Nobody changes another tenant's document."""
    sent = send(tenant, tenant.project(), GRANITE, not_before=LATER)
    with server.tenant() as other:
        answer = other.http.patch(f"/v1/documents/{sent['document_id']}", json={"title": "Mine"})

    problem_of(answer, 404, "not-found")
