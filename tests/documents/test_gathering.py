"""Requests that arrive at once are kept together, and none suffers from its neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import sqlalchemy as sa
from tests.contract import problem_of, stored_files
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import at_rest

from ragline.blobs import BlobStore
from ragline.documents import service
from ragline.documents.storing import Submission, submit, text_upload
from ragline.errors import NotFound, Overloaded, TemporaryProviderError
from ragline.http.idempotency import KeyReused
from ragline.jobs.wishes import NO_WISHES, Wishes
from ragline.models import Document, Event, Job


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


def submitted(
    server: InProcessServer, text: str, *, key: str | None = None, wishes: Wishes = NO_WISHES
) -> Submission:
    """Keep a text as a request brings it."""
    upload = text_upload(text, title=None, external_id=None, metadata={})
    return submit(server.runtime, [upload], wishes=wishes, key=key)


def accept(
    server: InProcessServer, tenant: Tenant, project: str, *submissions: Submission
) -> list[Any]:
    """Accept submissions together."""
    return list(service.accept(server.runtime, tenant.id, project, submissions))


def test_together(server: InProcessServer, tenant: Tenant) -> None:
    """Requests kept together have a document, a job and a place each, and their own wishes."""
    project = tenant.project()
    texts = [
        submitted(server, f"Text {number}.", wishes=Wishes(priority=number, tags=(f"t{number}",)))
        for number in range(1, 4)
    ]
    answers = accept(server, tenant, project, *texts)
    views = [tenant.http.get(f"/v1/jobs/{answer.job.id}").json() for answer in answers]

    assert [1, 2, 3] == [view["priority"] for view in views]
    assert [["t1"], ["t2"], ["t3"]] == [view["tags"] for view in views]
    assert [1, 2, 3] == [view["queue_position"] for view in views]
    assert 3 == len({answer.documents[0].id for answer in answers})
    assert [answer.job.model_dump(mode="json")["created_at"] for answer in answers] == [
        view["created_at"] for view in views
    ]


def test_same_content(server: InProcessServer, tenant: Tenant) -> None:
    """The same content in two requests that are kept together is one document and one job."""
    project = tenant.project()
    first, second = accept(
        server, tenant, project, submitted(server, "Twice."), submitted(server, "Twice.")
    )

    assert first.documents[0].id == second.documents[0].id
    assert first.job is not None
    assert second.job is None
    assert "queued" == second.documents[0].status


def test_same_key(server: InProcessServer, tenant: Tenant) -> None:
    """One key in two requests that are kept together is one job and one answer."""
    project = tenant.project()
    first, second = accept(
        server,
        tenant,
        project,
        submitted(server, "Keyed.", key="k"),
        submitted(server, "Keyed.", key="k"),
    )

    assert first == second
    assert first.job is not None


def test_reused_key_harms_no_neighbour(server: InProcessServer, tenant: Tenant) -> None:
    """A request under another's key is refused, those kept together with it are taken once."""
    project = tenant.project()
    answers = accept(
        server,
        tenant,
        project,
        submitted(server, "One.", key="k"),
        submitted(server, "Without a key."),
        submitted(server, "Another.", key="k"),
        submitted(server, "Another key.", key="l"),
    )

    assert isinstance(answers[2], KeyReused)
    assert [True, True, True] == [answers[n].job is not None for n in (0, 1, 3)]
    assert 3 == len(tenant.http.get("/v1/jobs").json()["jobs"])


def test_overload_takes_those_that_fit(server: InProcessServer, tenant: Tenant) -> None:
    """Where the backlog has room for one of two requests, one is taken and one refused."""
    project = tenant.project()
    submissions = [submitted(server, "First."), submitted(server, "Second.")]
    runtime = server.runtime
    runtime.kept["backlog"] = (runtime.settings.max_backlog - 1, float("inf"))
    try:
        answers = accept(server, tenant, project, *submissions)
    finally:
        del runtime.kept["backlog"]

    assert answers[0].job is not None
    assert isinstance(answers[1], Overloaded)


def test_refused_files_go(server: InProcessServer, tenant: Tenant) -> None:
    """Files of requests to a project that does not exist are not kept."""
    before = stored_files(server)
    answers = accept(
        server, tenant, "no-such-project", submitted(server, "Nobody's."), submitted(server, "Nor.")
    )

    assert [NotFound, NotFound] == [type(answer) for answer in answers]
    assert before == stored_files(server)


class Stuck:
    """A file store that gives no file back."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def delete(self, content_hash: str) -> bool:
        """Fail as a store that is away does."""
        raise TemporaryProviderError(f"{content_hash} cannot be removed now.")


def test_files_that_stay(server: InProcessServer, tenant: Tenant) -> None:
    """What cannot be tidied up after the transaction takes nobody's answer away."""
    project, runtime = tenant.project(), server.runtime
    accept(server, tenant, project, submitted(server, "Kept once.", key="k"))
    document = tenant.http.get(f"/v1/projects/{project}/documents").json()["documents"][0]["id"]
    with runtime.database.write() as session:
        session.execute(sa.delete(Document).where(Document.id == document))
    store = runtime.blobs
    runtime.blobs = cast(BlobStore, Stuck(store))
    try:
        answers = accept(
            server,
            tenant,
            project,
            submitted(server, "A neighbour."),
            submitted(server, "Kept once.", key="k"),
        )
    finally:
        runtime.blobs = store

    assert answers[0].job is not None
    assert document == answers[1].documents[0].id


def test_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """Sixty requests at once, good and bad, are each answered as if they came alone."""
    good, missing = tenant.project(), "no-such-project"

    def send(number: int) -> int:
        project = missing if number % 6 == 5 else good
        body = {"text": "" if number % 6 == 4 else f"At once, {number}."}
        headers = {"Idempotency-Key": f"at-once-{number}"} if number % 2 else {}
        path = f"/v1/projects/{project}/documents"
        return int(tenant.http.post(path, json=body, headers=headers).status_code)

    with ThreadPoolExecutor(12) as threads:
        statuses = Counter(threads.map(send, range(60)))

    assert Counter({202: 40, 404: 10, 422: 10}) == statuses
    assert 40 == len(tenant.http.get("/v1/jobs?limit=100").json()["jobs"])
    with server.runtime.database.read() as session:
        mine = sa.select(Job.id).where(Job.tenant_id == tenant.id)
        numbers = session.scalars(sa.select(Event.number).where(Event.job_id.in_(mine))).all()
    assert [1] * 40 == list(numbers)


def test_unknown_project(tenant: Tenant) -> None:
    """A request that came alone gets its own problem."""
    path = "/v1/projects/none/documents"
    assert problem_of(tenant.http.post(path, json={"text": "x"}), 404, "not-found")
