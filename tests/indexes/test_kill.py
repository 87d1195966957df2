"""Fillings whose server dies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.fakes.text_embeddings import FakeTextEmbeddings
from tests.indexes.filling import add, better_settings, client, project, ready, until
from tests.servers import RunningServer

POINTS = ("indexes.embedded=kill:1", "indexes.written=kill", "indexes.noted=kill")
TEXTS = [f"Curlew number {number} calls over the marsh at dusk." for number in range(7)]


def test_filling_goes_on_after_each_death(tmp_path: Path) -> None:
    """A server that dies three times while it fills an index embeds each passage once.

    Nor does it embed anything again where the index itself is lost.
    """
    fake = FakeTextEmbeddings()
    with fake.running():
        server = RunningServer(tmp_path, **better_settings(fake, better_vectors="off"))
        with server, client(server) as http:
            place = project(http, "marsh")
            add(http, place, *TEXTS)
        for point in POINTS:
            server.settings = better_settings(fake, failpoints=point)
            server.start()
            until(lambda: server.has_ended, server.log_path.read_text)
            server.kill()
        server.settings = better_settings(fake)
        with server, client(server) as http:
            said = ready(http, place, len(TEXTS))
            jobs = http.get("/v1/jobs", params={"kind": "reembed"}).json()["jobs"]
        [folder] = tmp_path.glob("index-better_*")
        shutil.rmtree(folder)
        with server, client(server) as http:
            again = ready(http, place, len(TEXTS))
        log = server.log_path.read_text()

    assert len(TEXTS) == said["of"] == again["of"]
    [restored] = [line for line in log.splitlines() if "index.restored" in line]
    assert len(TEXTS) == json.loads(restored)["documents"]
    assert ["completed"] == [job["status"] for job in jobs]
    assert sorted(TEXTS) == sorted(text.partition("\n")[2] or text for text in fake.texts)
