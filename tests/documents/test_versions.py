"""A document's newer version takes its place when it is published, and not before."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from tests.contract import stored_files
from tests.documents.versions import (
    BRICK,
    GRANITE,
    SLATE,
    content,
    found,
    listed,
    results,
    rows,
    send,
    settled,
    shown,
    texts,
)
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import act, armed, until

from ragline.documents.service import keep_all
from ragline.documents.storing import Submission, submit, text_upload
from ragline.engine import attempts
from ragline.jobs import service as jobs
from ragline.jobs.wishes import NO_WISHES
from ragline.maintenance.cleanup import rules, stray_files
from ragline.maintenance.retention import moments
from ragline.maintenance.rules import Rule
from ragline.models import DocumentVersion, Job, LeftResult, new_id, now

LONG = [
    f"Letter {n}. " + " ".join(f"The miller wrote on day {n} of his {word}." for word in words)
    for n, words in enumerate([["weir", "wheel", "grain", "flour", "horse", "cart"] * 4] * 12)
]
LATER = "2099-01-01T00:00:00Z"


def name_of(text: str) -> str:
    """Return the name of a text's file in the file store."""
    return sha256(text.encode()).hexdigest()


def submission(server: InProcessServer, text: str, *, external_id: str) -> Submission:
    """Return a text as it is received, its file kept."""
    upload = text_upload(text, title=None, external_id=external_id, metadata=None)
    return submit(server.runtime, [upload], wishes=NO_WISHES, key=None)


def test_changed_content(server: InProcessServer, tenant: Tenant) -> None:
    """A changed text under the same external id is the same document with the new content."""
    project, old = tenant.project(), f"{GRANITE} It burned down in 1732."
    first = settled(tenant, project, old, external_id="mill", title="Old", metadata={"n": 1})
    second = settled(tenant, project, BRICK, external_id="mill", title="New", metadata={"n": 2})

    assert first["id"] == second["id"]
    assert ("New", {"n": 2}, 2, None) == tuple(
        second[name] for name in ("title", "metadata", "version", "newer")
    )
    assert [BRICK] == texts(tenant, project)
    assert BRICK == content(tenant, second["id"])
    until(lambda: name_of(old) not in stored_files(server))  # it goes after the job's end
    assert {2: (1, 1)} == rows(server, second["id"])
    until(lambda: server.runtime.vector_store.count(document_id=second["id"]) == 1)


def test_while_the_newer_one_is_in_work(server: InProcessServer, tenant: Tenant) -> None:
    """Until it is published, the old version is found, cited, listed and downloaded as before."""
    project = tenant.project()
    fields: dict[str, Any] = {"external_id": "mill", "title": "Old", "metadata": {"n": 1}}
    document = settled(tenant, project, GRANITE, **fields)["id"]
    question = {"question": "In what was the mill rebuilt?"}
    with armed("ingest.publishing=hold"):
        sent = send(tenant, project, BRICK, external_id="mill", title="New", metadata={"n": 2})
        # All its vectors are in the index by then.
        until(lambda: server.runtime.vector_store.count(document_id=document) == 2)
        hits = found(tenant, project)
        view = shown(tenant, document)
        pages = tenant.http.get(f"/v1/documents/{document}/pages").json()["pages"]
        chunks = tenant.http.get(f"/v1/documents/{document}/chunks").json()["chunks"]
        file = content(tenant, document)
        stored = stored_files(server)
    tenant.ended(sent["job_id"])
    answer = tenant.http.post(f"/v1/projects/{project}/chat", json=question).json()

    assert [(GRANITE, "Old", {"n": 1})] == [(h["text"], h["title"], h["metadata"]) for h in hits]
    assert [GRANITE] == [page["text"] for page in pages]
    assert [GRANITE] == [chunk["text"] for chunk in chunks]
    assert GRANITE == file
    assert {name_of(GRANITE), name_of(BRICK)} <= stored
    assert ("Old", {"n": 1}, True, 1, "processing") == tuple(
        view[name] for name in ("title", "metadata", "searchable", "version", "status")
    )
    assert ("New", {"n": 2}, sent["job_id"], "processing") == tuple(
        view["newer"][name] for name in ("title", "metadata", "job_id", "status")
    )
    assert ["New"] == [citation["title"] for citation in answer["citations"]]


def test_answers_while_the_newer_one_waits(server: InProcessServer, tenant: Tenant) -> None:
    """An answer cites the old version as long as the new one is not published."""
    project = tenant.project()
    settled(tenant, project, GRANITE, external_id="mill", title="Old")
    send(tenant, project, BRICK, external_id="mill", title="New", not_before=LATER)
    question = {"question": "In what was the mill rebuilt?"}
    answer = tenant.http.post(f"/v1/projects/{project}/chat", json=question).json()

    assert ["Old"] == [citation["title"] for citation in answer["citations"]]
    assert "granite" in answer["answer"]


