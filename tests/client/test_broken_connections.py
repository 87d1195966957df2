"""Calls over connections that are cut: nothing is lost, done twice or left half."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from tests.client.clients import Connect
from tests.client.proxy import CuttingProxy
from tests.inprocess import InProcessServer, Tenant

from ragline import Client

TIGERS = "Tigers live in Bengal and hunt at night, alone and in silence."


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Log without drawings: the server works in this process, and would pause for them."""
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@contextmanager
def cut(
    server: InProcessServer,
    tenant: Tenant,
    connect: Connect,
    *,
    down: list[int | None] | None = None,
    up: list[int | None] | None = None,
) -> Iterator[tuple[Client, CuttingProxy]]:
    """Give a client whose connections are cut after so many bytes from the server or to it."""
    with (
        CuttingProxy(server.url, cuts=down, cuts_up=up) as proxy,
        connect(proxy.url, tenant.key) as client,
    ):
        yield client, proxy


def test_what_is_made_is_made_once(
    server: InProcessServer, tenant: Tenant, connect: Connect
) -> None:
    """An answer that is lost three times is the same one in the end."""
    with cut(server, tenant, connect, down=[0, 1, 100]) as (client, proxy):
        made = client.create_project("zoo")
        found = list(client.projects())

    assert [made] == found
    assert 4 == proxy.connections


def test_an_upload_is_sent_again(
    server: InProcessServer, tenant: Tenant, connect: Connect, tmp_path: Path
) -> None:
    """A file that was cut off on its way arrives whole, once, and its bytes are told once."""
    path = tmp_path / "tigers.txt"
    path.write_text("\n\n".join(f"{number}. {TIGERS}" for number in range(8000)))
    told: list[int] = []
    project = tenant.project("zoo")
    with cut(server, tenant, connect, up=[200_000, 400_000], down=[None, None, 0]) as (client, _):
        upload = client.upload(project, [path], told=told.append)
        jobs = list(client.jobs(project=project))
        content = client.file(upload.documents[0].id)

    assert path.read_bytes() == content
    assert path.stat().st_size == sum(told)
    assert 1 == len(jobs)


def test_a_download_begins_again(
    server: InProcessServer, tenant: Tenant, connect: Connect, tmp_path: Path
) -> None:
    """A file that was cut off on its way back is whole in the end, with nothing beside it."""
    content = TIGERS.encode() * 10_000
    project = tenant.project("zoo")
    (document,) = tenant.upload(project, ("tigers.txt", content)).json()["documents"]
    with cut(server, tenant, connect, down=[300_000, 10]) as (client, _):
        client.download(document["id"], tmp_path / "back.txt")

    assert content == (tmp_path / "back.txt").read_bytes()
    assert ["back.txt"] == [path.name for path in tmp_path.iterdir()]


def test_a_jobs_events_come_once(server: InProcessServer, tenant: Tenant, connect: Connect) -> None:
    """A stream that is cut in the middle of events goes on without a gap."""
    project = tenant.project("zoo")
    job = tenant.add_text(project, TIGERS).json()["job"]["id"]
    tenant.ended(job)
    with cut(server, tenant, connect, down=[400, 700, 20, 900]) as (client, proxy):
        numbers = [event.number for event in client.events(job)]

    assert list(range(1, len(numbers) + 1)) == numbers
    assert proxy.connections > 4


def test_a_projects_events_come_once(
    server: InProcessServer, tenant: Tenant, connect: Connect
) -> None:
    """Every cut between two events, and what happens meanwhile, is made up for."""
    project = tenant.project("zoo")
    seen: list[tuple[str | None, int | None]] = []
    with cut(server, tenant, connect) as (client, proxy):
        events = client.project_events(project, from_start=True)
        for number in range(3):
            job = tenant.add_text(project, f"{number}. {TIGERS}").json()["job"]["id"]
            tenant.ended(job)
            for event in events:
                seen.append((event.job_id, event.number))
                if event.job_id == job and event.ends_job:
                    break
            proxy.cut()
        events.close()

    jobs = dict.fromkeys(job for job, _ in seen)
    assert 3 == len(jobs)
    for job in jobs:
        numbers = [number for its, number in seen if its == job]
        assert list(range(1, len(numbers) + 1)) == numbers


@pytest.mark.parametrize("bytes_before", [0, 600, 900])
def test_a_question_is_asked_once(
    server: InProcessServer, tenant: Tenant, connect: Connect, bytes_before: int
) -> None:
    """An answer that is cut while it is written goes on, and is paid for once."""
    project = tenant.project("zoo")
    tenant.ingest_text(project, TIGERS)
    with cut(server, tenant, connect, down=[bytes_before]) as (client, _):
        events = list(client.chat_stream(project, "Where do tigers live?"))
        asked = list(client.jobs(kind="chat"))

    assert list(range(1, len(events) + 1)) == [event.number for event in events]
    assert "Bengal" in "".join(event.text for event in events if event.type == "answer.delta")
    assert 1 == len(asked)
