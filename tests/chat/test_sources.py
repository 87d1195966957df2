"""What an answer is written from stays as it was found."""

from __future__ import annotations

from tests.inprocess import InProcessServer, Tenant

from ragline.chat import sources
from ragline.chat.question import Question
from ragline.chat.retrieving import retrieve
from ragline.models import Job

QUESTION = "What did the ferry of Skarn carry?"
OLDER = "The ferry of Skarn carried sheep and letters until the bridge was opened."
NEWER = "The harbour of Skarn has been closed, and grass grows on its quay."


def _found(
    server: InProcessServer, tenant: Tenant
) -> tuple[str, str, Job, list[sources.Source], Question]:
    """Find the passage of a document for the document's own job; return the document too."""
    project = tenant.project()
    accepted = tenant.add_text(project, OLDER, title="Skarn", external_id="skarn").json()
    tenant.ended(accepted["job"]["id"])
    question = Question(QUESTION, (project,))
    found = retrieve(server.runtime, tenant.id, question, lambda _: [QUESTION]).sources
    with server.runtime.database.read() as session:
        job = session.get_one(Job, accepted["job"]["id"])
    sources.keep(server.runtime, job.id, found)
    return project, accepted["documents"][0]["id"], job, list(found), question


def _read(
    server: InProcessServer, job: Job, found: list[sources.Source], question: Question
) -> object:
    scores = [(each.chunk_id, each.score) for each in found]
    return sources.of_job(server.runtime, job, question.projects, scores)


def test_newer_version(server: InProcessServer, tenant: Tenant) -> None:
    """A version that is published while an answer is written takes none of its sources away."""
    project, _, job, found, question = _found(server, tenant)
    accepted = tenant.add_text(project, NEWER, title="Quay", external_id="skarn").json()
    tenant.ended(accepted["job"]["id"])

    assert [OLDER] == [each.text for each in found]
    assert found == _read(server, job, found, question)


def test_deleted_document(server: InProcessServer, tenant: Tenant) -> None:
    """A document that is deleted meanwhile is a source no more."""
    _, document, job, found, question = _found(server, tenant)
    tenant.http.delete(f"/v1/documents/{document}").raise_for_status()

    assert [] == _read(server, job, found, question)


def test_search_before(server: InProcessServer, tenant: Tenant) -> None:
    """What a release before found, and kept no words of, is read from its documents."""
    _, _, job, found, question = _found(server, tenant)
    with server.runtime.database.write() as session:
        sources.erase(session, job)

    assert found == _read(server, job, found, question)
