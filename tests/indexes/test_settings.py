"""Better vectors before all else, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fakes.text_embeddings import FakeTextEmbeddings
from tests.indexes.filling import add, better, better_settings, client, project, ready
from tests.servers import RunningServer


def test_better_vectors_come_first_or_never(tmp_path: Path) -> None:
    """With `first` a document has both vectors once it is found; with `off` nothing is asked."""
    fake = FakeTextEmbeddings()
    server = RunningServer(tmp_path, **better_settings(fake, better_vectors="first"))
    with fake.running():
        with server, client(server) as http:
            place = project(http, "snipe")
            add(http, place, "The snipe drums in the dusk.")
            at_once = better(http, place)
            sent = list(fake.texts)
        server.settings = better_settings(fake, better_vectors="off")
        with server, client(server) as http:
            before = len(fake.texts)
            add(http, place, "A snipe zigzags away.")
            url = f"/v1/projects/{place}/search"
            hits = http.post(url, json={"query": "snipe"}).json()["hits"]
            off, jobs = better(http, place), http.get("/v1/jobs?kind=reembed").json()["jobs"]
            asked_while_off = len(fake.texts) - before
        server.settings = better_settings(fake)
        with server, client(server) as http:
            after = ready(http, place, 2)

    assert ("ready", 1, 1) == (at_once["state"], at_once["chunks"], at_once["of"])
    assert 1 == sum("snipe" in text for text in sent)
    assert ("off", 1, 2, 2, [], 0) == (
        off["state"],
        off["chunks"],
        off["of"],
        len(hits),
        jobs,
        asked_while_off,
    )
    assert 2 == after["of"]


def test_missing_packages_leave_the_fast_model_alone(tmp_path: Path) -> None:
    """A better model that cannot work here is told of, and documents are found all the same."""
    settings: dict[str, Any] = {"better_vectors": "first", "better_embedders": '{"*": "nobody"}'}
    with RunningServer(tmp_path, **settings) as server, client(server) as http:
        place = project(http, "plover")
        add(http, place, "The plover feigns a broken wing.")
        url = f"/v1/projects/{place}/search"
        hits = http.post(url, json={"query": "plover"}).json()["hits"]
        said = better(http, place)

    assert 1 == len(hits)
    assert ("nobody", "unavailable") == (said["embedder"], said["state"])
    assert "nobody" in said["reason"]
