"""Which document an upload means, and what becomes of it: the rows of the table in the docs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.contract import problem_of
from tests.documents.versions import (
    BRICK,
    GRANITE,
    content,
    listed,
    results,
    send,
    settled,
    shown,
    texts,
)
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import armed

LATER = "2099-01-01T00:00:00Z"


def failed(tenant: Tenant, project: str, text: str, **fields: Any) -> dict[str, Any]:
    """Send a text whose job fails, and return the answer."""
    with armed("ingest.pages_read=error"):
        sent = send(tenant, project, text, **fields)
        assert "failed" == tenant.ended(sent["job_id"])["status"]
    return sent


def brief(sent: dict[str, Any]) -> tuple[str, bool]:
    """Return what a file was, and whether there is a job."""
    return sent["change"], sent["job_id"] is not None


def test_new(tenant: Tenant) -> None:
    """An external id and a content that are not there make a document."""
    sent = send(tenant, tenant.project(), GRANITE, external_id="mill", not_before=LATER)

    assert ("new", True) == brief(sent)


@pytest.mark.parametrize("fields", [{}, {"external_id": "mill"}])
@pytest.mark.parametrize("repeated", [{}, {"title": "Mill"}, {"metadata": {"n": 1}}])
def test_the_same_again(tenant: Tenant, fields: dict[str, Any], repeated: dict[str, Any]) -> None:
    """The same content changes nothing; what is not said again stays."""
    project = tenant.project()
    said = {"title": "Mill", "metadata": {"n": 1}, **fields}
    document = settled(tenant, project, GRANITE, **said)
    again = send(tenant, project, GRANITE, **fields, **repeated)

    assert (("unchanged", False), document["id"]) == (brief(again), again["document_id"])
    assert document == shown(tenant, document["id"])


@pytest.mark.parametrize(
    "said", [{"title": "Mills"}, {"metadata": {}}, {"metadata": {"n": True}}, {"text": BRICK}]
)
def test_changed(tenant: Tenant, said: dict[str, Any]) -> None:
    """Another content, title or metadata under an external id is a newer version."""
    project = tenant.project()
    first: dict[str, Any] = {"title": "Mill", "metadata": {"n": 1}, "external_id": "mill"}
    document = settled(tenant, project, GRANITE, **first)["id"]
    sent = send(tenant, project, **{"text": GRANITE, **first, **said, "not_before": LATER})

    assert (("changed", True), document) == (brief(sent), sent["document_id"])


def test_number_in_another_form(tenant: Tenant) -> None:
    """A whole number is the same with a decimal point."""
    project = tenant.project()
    settled(tenant, project, GRANITE, external_id="mill", metadata={"n": 1})

    again = send(tenant, project, GRANITE, external_id="mill", metadata={"n": 1.0})

    assert ("unchanged", False) == brief(again)


def test_derived_title(tenant: Tenant) -> None:
    """A title that was taken from the file's name follows the name."""
    project = tenant.project()
    first = tenant.upload(project, ("old_mill.txt", GRANITE.encode()), external_id="x").json()
    tenant.ended(first["job"]["id"])
    renamed = tenant.upload(project, ("new_mill.txt", GRANITE.encode()), external_id="x").json()

    assert ["old mill"] == [each["title"] for each in first["documents"]]
    assert ["new mill"] == [each["newer"]["title"] for each in renamed["documents"]]


def test_given_title(tenant: Tenant) -> None:
    """A title that was given stays, whatever the next file is called."""
    project = tenant.project()
    fields = {"external_id": "x", "title": "Given"}
    first = tenant.upload(project, ("old.txt", GRANITE.encode()), **fields).json()
    tenant.ended(first["job"]["id"])
    renamed = tenant.upload(project, ("new.txt", GRANITE.encode()), external_id="x").json()

    assert ["unchanged"] == [each["change"] for each in renamed["files"]]


@pytest.mark.parametrize("fields", [{}, {"external_id": "mill"}])
def test_after_a_failure(tenant: Tenant, fields: dict[str, Any]) -> None:
    """What failed is ingested again when it is sent again, as it is described then."""
    project = tenant.project()
    first = failed(tenant, project, GRANITE, title="Wrong", **fields)
    view = settled(tenant, project, GRANITE, title="Right", **fields)

    assert (first["document_id"], "completed", "Right") == (
        view["id"],
        view["status"],
        view["title"],
    )


def test_another_content_after_a_failure(server: InProcessServer, tenant: Tenant) -> None:
    """What never came to anything is replaced by the next content of its external id."""
    project = tenant.project()
    first = failed(tenant, project, GRANITE, external_id="mill")
    view = settled(tenant, project, BRICK, external_id="mill")

    assert (first["document_id"], BRICK) == (view["id"], content(tenant, view["id"]))


def test_failed_newer_version_again(tenant: Tenant) -> None:
    """A newer version that failed is ingested again when it is sent again."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    failed(tenant, project, BRICK, external_id="mill")
    again = send(tenant, project, BRICK, external_id="mill")
    tenant.ended(again["job_id"])

    assert ("again", document) == (again["change"], again["document_id"])
    assert [BRICK] == texts(tenant, project)


def test_the_old_content_after_a_failure(tenant: Tenant) -> None:
    """What was found all the while is unchanged for who knows no external id."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    failed(tenant, project, BRICK, external_id="mill")
    again = send(tenant, project, GRANITE)

    assert (("unchanged", False), document) == (brief(again), again["document_id"])


