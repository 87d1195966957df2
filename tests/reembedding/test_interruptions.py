"""Servers that die while a project is re-embedded, and a project that moves to another store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.text_embeddings import FakeTextEmbeddings
from tests.postgres import Postgres
from tests.servers import RunningServer

from ragline.client import Client

TEXTS = [
    f"Beacon {number} on the coast of Finistere shows {number} flashes every {7 * number} seconds."
    for number in range(1, 7)
]
POINTS = (
    "indexes.embedded=kill",
    "reembed.filled=kill",
    "reembed.checked=kill",
    "reembed.swapping=kill",
    "reembed.swapped=kill",
)
DEADLINE_SECONDS = 120


@pytest.fixture
def service() -> Iterator[FakeTextEmbeddings]:
    """A service of embeddings of 48 dimensions."""
    with FakeTextEmbeddings(dimensions=48).running() as running:
        assert isinstance(running, FakeTextEmbeddings)
        yield running


def settings_for(service: FakeTextEmbeddings, **settings: object) -> dict[str, object]:
    """Return the settings of a server that knows the service, a few texts a call."""
    endpoint = {"base_url": service.url, "model": "m", "dimensions": 48, "texts_per_call": 4}
    return {
        "better_vectors": "off",
        "embedder_endpoints": json.dumps({"other": endpoint}),
        "ocr": "none",
        **settings,
    }


def filled(client: Client) -> str:
    """Return a project with a document for each text."""
    project = client.create_project("beacons").id
    uploads = [client.add_text(project, text, title=f"B{n}") for n, text in enumerate(TEXTS)]
    for upload in uploads:
        assert upload.job is not None
        assert client.wait_until_ended(upload.job.id).status == "completed"
    return project


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param((POINTS[0], POINTS[3]), id="short"),
        pytest.param(POINTS, id="full", marks=pytest.mark.faults),
    ],
)
def test_reembedding_goes_on_after_each_death(
    tmp_path: Path, service: FakeTextEmbeddings, points: tuple[str, ...]
) -> None:
    """A server that dies at each stage ends with one swap, and no passage is paid for twice."""

    server = RunningServer(tmp_path, **settings_for(service, failpoints=points[0]))
    server.start()
    with server.client() as client:
        project = filled(client)
        job_id = client.reembed(project, embedder="other", overlap=0).id
    for point in points[1:]:
        until(lambda: server.has_ended, "the server did not die")
        server.kill()
        server.settings = settings_for(service, failpoints=point)
        server.start()
    until(lambda: server.has_ended, "the server did not die")
    server.kill()
    server.settings = settings_for(service)
    with server, server.client() as client:
        job = client.wait_until_ended(job_id)
        indexes = client.project_indexes(project)
        hits = client.search(project, "How often does beacon 3 flash?", limit=6)
        checked = client.doctor(project_id=project)
    passages = [text for text in service.texts if text.startswith("B") and "\n" in text]

    assert "completed" == job.status, job
    assert (job.result or {})["swapped"] is True
    assert ("other", 48, 6) == (
        indexes.main.embedder,
        indexes.main.dimensions,
        indexes.main.chunks,
    )
    assert 6 == len(hits)
    assert checked.healthy, checked
    assert len(TEXTS) == len(passages)


def test_project_moves_from_the_embedded_store_to_postgresql(
    tmp_path: Path, postgres: Postgres
) -> None:
    """The same call with another store moves a project, and a rollback brings it back."""

    settings = {
        "better_vectors": "off",
        "ocr": "none",
        "database_url": postgres.new_database(),
        "vector_store": "qdrant_edge",
    }
    server = RunningServer(tmp_path, **settings)
    with server, server.client() as client:
        project = filled(client)
        before = client.search(project, "Which beacon flashes every 21 seconds?", limit=3)
        job = client.wait_until_ended(client.reembed(project, vector_store="pgvector").id)
        moved = client.project_indexes(project)
        after = client.search(project, "Which beacon flashes every 21 seconds?", limit=3)
        checked = client.doctor(project_id=project)
        back = client.roll_back_reembedding(project)

    assert (job.result or {})["swapped"] is True, job
    assert 1.0 == (job.result or {})["check"]["overlap"]
    assert ("pgvector", "use", 6) == (
        moved.main.vector_store,
        moved.main.embedder,
        moved.main.chunks,
    )
    assert [hit.chunk_id for hit in before] == [hit.chunk_id for hit in after]
    assert checked.healthy, checked
    assert "qdrant_edge" == back.main.vector_store
