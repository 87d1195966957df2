"""An index that was lost is built anew from the database."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.servers import RunningServer

TEXT = "The lighthouse of Port Orrin was built in 1873 by the harbour commission."


def test_lost_index_is_restored(tmp_path: Path) -> None:
    """After its folder was removed, the next start finds the same passages again."""
    with RunningServer(tmp_path / "data") as server:
        with server.client() as client:
            project = client.create_project("library")
            job = client.add_text(project.id, TEXT).job
            assert job is not None
            list(client.wait_for(job.id))
        server.stop()
        shutil.rmtree(tmp_path / "data" / "index")
        server.start()

        with server.client() as client:
            hits = client.search(project.id, "When was the lighthouse built?")

    assert [TEXT] == [hit.text for hit in hits]
