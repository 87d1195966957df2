"""Several HTTP processes behind one address."""

from __future__ import annotations

from pathlib import Path

from tests.mcp_face.speaking import speaking
from tests.postgres import Postgres
from tests.servers import RunningServer, RunningWorker

KEY = "rl_a_key_for_all_processes_of_this_test"
CONNECTIONS = 8


def test_any_process_goes_on_with_what_another_began(postgres: Postgres, tmp_path: Path) -> None:
    """A job begun by one process is followed by whichever answers; there is no session."""
    settings = {"database_url": postgres.new_database(), "api_key": KEY}
    data_dir = tmp_path / "data"
    with (
        RunningServer(data_dir, "--workers", "2", **settings) as server,
        RunningWorker(data_dir, **settings),
    ):
        with server.client() as http:
            http.create_project("library")
        with speaking(server.url, KEY) as speaker:
            text = "The mill was rebuilt in granite in 1611."
            begun = speaker.result("ingest", project="library", text=text, wait_seconds=0)
        seen = set()
        for number in range(CONNECTIONS):
            revision = ("2025-11-25", "2026-07-28")[number % 2]
            with speaking(server.url, KEY, revision=revision) as speaker:
                job = speaker.result("job_status", job_id=begun["job_id"], wait_seconds=60)
                seen.add((job["id"], job["status"]))

    assert {(begun["job_id"], "completed")} == seen
