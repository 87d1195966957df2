"""Syncs and notes survive the death of their server: nothing twice, nothing paid twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.chat.asking import ended, http_to, wait_until
from tests.fakes.openai_server import FakeOpenAI, streamed
from tests.fakes.zotero_server import FakeZotero
from tests.servers import RunningServer
from tests.zotero.connected import prose


def died_at(server: RunningServer, point: str) -> bool:
    """Tell whether the server was killed at a point."""
    return f"failpoint {point}=kill" in server.log_path.read_text()


def test_killed(tmp_path: Path) -> None:
    """Killed while documents are kept, and again between a push and our knowing of it.

    Then it goes on by the clock.
    """
    with FakeZotero().running() as fake, FakeOpenAI().running() as model:
        works = [fake.put("book", title=f"Work {number}") for number in range(12)]
        for work in works:
            fake.attach(work, prose(work).encode())
        settings: dict[str, Any] = {
            "zotero_base_url": fake.url,
            "llm": "openai",
            "openai_base_url": model.url,
        }
        kept = "zotero.committing"
        with RunningServer(tmp_path, failpoints=f"{kept}=kill:1", **settings) as server:
            with http_to(server) as http:
                project = http.post("/v1/projects", json={"name": "library"}).json()["id"]
                body = {"library": fake.library, "api_key": fake.api_key}
                made = http.post(f"/v1/projects/{project}/zotero", json=body).json()
                url = f"/v1/projects/{project}/zotero/{made['id']}"
                sync = http.post(f"{url}/sync").json()["job"]["id"]
            wait_until(lambda: died_at(server, kept))
        model.replies.extend([streamed("A note [1]."), streamed("Another note [1].")])
        with RunningServer(tmp_path, failpoints="note.pushed=kill", **settings) as server:
            with http_to(server) as http:
                synced = ended(http, sync)
                documents = http.get(f"/v1/projects/{project}/documents").json()["documents"]
                asked = http.post(f"{url}/notes", json={"items": [works[0]]}).json()
            wait_until(lambda: died_at(server, "note.pushed"))
        settings |= {"zotero_sync_schedule": "* * * * * *", "zotero_removed": "keep"}
        with RunningServer(tmp_path, **settings) as server, http_to(server) as http:
            written = ended(http, asked["job"]["id"])
            note = http.get(f"{url}/notes/{works[0]}").json()
            fake.remove(works[1])
            wait_until(lambda: http.get(url).json()["version"] == fake.version)
            left = http.get(f"/v1/projects/{project}/documents").json()["documents"]

    assert ("completed", 12) == (synced["status"], synced["result"]["completed"])
    assert 12 == len({each["external_id"] for each in documents}) == len(documents)
    # Ten were kept before the first death, and are not fetched again.
    assert 14 == len(fake.asked("GET", "/file"))
    assert ("completed", "created") == (written["status"], note["status"])
    assert (1, 1) == (len(fake.children(works[0])), len(model.requests))
    # By the clock the removal was seen; this operator keeps such documents.
    assert 12 == len(left)