@pytest.mark.parametrize("point", ["ingest.pages_read", "ingest.chunked", "ingest.publishing"])
def test_failed(server: InProcessServer, tenant: Tenant, point: str) -> None:
    """A newer version that fails leaves the old one as it is, and can be retried."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill", title="Old")["id"]
    with armed(f"{point}=error"):
        job = tenant.ended(send(tenant, project, BRICK, external_id="mill")["job_id"])
    view, hits = shown(tenant, document), texts(tenant, project)
    act(tenant, job["id"], "retry")
    tenant.ended(job["id"])

    assert "failed" == job["status"]
    assert ("failed", True, 1, "failed") == (
        view["status"],
        view["searchable"],
        view["version"],
        view["newer"]["status"],
    )
    assert [GRANITE] == hits
    assert ([BRICK], "completed", None) == (
        texts(tenant, project),
        shown(tenant, document)["status"],
        shown(tenant, document)["newer"],
    )


def test_cancelled(server: InProcessServer, tenant: Tenant) -> None:
    """A newer version that is cancelled leaves the old one as it is."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    with armed("ingest.indexed=hold"):
        sent = send(tenant, project, BRICK, external_id="mill")
        until(lambda: server.runtime.vector_store.count(document_id=document) == 2)
        act(tenant, sent["job_id"], "cancel")
    job, view = tenant.ended(sent["job_id"]), shown(tenant, document)

    assert ("cancelled", 1) == (job["status"], job["result"]["undone"]["chunks"])
    assert 1 == server.runtime.vector_store.count(document_id=document)
    assert ("cancelled", True, 1) == (view["status"], view["searchable"], view["version"])
    assert ([GRANITE], GRANITE) == (texts(tenant, project), content(tenant, document))


def test_only_metadata(server: InProcessServer, tenant: Tenant) -> None:
    """Other metadata reads no page and embeds no passage again, and is found by at once."""
    project = tenant.project()
    fields = {"external_id": "letters", "title": "Letters"}
    text = "\n\n".join(LONG)
    document = settled(tenant, project, text, metadata={"shelf": "a"}, **fields)
    before = results(server)
    view = settled(tenant, project, text, metadata={"shelf": "b"}, **fields)
    pages = tenant.http.get(f"/v1/documents/{document['id']}/pages").json()["pages"]
    by_shelf = {
        shelf: tenant.http.post(
            f"/v1/projects/{project}/search",
            json={"query": "miller", "filter": {"type": "eq", "key": "shelf", "value": shelf}},
        ).json()["hits"]
        for shelf in "ab"
    }

    assert (document["id"], 2, {"shelf": "b"}) == (view["id"], view["version"], view["metadata"])
    assert before == results(server)
    assert {0.0} == {page["cost"] for page in pages}
    assert (0, True) == (len(by_shelf["a"]), len(by_shelf["b"]) > 0)


def test_unchanged_passages(server: InProcessServer, tenant: Tenant) -> None:
    """Of a changed text only the passages that are new are embedded."""
    project = tenant.project()
    document = settled(tenant, project, "\n\n".join(LONG), external_id="letters", title="L")["id"]
    before, chunks = results(server)[1], rows(server, document)[1][1]
    text = "\n\n".join([*LONG, "A postscript. " + " ".join(["The weir broke in spring."] * 25)])
    settled(tenant, project, text, external_id="letters", title="L")

    embedded = results(server)[1] - before
    assert chunks >= 6
    assert 1 <= embedded <= 2


def test_back_to_what_it_was(server: InProcessServer, tenant: Tenant) -> None:
    """A text that is changed back is published again, and nothing is read or embedded twice."""
    project = tenant.project()
    for text in (GRANITE, BRICK):
        document = settled(tenant, project, text, external_id="mill")["id"]
    before = results(server)
    view = settled(tenant, project, GRANITE, external_id="mill")

    assert (document, 3) == (view["id"], view["version"])
    assert ([GRANITE], GRANITE) == (texts(tenant, project), content(tenant, document))
    assert before == results(server)


def test_changed_twice_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """Of two changes that are built side by side, the one that was accepted last stays."""
    project = tenant.project()
    settled(tenant, project, GRANITE, external_id="mill")
    with armed("ingest.indexed=hold"):
        sent = [send(tenant, project, text, external_id="mill") for text in (BRICK, SLATE)]
        document = sent[0]["document_id"]
        until(lambda: server.runtime.vector_store.count(document_id=document) == 3)
    ended = [tenant.ended(each["job_id"])["status"] for each in sent]

    assert ["completed"] * 2 == ended
    assert ([SLATE], SLATE) == (texts(tenant, project), content(tenant, document))
    assert [3] == [document["version"] for document in listed(tenant, project)]
    assert {3: (1, 1)} == rows(server, document)
    until(lambda: server.runtime.vector_store.count(document_id=document) == 1)


