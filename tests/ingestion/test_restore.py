"""An index that was lost is built anew from the database."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.inprocess import serving

TEXT = "The lighthouse of Port Orrin was built in 1873 by the harbour commission."


def test_lost_index_is_restored(tmp_path: Path) -> None:
    """After its folder was removed, the next start finds the same passages again."""
    with serving(tmp_path / "data", idle_poll_seconds=0.2) as server, server.tenant() as tenant:
        project = tenant.project()
        tenant.ingest_text(project, TEXT)
        key = tenant.key
    shutil.rmtree(tmp_path / "data" / "index")

    with serving(tmp_path / "data", idle_poll_seconds=0.2) as server, server.client(key) as http:
        question = {"query": "When was the lighthouse built?"}
        answer = http.post(f"/v1/projects/{project}/search", json=question).json()

    assert [TEXT] == [hit["text"] for hit in answer["hits"]]
