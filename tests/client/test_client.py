"""The client library against a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.client.clients import Connect
from tests.inprocess import InProcessServer

from ragline import (
    AsyncClient,
    Client,
    ClientProblem,
    ConfigurationError,
    Forbidden,
    Job,
    NamedContent,
    NotFound,
    StillRunning,
    Unauthenticated,
    errors,
)

TIGERS = "Tigers live in Bengal and hunt at night, alone and in silence."


def ended(client: Client, job: Job | None) -> Job:
    """Return a job once it has ended."""
    assert job is not None
    return list(client.wait_for(job.id))[-1]


def test_a_project_is_made_once(client: Client) -> None:
    """Asking for a project by name makes it the first time and finds it the second."""
    made = client.get_or_create_project("zoo")

    assert made == client.get_or_create_project("zoo")
    assert [made] == list(client.projects())


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
    with pytest.raises(NotFound) as caught:
        client.job("nothing")

    problem = caught.value
    assert (404, "/problems/not-found") == (problem.status, problem.type)
    assert isinstance(problem, errors.NotFound)
    assert "There is no job with the id 'nothing'." == problem.detail


def test_any_text_can_be_asked(client: Client) -> None:
    """A question that is no valid Unicode is refused by the server, and does not crash here."""
    project = client.create_project("zoo")

    with pytest.raises(ClientProblem, match="valid Unicode"):
        client.search(project.id, "\udcff")


@pytest.mark.parametrize("id", ["../projects", "..", ".", "?", "#", "a/b", "%2e%2e"])
def test_ids_cannot_lead_to_another_path(client: Client, id: str) -> None:
    """What is given as an id stays one part of the path."""
    with pytest.raises(NotFound):
        client.job(id)


def test_a_project_is_changed_counted_and_deleted(client: Client) -> None:
    """None clears a field, and what is left out stays."""
    project = client.create_project("zoo", description="Animals.", language="en")

    changed = client.change_project(project.id, name="park", description=None)

    assert ("park", None, "en") == (changed.name, changed.description, changed.language)
    assert 0 == client.project_statistics(project.id).documents
    assert "completed" == client.wait_until_ended(client.delete_project(project.id).id).status
    with pytest.raises(NotFound):
        client.project(project.id)


def test_a_document_is_read_back_and_deleted(client: Client, tmp_path: Path) -> None:
    """Pages, passages and the file itself come back; a receipt says what was removed."""
    project = client.create_project("zoo")
    upload = client.upload(project.id, [NamedContent("tigers.txt", TIGERS.encode())], wait=60)
    (document,) = upload.documents

    assert upload.job is not None
    assert upload.job.ended
    assert [(1, TIGERS)] == [(page.number, page.text) for page in client.pages(document.id)]
    assert [TIGERS] == [chunk.text for chunk in client.chunks(document.id)]
    assert TIGERS.encode() == client.file(document.id)
    assert TIGERS == client.download(document.id, tmp_path / "back.txt").read_text()
    assert [tmp_path / "back.txt"] == list(tmp_path.iterdir())
    assert document.id == client.delete_document(document.id).document_id


def test_a_download_that_is_refused_leaves_nothing(client: Client, tmp_path: Path) -> None:
    """A file is there once it is whole, and not before."""
    with pytest.raises(NotFound):
        client.download("nothing", tmp_path / "back.txt")

    assert [] == list(tmp_path.iterdir())


def test_folders_are_uploaded_in_batches(client: Client, tmp_path: Path) -> None:
    """What cannot be taken is told beside what was, and all bytes of the files are told."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below/tigers.txt").write_text(TIGERS)
    (tmp_path / "owls.txt").write_text("Owls turn their heads.")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)))
    told: list[int] = []
    project = client.create_project("zoo")

    uploads = list(
        client.upload_all(project.id, [tmp_path, tmp_path / "gone.txt"], told=told.append)
    )

    taken = {document.filename for upload in uploads for document in upload.documents}
    refused = {one.filename for upload in uploads for one in upload.rejected}
    assert ({"tigers.txt", "owls.txt"}, {"noise.bin", "gone.txt"}) == (taken, refused)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.*")) == sum(told)


def test_a_question_may_be_a_job(client: Client) -> None:
    """A job that answers a question has the answer at its end, and the tags it was given."""
    project = client.create_project("zoo")
    ended(client, client.add_text(project.id, TIGERS).job)

    job = client.wait_until_ended(
        client.chat_job(project.id, "Where do tigers live?", tags=["night"]).id
    )

    assert job.answer is not None
    assert "Bengal" in job.answer.citations[0].quote
    assert [job.id] == [found.id for found in client.jobs(tag="night")]


def test_an_answer_comes_in_pieces(client: Client) -> None:
    """The pieces make the answer, and its sources come at the end."""
    project = client.create_project("zoo")
    ended(client, client.add_text(project.id, TIGERS).job)

    events = list(client.chat_stream(project.id, "Where do tigers live?"))

    text = "".join(event.text for event in events if event.type == "answer.delta")
    (cited,) = [event.citations for event in events if event.type == "answer.citations"]
    assert "Bengal" in text
    assert "Bengal" in cited[0].quote
    assert "job.completed" == events[-1].type