def test_an_earlier_version_that_comes_later(server: InProcessServer, tenant: Tenant) -> None:
    """A version that is built after a later one was published is dropped, and nothing is left."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    early = send(tenant, project, BRICK, external_id="mill", not_before=LATER)
    settled(tenant, project, SLATE, external_id="mill")
    act(tenant, early["job_id"], "cancel")
    tenant.ended(early["job_id"])
    retried = act(tenant, early["job_id"], "retry")

    assert 409 == retried.status_code
    assert [SLATE] == texts(tenant, project)
    assert {3: (1, 1)} == rows(server, document)


def test_a_version_that_is_late(server: InProcessServer, tenant: Tenant) -> None:
    """A version whose later one is published meanwhile ends as outdated, with a warning."""
    project = tenant.project()
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    early = send(tenant, project, BRICK, external_id="mill", not_before=LATER)
    settled(tenant, project, SLATE, external_id="mill")
    with server.runtime.database.write() as session:
        attempts.hasten(session, early["job_id"], until=None)
    ended = tenant.ended(early["job_id"])

    assert ("completed", ["outdated"]) == (
        ended["status"],
        [warning["code"] for warning in ended["warnings"]],
    )
    assert ([SLATE], {3: (1, 1)}) == (texts(tenant, project), rows(server, document))
    until(lambda: server.runtime.vector_store.count(document_id=document) == 1)


def test_one_transaction(server: InProcessServer, tenant: Tenant) -> None:
    """Two contents under one external id that are kept together are one document, the last wins."""
    project = tenant.project()
    submissions = [submission(server, text, external_id="mill") for text in (GRANITE, BRICK)]
    accepted = keep_all(server.runtime, tenant.id, project, submissions)
    files = [answer.files[0] for answer in accepted]
    ended = [tenant.ended(str(file.job_id))["status"] for file in files]

    assert ["new", "changed"] == [file.change for file in files]
    assert (1, ["completed"] * 2) == (len({file.document_id for file in files}), ended)
    assert [BRICK] == texts(tenant, project)


def test_children_of_a_parent(server: InProcessServer, tenant: Tenant) -> None:
    """Jobs of a submission become children of a job that is there, and no other is made."""
    project = tenant.project()
    parent = Job(id=new_id(), tenant_id=tenant.id, project_id=project, kind="import")
    stored = [submission(server, text, external_id=text).stored[0] for text in (GRANITE, BRICK)]
    with server.runtime.database.write() as session:
        jobs.accept_parent(session, parent)
        sent = Submission(stored, parent_id=parent.id)
        answer = keep_all(server.runtime, tenant.id, project, [sent])[0]
    children = [tenant.ended(str(file.job_id)) for file in answer.files]

    assert answer.job is None
    assert [parent.id] * 2 == [child["parent_id"] for child in children]
    assert "completed" == tenant.ended(parent.id)["status"]


def test_nothing_waits_once_all_is_done(server: InProcessServer, tenant: Tenant) -> None:
    """What versions in work hold is gone when they are published."""
    project = tenant.project()
    for text in (GRANITE, BRICK, SLATE):
        document = settled(tenant, project, text, external_id="mill")["id"]
    with server.runtime.database.read() as session:
        left = session.query(DocumentVersion).filter_by(document_id=document).all()

    assert [] == left


def test_files_that_a_crash_left(server: InProcessServer, tenant: Tenant) -> None:
    """An old file that was not removed is a stray; that of a version in work is none."""
    project, runtime = tenant.project(), server.runtime
    old, new, next_one = (f"{GRANITE} {n}" for n in ("Old.", "New.", "Next."))
    settled(tenant, project, old, external_id="mill")
    with armed("ingest.replaced=error"):
        settled(tenant, project, new, external_id="mill")
    send(tenant, project, next_one, external_id="mill", not_before=LATER)
    strays = set(stray_files(runtime.database, runtime.blobs, now() + timedelta(days=1)))

    assert [True, False, False] == [name_of(text) in strays for text in (old, new, next_one)]


def test_leftovers_are_cleaned_up(server: InProcessServer, tenant: Tenant) -> None:
    """Descriptions that no job will build go; those of open and of failed jobs stay."""
    project, database = tenant.project(), server.runtime.database
    document = settled(tenant, project, GRANITE, external_id="mill")["id"]
    sent = send(tenant, project, BRICK, external_id="mill", not_before=LATER)
    with database.write() as session:
        kept = session.get_one(DocumentVersion, sent["job_id"])
        values = {column.key: getattr(kept, column.key) for column in sa.inspect(kept).mapper.attrs}
        session.add(DocumentVersion(**{**values, "job_id": new_id()}))
        session.add(LeftResult(document_id=document, cache="embeddings", key="0" * 64))
    with database.read() as session:
        found = rules(session, moments(server.runtime.settings, now()))
        due = {rule.what: session.scalar(counted(rule)) for rule in found}

    assert 1 <= due["document_versions"]
    assert 1 <= due["left_results"]
    with database.read() as session:
        is_due = next(rule.due for rule in found if rule.what == "document_versions")
        strays = session.scalars(sa.select(DocumentVersion.job_id).where(is_due)).all()
    assert sent["job_id"] not in strays


def counted(rule: Rule) -> sa.Select[tuple[int]]:
    """Return the query that counts what a rule would remove."""
    keys = sa.select(*rule.key).where(rule.due).subquery()
    return sa.select(sa.func.count()).select_from(keys)
