"""Work that takes its worker down again and again is stopped, with the reason."""

from __future__ import annotations

import time
from pathlib import Path

from tests.servers import RunningServer

SECONDS = 60


def test_poison_after_a_stored_step_says_why(tmp_path: Path) -> None:
    """A job that kills its server in a later step fails as poison, not as a riddle."""
    server = RunningServer(
        tmp_path / "data", max_idle_starts=1, failpoints="ingest.pages_read=kill"
    )
    server.start()
    with server.client() as client:
        project = client.create_project("poison").id
        upload = client.add_text(project, "A text that is only poison to this server.")
    deadline = time.monotonic() + SECONDS
    while not server.has_ended:
        assert time.monotonic() < deadline, "the failpoint did not act"
        time.sleep(0.05)
    server.kill()
    server.start()
    assert upload.job is not None
    with server.client() as client:
        *_, job = client.wait_for(upload.job.id)
    server.stop()

    assert job.error is not None
    assert "started 2 times without any progress" in job.error.detail
