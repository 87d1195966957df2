"""The client library against a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.inprocess import InProcessServer, Tenant

from ragline.client import Client, ClientProblem, Job, ServerUnreachable
from ragline.errors import ConfigurationError

TIGERS = "Tigers live in Bengal and hunt at night, alone and in silence."


@pytest.fixture
def client(server: InProcessServer, tenant: Tenant) -> Iterator[Client]:
    """A client of an owner who has nothing yet."""
    with Client(server.url, tenant.key) as client:
        yield client


def ended(client: Client, job: Job | None) -> Job:
    """Return a job once it has ended."""
    assert job is not None
    return list(client.wait_for(job.id))[-1]


def test_a_project_is_made_once(client: Client) -> None:
    """Asking for a project by name makes it the first time and finds it the second."""
    made = client.get_or_create_project("zoo")

    assert made == client.get_or_create_project("zoo")
    assert [made] == list(client.projects())


def test_listings_go_on_past_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """All projects come, however many fit on a page."""
    monkeypatch.setattr("ragline.client.client.PAGE", 2)
    names = [client.create_project(f"project {number}").name for number in range(5)]

    assert names == [project.name for project in client.projects()]


def test_jobs_stop_at_their_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit above the size of a page is met exactly, newest first."""
    monkeypatch.setattr("ragline.client.client.PAGE", 2)
    project = client.create_project("zoo")
    uploads = [client.add_text(project.id, f"Animal number {number}.") for number in range(5)]
    newest_first = [upload.job.id for upload in reversed(uploads) if upload.job]

    assert newest_first[:3] == [job.id for job in client.jobs(limit=3)]


def test_files_become_documents(client: Client, tmp_path: Path) -> None:
    """Several files in one request make one job with a child for each."""
    paths = [tmp_path / "tigers.txt", tmp_path / "owls.txt"]
    paths[0].write_text(TIGERS)
    paths[1].write_text("Owls turn their heads.")
    project = client.create_project("zoo")

    job = ended(client, client.upload(project.id, paths, metadata={"kind": "animal"}).job)

    documents = list(client.documents(project.id))
    assert ("completed", {"completed": 2}) == (job.status, job.children)
    assert [{"kind": "animal"}] * 2 == [document.metadata for document in documents]
    assert ["completed"] * 2 == [child.status for child in client.jobs(parent=job.id)]


def test_waiting_ends_with_the_end(client: Client) -> None:
    """The views of a job stop with the one that has ended, and only that one has."""
    project = client.create_project("zoo")
    upload = client.add_text(project.id, TIGERS, title="Tigers")
    assert upload.job is not None

    views = list(client.wait_for(upload.job.id))

    assert [True] == [view.ended for view in views if view.ended]
    assert client.document(upload.documents[0].id).searchable


def test_passages_are_found(client: Client) -> None:
    """A search returns the passage with its document."""
    project = client.create_project("zoo")
    upload = client.add_text(project.id, TIGERS)
    ended(client, upload.job)

    (hit,) = client.search(project.id, "Where do tigers live?")

    assert (TIGERS, upload.documents[0].id) == (hit.text, hit.document_id)


def test_questions_are_answered(client: Client) -> None:
    """An answer cites what it rests on."""
    project = client.create_project("zoo")
    ended(client, client.add_text(project.id, TIGERS).job)

    answer = client.chat(project.id, "Where do tigers live?")

    assert "Bengal" in answer.answer
    assert "Bengal" in answer.citations[0].quote


def test_jobs_of_a_time(client: Client) -> None:
    """Jobs are found by when they were made."""
    project = client.create_project("zoo")
    first, second = (client.add_text(project.id, f"Animal {n}.").job for n in range(2))
    assert first is not None
    assert second is not None

    def found(**wanted: datetime) -> list[str]:
        return [job.id for job in client.jobs(**wanted)]

    assert [second.id] == found(created_after=second.created_at)
    assert [first.id] == found(created_before=second.created_at)


def test_a_job_is_cancelled_retried_and_followed(client: Client) -> None:
    """Cancelling and retrying are events of the job, whose numbers go on."""
    project = client.create_project("zoo")
    job = client.add_text(project.id, TIGERS).job
    assert job is not None
    ended(client, job)
    with pytest.raises(ClientProblem, match="This job has completed"):
        client.cancel(job.id)

    events = list(client.events(job.id))

    assert list(range(1, len(events) + 1)) == [event.number for event in events]
    assert ("job.queued", "job.completed") == (events[0].type, events[-1].type)
    assert [events[-1]] == list(client.events(job.id, after=len(events) - 1))


def test_failed_jobs_are_retried_and_dismissed(client: Client, tmp_path: Path) -> None:
    """A dead letter is tried again, alone or with others, and let go."""
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.7\nnothing")
    job = ended(client, client.upload(client.create_project("ruins").id, [path]).job)

    again = ended(client, client.retry(job.id))
    (found,) = client.retry_jobs(status="failed", kind="ingest").jobs
    last = ended(client, found)

    assert [1, 2, 3] == [attempt.number for attempt in last.attempts]
    assert ("failed", 2) == (again.status, len(again.attempts))
    assert job.id == client.dismiss(job.id).id


def test_a_refusal_carries_its_problem(client: Client) -> None:
    """What the server refuses is raised with status, type and words."""
    with pytest.raises(ClientProblem) as caught:
        client.job("nothing")

    problem = caught.value
    assert (404, "/problems/not-found") == (problem.status, problem.type)
    assert "There is no job with the id 'nothing'." == problem.detail


def test_ids_cannot_lead_to_another_path(client: Client) -> None:
    """What is given as an id stays one part of the path."""
    with pytest.raises(ClientProblem) as caught:
        client.job("../projects")

    assert 404 == caught.value.status


def test_any_text_can_be_asked(client: Client) -> None:
    """A question that is no valid Unicode is refused by the server, and does not crash here."""
    project = client.create_project("zoo")

    with pytest.raises(ClientProblem, match="valid Unicode"):
        client.search(project.id, "\udcff")


def test_a_server_says_whether_it_is_ready(client: Client) -> None:
    """A server that takes work is ready; where there is none, nobody is."""
    assert client.ready()
    with Client("http://127.0.0.1:9") as nobody:
        assert not nobody.ready()


def test_nobody_there_is_a_sentence() -> None:
    """A refused connection says what to do."""
    with (
        Client("http://127.0.0.1:9") as nobody,
        pytest.raises(ServerUnreachable, match="start one with `ragline serve`"),
    ):
        nobody.job("any")


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://here", "http://", "http://[bad"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """A URL that cannot be called is named at once."""
    with pytest.raises(ConfigurationError, match="is not the URL of a server"):
        Client(url)