def test_back_after_a_failure(tenant: Tenant) -> None:
    """The old content under the external id takes the failed change back."""
    project = tenant.project()
    settled(tenant, project, GRANITE, external_id="mill")
    failed(tenant, project, BRICK, external_id="mill")
    view = settled(tenant, project, GRANITE, external_id="mill")

    assert ("completed", None, [GRANITE]) == (
        view["status"],
        view["newer"],
        texts(tenant, project),
    )


def test_duplicate(tenant: Tenant) -> None:
    """A content that has another external id is not ingested twice, and keeps its own."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill", title="Mill")
    second = send(tenant, project, GRANITE, external_id="copy", title="Copy", metadata={"n": 1})

    assert (("duplicate", False), document["id"]) == (brief(second), second["document_id"])
    assert [document] == listed(tenant, project)


def test_without_an_external_id(tenant: Tenant) -> None:
    """A content that has an external id is known without it."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    second = send(tenant, project, GRANITE, title="Other")

    assert (("unchanged", False), document) == (brief(second), second["document_id"])


def test_learnt_external_id(tenant: Tenant) -> None:
    """A document without an external id takes that of the first upload which brings one."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, title="Mill")["id"]
    learnt = send(tenant, project, GRANITE, external_id="mill")
    changed = settled(tenant, project, BRICK, external_id="mill")

    assert (("unchanged", False), document) == (brief(learnt), learnt["document_id"])
    assert ("mill", document, [BRICK]) == (
        changed["external_id"],
        changed["id"],
        texts(tenant, project),
    )


def test_content_of_a_newer_version(tenant: Tenant) -> None:
    """A content that is on its way as a newer version is not ingested twice."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    send(tenant, project, BRICK, external_id="mill", not_before=LATER)
    bare, named = send(tenant, project, BRICK), send(tenant, project, BRICK, external_id="copy")

    assert [("unchanged", False), ("duplicate", False)] == [brief(bare), brief(named)]
    assert {document} == {bare["document_id"], named["document_id"]}


def test_content_that_is_about_to_go(server: InProcessServer, tenant: Tenant) -> None:
    """A content that its document is about to lose becomes a document of its own."""
    project = tenant.project()
    old = settled(tenant, project, GRANITE, external_id="mill")["id"]
    with armed("ingest.publishing=hold"):
        change = send(tenant, project, BRICK, external_id="mill")
        new = send(tenant, project, GRANITE)
    for sent in (change, new):
        tenant.ended(sent["job_id"])

    assert (("new", True), True) == (brief(new), old != new["document_id"])
    assert sorted([BRICK, GRANITE]) == texts(tenant, project)
    assert [BRICK, GRANITE] == [content(tenant, each) for each in (old, new["document_id"])]
    assert new["document_id"] == send(tenant, project, GRANITE)["document_id"]


def test_changed_into_the_content_of_another(server: InProcessServer, tenant: Tenant) -> None:
    """A document may be changed into the content of another; nothing is read or embedded twice."""
    project = tenant.project()
    one, two = (
        settled(tenant, project, text, external_id=text, title="M")["id"]
        for text in (GRANITE, BRICK)
    )
    before = results(server)
    changed = settled(tenant, project, BRICK, external_id=GRANITE)
    after = results(server)
    tenant.http.delete(f"/v1/documents/{two}")

    assert (one, before) == (changed["id"], after)
    assert ([BRICK], BRICK) == (texts(tenant, project), content(tenant, one))
    assert one == send(tenant, project, BRICK)["document_id"]


def test_other_projects(tenant: Tenant) -> None:
    """An external id is that of a project: another one has its own."""
    sent = [
        send(tenant, tenant.project(name), text, external_id="mill", not_before=LATER)
        for name, text in (("first", GRANITE), ("second", BRICK))
    ]

    assert ["new", "new"] == [each["change"] for each in sent]


def test_several_files_with_one_external_id(tenant: Tenant) -> None:
    """Several files cannot be one document."""
    files = [("a.txt", b"Words."), ("b.txt", b"More words.")]
    answer = tenant.upload(tenant.project(), *files, external_id="both")

    assert "one by one" in problem_of(answer, 422, "invalid-input")["detail"]


def test_at_once(tenant: Tenant) -> None:
    """Contents sent at once under one external id are versions of one document."""
    project = tenant.project()
    sentences = [f"The mill had {number} wheels." for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda t: send(tenant, project, t, external_id="m"), sentences))
    ended = {tenant.ended(each["job_id"])["status"] for each in sent}
    last = max(sent, key=lambda each: tenant_version(tenant, each["job_id"]))

    assert (1, {"completed"}) == (len({each["document_id"] for each in sent}), ended)
    assert [sentences[sent.index(last)]] == texts(tenant, project)
    assert ["new"] == [each["change"] for each in sent if each["change"] != "changed"]


def tenant_version(tenant: Tenant, job_id: str) -> int:
    """Return the version that a job was accepted for."""
    return int(tenant.http.get(f"/v1/jobs/{job_id}").json()["inputs"]["version"])
