"""Better vectors come by themselves, and only where they are wanted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from tests.indexes.filling import (
    HeldEmbeddings,
    add,
    better,
    better_settings,
    client,
    ended,
    project,
    ready,
    until,
)
from tests.servers import RunningServer


@dataclass
class Desk:
    """A server with a better model at a service, and a client of it."""

    fake: HeldEmbeddings
    http: httpx2.Client

    def jobs(self, place: str) -> list[dict[str, object]]:
        """Return the project's filling jobs, newest first."""
        asked = {"kind": "reembed", "project": place}
        return list(self.http.get("/v1/jobs", params=asked).json()["jobs"])

    def found(self, place: str, query: str, **wishes: object) -> list[str]:
        """Return the texts that a search finds."""
        url = f"/v1/projects/{place}/search"
        hits = self.http.post(url, json={"query": query, **wishes}).json()["hits"]
        return [hit["text"] for hit in hits]


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    """Return a desk; `RAGLINE_TEST_DATABASE=postgresql` has the same on PostgreSQL and pgvector."""
    fake = HeldEmbeddings()
    settings = better_settings(fake)
    if os.environ.get("RAGLINE_TEST_DATABASE") == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres").new_database()
    folder = tmp_path_factory.mktemp("improving")
    with (
        fake.running(),
        RunningServer(folder, **settings) as server,
        client(server) as http,
    ):
        yield Desk(fake, http)


def test_published_documents_get_better_vectors(desk: Desk) -> None:
    """Once published, passages get a better vector each by a job that anyone can see."""
    place = project(desk.http, "bittern")
    add(desk.http, place, "The bittern booms in the reed bed.", "A bittern is hard to see.")

    said = ready(desk.http, place, 2)

    assert ("tiny" in said["embedder"], 2, 2) == (True, said["chunks"], said["of"])
    assert {"completed"} == {job["status"] for job in desk.jobs(place)}
    assert 2 == desk.fake.times("bittern")


def test_progress_is_told_while_an_index_is_filled(desk: Desk) -> None:
    """The project names the job that fills its better index, and how far it is."""
    place = project(desk.http, "godwit")
    with desk.fake.holding():
        add(desk.http, place, "The godwit probes the mud slowly.")
        desk.fake.has_come.wait(60)
        said = better(desk.http, place)
        job = desk.http.get(f"/v1/jobs/{said['job_id']}").json()
    ready(desk.http, place, 1)

    assert ("filling", 0, 1) == (said["state"], said["chunks"], said["of"])
    assert ("reembed", "processing", "chunks") == (
        job["kind"],
        job["status"],
        job["progress"]["unit"],
    )


def test_document_deleted_meanwhile_leaves_nothing(desk: Desk) -> None:
    """A document that is deleted while its passages are embedded has no vector afterwards."""
    place = project(desk.http, "dunlin")
    with desk.fake.holding():
        [document] = add(desk.http, place, "The dunlin walks slowly along the tide.")
        desk.fake.has_come.wait(60)
        receipt = desk.http.delete(f"/v1/documents/{document}").json()
    said = ready(desk.http, place, 0)
    until(lambda: not better(desk.http, place)["job_id"])

    assert not any(receipt["remaining"].values())
    assert 0 == said["of"]
    assert [] == desk.found(place, "dunlin")
    assert {} == desk.http.get("/v1/admin/cleanup").json()["removed"]


def test_documents_that_come_meanwhile_are_taken_up(desk: Desk) -> None:
    """What is published while an index is filled gets its vectors by the same job or a next one."""
    place = project(desk.http, "whimbrel")
    with desk.fake.holding():
        add(desk.http, place, "The whimbrel flies slowly north.")
        desk.fake.has_come.wait(60)
        add(desk.http, place, "A whimbrel has seven whistles.")

    assert 2 == ready(desk.http, place, 2)["of"]
    assert 2 == desk.fake.times("whimbrel")


def test_unchanged_passages_keep_their_embedding(desk: Desk) -> None:
    """A new version with the same passages is not embedded again."""
    place = project(desk.http, "sanderling")
    url = f"/v1/projects/{place}/documents"
    body = {"text": "The sanderling runs before the waves.", "external_id": "s"}
    ended(desk.http, desk.http.post(url, json=body).json()["job"]["id"])
    ready(desk.http, place, 1)
    answer = desk.http.post(url, json={**body, "metadata": {"seen": 1843}}).json()
    ended(desk.http, answer["job"]["id"])

    assert 1 == ready(desk.http, place, 1)["of"]
    assert 1 == desk.fake.times("sanderling")


def test_a_cancelled_filling_is_not_begun_anew(desk: Desk) -> None:
    """Cancelled, the filling stops until somebody retries it; searches go on."""
    place = project(desk.http, "turnstone")
    with desk.fake.holding():
        add(desk.http, place, "The turnstone turns each stone slowly.")
        desk.fake.has_come.wait(60)
        job = str(better(desk.http, place)["job_id"])
        desk.http.post(f"/v1/jobs/{job}/cancel")
    assert "cancelled" == ended(desk.http, job)["status"]
    assert "stopped" == better(desk.http, place)["state"]
    assert 1 == len(desk.found(place, "turnstone"))
    desk.http.post(f"/v1/jobs/{job}/retry")

    assert 1 == ready(desk.http, place, 1)["chunks"]
    assert [job] == [each["id"] for each in desk.jobs(place)]


def test_a_failed_filling_says_why_and_harms_no_search(desk: Desk) -> None:
    """Where the better model's service refuses a passage, the job fails; the fast model answers."""
    place = project(desk.http, "avocet")
    add(desk.http, place, "An unspeakable avocet.", "The avocet sweeps its bill.")
    [job] = until(lambda: [each for each in desk.jobs(place) if each["status"] == "failed"])

    assert "stopped" == better(desk.http, place)["state"]
    assert "refuse" in str(job["error"])
    assert 2 == len(desk.found(place, "avocet"))


def test_project_deleted_meanwhile_leaves_nothing(desk: Desk) -> None:
    """A project that is deleted while its index is filled leaves no vector."""
    place = project(desk.http, "redshank")
    with desk.fake.holding():
        add(desk.http, place, "The redshank wades slowly.")
        desk.fake.has_come.wait(60)
        filling = str(better(desk.http, place)["job_id"])
        deletion = desk.http.delete(f"/v1/projects/{place}").json()["job"]["id"]
        removed = ended(desk.http, deletion)
    ended(desk.http, filling)

    assert not any(removed["result"]["remaining"].values())
    assert {} == desk.http.get("/v1/admin/cleanup").json()["removed"]


def test_both_ways_of_meaning_are_searched_with_filters(desk: Desk) -> None:
    """A condition on metadata holds for what the better model finds too."""
    place = project(desk.http, "knot")
    url = f"/v1/projects/{place}/documents"
    for year in (1843, 2024):
        body = {"text": f"The knot gathers in {year}.", "metadata": {"year": year}}
        ended(desk.http, desk.http.post(url, json=body).json()["job"]["id"])
    ready(desk.http, place, 2)
    condition = {"type": "eq", "key": "year", "value": 1843}

    for mode in ("hybrid", "dense", "lexical"):
        found = desk.found(place, "where does the knot gather", mode=mode, filter=condition)
        assert ["The knot gathers in 1843."] == found