def test_a_wait_has_an_end(client: Client) -> None:
    """A job that does not end in the time granted is told as still going on."""
    project = client.create_project("zoo")
    later = datetime.now(UTC) + timedelta(hours=1)
    job = client.add_text(project.id, TIGERS, not_before=later).job
    assert job is not None

    with pytest.raises(StillRunning, match=r"is still pending after 0\.1 s") as caught:
        client.wait_until_ended(job.id, timeout=0.1)

    assert (job.id, "pending") == (caught.value.job_id, caught.value.job_status)
    assert "cancelled" == client.wait_until_ended(client.cancel(job.id).id).status


def test_queues_are_seen_by_all_and_paused_by_operators(
    client: Client, server: InProcessServer, connect: Connect
) -> None:
    """Who is no operator sees the own jobs, and is refused the rest."""
    key = server.runtime.settings.key_file.read_text().strip()
    with connect(server.url, key) as operator:
        assert ("all", "tenant") == (operator.queues().scope, client.queues().scope)
        assert operator.pause_queue("pages").paused
        assert not operator.resume_queue("pages").paused
        assert isinstance(operator.preview_cleanup().removed, dict)
        assert "completed" == operator.wait_until_ended(operator.clean_up().id).status
    with pytest.raises(Forbidden):
        client.pause_queue("pages")


def test_keys_are_made_used_and_revoked(
    client: Client, server: InProcessServer, connect: Connect
) -> None:
    """A key's secret is shown once, works, and stops to work."""
    made = client.create_key("reader", role="reader")
    with connect(server.url, made.key) as reader:
        assert [] == list(reader.projects())
        with pytest.raises(Forbidden):
            reader.create_project("zoo")
        client.revoke_key(made.id)
        with pytest.raises(Unauthenticated):
            list(reader.projects())
    assert made.id not in [key.id for key in client.keys()]  # noqa: SIM118 # no mapping


def test_webhooks_are_subscribed_changed_and_removed(client: Client) -> None:
    """A webhook has its secret when it is made and when it is rotated, and a log."""
    made = client.create_webhook("https://1.1.1.1/hook", events=["job.failed"])
    turned = client.rotate_webhook(made.id, overlap_hours=1)
    changed = client.change_webhook(made.id, enabled=False)

    assert made.secret
    assert turned.secret not in (made.secret, None)
    assert (False, None) == (changed.enabled, client.webhook(made.id).secret)
    assert [made.id] == [webhook.id for webhook in client.webhooks()]
    assert [] == list(client.deliveries(made.id))
    client.delete_webhook(made.id)
    assert [] == list(client.webhooks())


def test_a_conversation(client: Client) -> None:
    """An agent answers from its projects; a session keeps what was said."""
    project = client.create_project("zoo")
    ended(client, client.add_text(project.id, TIGERS).job)
    agent = client.create_agent("keeper", [project.id], instructions="Be brief.")
    session = client.create_session(agent.id, title="Cats", metadata={"visitor": 7})

    said = client.send_message(session.id, "Where do tigers live?", wait=60)
    pieces = list(client.stream_message(session.id, "When do tigers hunt?"))

    answers = [one for one in client.messages(session.id) if one.role == "assistant"]
    assert "completed" == said.status == client.message(said.message_id).status
    assert "Bengal" in (said.content or "")
    assert "answer.delta" in {event.type for event in pieces}
    assert [said.message_id, answers[1].message_id] == [one.message_id for one in answers]
    assert [session.id] == [one.id for one in client.sessions(agent=agent.id)]
    assert "job.completed" == list(client.message_events(said.message_id))[-1].type
    assert 1 == client.delete_session(session.id).sessions
    assert 1 == client.delete_agent(agent.id).agents


def test_agents_have_pairs_and_shares(client: Client) -> None:
    """Stored answers and public links are made, listed and taken away."""
    project = client.create_project("zoo")
    agent = client.create_agent("keeper", [project.id])
    pair = client.create_pair(agent.id, "When do you open?", "At nine.")
    share = client.create_share(agent.id, name="Door", most_messages=5)

    assert [pair] == list(client.pairs(agent.id))
    assert (share.id, None) == next((one.id, one.token) for one in client.shares(agent.id))
    assert share.token
    client.delete_pair(agent.id, pair.id)
    client.revoke_share(agent.id, share.id)
    assert [] == list(client.pairs(agent.id))
    assert "host" == client.change_agent(agent.id, name="host", model=None).name
    assert ["host"] == [one.name for one in client.agents()]


def test_questions_find_their_projects(client: Client) -> None:
    """The project that knows most of a question comes first."""
    project = client.create_project("zoo")
    ended(client, client.add_text(project.id, TIGERS).job)

    routed = client.route_question("Where do tigers live?", projects=[project.id])

    assert [project.id] == [score.project_id for score in routed.projects]
    assert TIGERS == routed.hits[0].text


def test_a_server_says_how_it_is(client: Client) -> None:
    """A server that works is ready, live and measured."""
    assert client.ready()
    assert "ok" == client.live().status
    assert "# HELP" in client.metrics()


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://here", "http://", "http://[bad"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """A URL that cannot be called is named at once."""
    for kind in (Client, AsyncClient):
        with pytest.raises(ConfigurationError, match="is not the URL of a server"):
            kind(url)
