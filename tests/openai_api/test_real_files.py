"""The official client against a server in a process of its own, with files of the real world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.openai_api.texts import TIDES
from tests.servers import RunningServer

DIGITAL = (
    "fr_digital/2023-06-20-PV.pdf",
    "fr_digital/pdf_structure.pdf",
    "en_article/test_article.pdf",
)
BROKEN = (
    "broken/issue-297-example.pdf",
    "broken/malformed-from-issue-932.pdf",
    "encrypted/saslprep-r6.pdf",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server as people start it."""
    with RunningServer(tmp_path_factory.mktemp("server"), idle_poll_seconds=0.2) as server:
        yield server


@pytest.fixture
def client(running: RunningServer) -> Iterator[openai.OpenAI]:
    """The client as its users make it, with its retries."""
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key=running.api_key) as made:
        yield made


@pytest.mark.data
def test_folder_of_papers(client: openai.OpenAI, test_data: Path) -> None:
    """A folder goes up in one batch; what can be read is found, what cannot is told of."""
    folder = test_data / "pdfs"
    store = client.vector_stores.create(name="papers")
    names = sorted(DIGITAL + BROKEN)
    batch = client.vector_stores.file_batches.upload_and_poll(
        store.id, files=[folder / name for name in names]
    )
    files = {
        client.files.retrieve(file.id).filename: file
        for file in client.vector_stores.file_batches.list_files(
            batch.id, vector_store_id=store.id, limit=2
        )
    }

    assert "completed" == batch.status
    assert {Path(name).name for name in names} == files.keys()
    status = {name: file.status for name, file in files.items()}
    assert {"completed"} == {status[Path(name).name] for name in DIGITAL}
    assert all(file.last_error for file in files.values() if file.status == "failed")
    hits = client.vector_stores.search(store.id, query="procès-verbal de la réunion").data
    assert "2023-06-20-PV.pdf" == hits[0].filename


@pytest.mark.data
def test_paper_with_attributes(client: openai.OpenAI, test_data: Path) -> None:
    """A paper is uploaded, described, found by what was said about it, read back and deleted."""
    path = test_data / "pdfs" / DIGITAL[2]
    store = client.vector_stores.create(name="one paper")
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=path)
    client.vector_stores.files.update(
        file.id, vector_store_id=store.id, attributes={"kind": "article"}
    )
    filters: Any = {"type": "eq", "key": "kind", "value": "article"}
    hits = client.vector_stores.search(
        store.id, query="What was measured?", filters=filters, max_num_results=3
    ).data
    text = client.vector_stores.files.content(file.id, vector_store_id=store.id)

    assert [{"kind": "article"}] * 3 == [hit.attributes for hit in hits]
    assert 1 < len(list(text))
    assert path.read_bytes() == client.files.content(file.id).read()
    client.files.delete(file.id)
    assert [] == client.vector_stores.search(store.id, query="What was measured?").data
    assert client.vector_stores.delete(store.id).deleted


def test_batch_survives_the_death_of_the_server(
    running: RunningServer, client: openai.OpenAI
) -> None:
    """A batch that was accepted is completed by the process that comes after the one that died."""
    store = client.vector_stores.create(name="texts")
    files = [
        client.files.create(
            file=(f"{number}.txt", f"{TIDES} Number {number}.\n".encode() * 100),
            purpose="assistants",
        ).id
        for number in range(6)
    ]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=files)
    running.kill()
    running.start()
    batch = client.vector_stores.file_batches.poll(batch.id, vector_store_id=store.id)

    assert ("completed", 6) == (batch.status, batch.file_counts.completed)
