"""Batches of files through the official client: each is a job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from tests.inprocess import Tenant
from tests.openai_api.conftest import Upload
from tests.openai_api.texts import BREAD, NOT_READABLE, STARS, TIDES


def ended(client: openai.OpenAI, batch: Any) -> Any:
    """Return a batch once it is not in progress any more."""
    return client.vector_stores.file_batches.poll(batch.id, vector_store_id=batch.vector_store_id)


def test_upload_and_poll(client: openai.OpenAI, store: str) -> None:
    """The client's own way of uploading several files ends with all of them searchable."""
    files: Any = [("a.txt", TIDES.encode()), ("b.txt", BREAD.encode())]
    batch = client.vector_stores.file_batches.upload_and_poll(store, files=files)

    assert ("completed", 2, 2) == (
        batch.status,
        batch.file_counts.completed,
        batch.file_counts.total,
    )
    listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store)
    assert {"completed"} == {file.status for file in listed}
    assert TIDES == client.vector_stores.search(store, query="tide").data[0].content[0].text


def test_batch_is_a_job(client: openai.OpenAI, tenant: Tenant, store: str, upload: Upload) -> None:
    """Behind a batch stands a parent job with a child for each file."""
    files = [upload(TIDES), upload(BREAD, "b.txt")]
    batch = client.vector_stores.file_batches.create(store, file_ids=files)
    job = tenant.ended(batch.id.removeprefix("vsfb_"))

    assert ("import", "completed", {"completed": 2}) == (
        job["kind"],
        job["status"],
        job["children"],
    )


def test_files_with_attributes_of_their_own(
    client: openai.OpenAI, store: str, upload: Upload
) -> None:
    """Each file of a batch may have its own attributes."""
    first, second = upload(TIDES), upload(BREAD, "b.txt")
    batch = client.vector_stores.file_batches.create(
        store,
        files=[
            {"file_id": first, "attributes": {"n": 1}},
            {"file_id": second, "attributes": {"n": 2}},
        ],
    )
    ended(client, batch)
    listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store)

    assert {first: {"n": 1}, second: {"n": 2}} == {file.id: file.attributes for file in listed}


def test_twins_in_a_batch(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """Of two files with one content in a batch, the attributes given last hold for both."""
    first, second = upload(TIDES, "a.txt"), upload(TIDES, "b.txt")
    batch = client.vector_stores.file_batches.create(
        store,
        files=[
            {"file_id": first, "attributes": {"n": 1}},
            {"file_id": second, "attributes": {"n": 2}},
        ],
    )
    batch = ended(client, batch)
    listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store)

    assert 2 == batch.file_counts.completed
    assert {first: {"n": 2}, second: {"n": 2}} == {file.id: file.attributes for file in listed}


def test_requests_at_the_same_time(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """The same files, put into a store by several at once, are there once."""
    files = [upload(TIDES), upload(BREAD, "b.txt"), upload(NOT_READABLE, "odd.bin")]
    with ThreadPoolExecutor(4) as threads:
        batches = list(
            threads.map(
                lambda _: client.vector_stores.file_batches.create(store, file_ids=files), range(4)
            )
        )
    for batch in batches:
        ended(client, batch)

    assert sorted(files) == sorted(file.id for file in client.vector_stores.files.list(store))


def test_shared_attributes(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """Attributes of a batch hold for all of its files."""
    files = [upload(TIDES), upload(BREAD, "b.txt")]
    client.vector_stores.file_batches.create(store, file_ids=files, attributes={"year": 2024})
    listed = client.vector_stores.files.list(store)

    assert [{"year": 2024}] * 2 == [file.attributes for file in listed]


def test_bad_file_harms_no_neighbour(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A batch with a file that nothing reads and a broken one completes with the others."""
    files = [
        upload(TIDES),
        upload(NOT_READABLE, "odd.bin"),
        upload(b"%PDF-1.7\nnot really", "broken.pdf"),
    ]
    batch = ended(client, client.vector_stores.file_batches.create(store, file_ids=files))
    failed = client.vector_stores.file_batches.list_files(
        batch.id, vector_store_id=store, filter="failed"
    )

    counts = batch.file_counts
    assert ("completed", 1, 2, 3) == (batch.status, counts.completed, counts.failed, counts.total)
    assert set(files[1:]) == {file.id for file in failed}


def test_batch_of_bad_files_has_failed(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A batch of which nothing can be read has failed."""
    files = [upload(NOT_READABLE, "a.bin"), upload(NOT_READABLE + b"\xfe", "b.bin")]
    batch = ended(client, client.vector_stores.file_batches.create(store, file_ids=files))

    assert ("failed", 2) == (batch.status, batch.file_counts.failed)


def test_batch_of_known_files_is_complete(
    client: openai.OpenAI, tenant: Tenant, store: str, upload: Upload
) -> None:
    """Where all is there already, the batch is complete at once, and still a job."""
    file = upload(STARS)
    client.vector_stores.files.create_and_poll(file, vector_store_id=store)
    batch = client.vector_stores.file_batches.create(store, file_ids=[file])

    assert ("completed", 1) == (batch.status, batch.file_counts.completed)
    job = tenant.http.get(f"/v1/jobs/{batch.id.removeprefix('vsfb_')}").json()
    assert "completed" == job["status"]
    assert batch == client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store)


def test_cancelled_batch_leaves_nothing(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """What of a cancelled batch was not done is not done, and not found."""
    files = [upload(f"Text number {n} of many.\n" * 2000, f"{n}.txt") for n in range(12)]
    batch = client.vector_stores.file_batches.create(store, file_ids=files)
    client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store)
    batch = ended(client, batch)
    counts = batch.file_counts

    assert "cancelled" == batch.status
    assert 0 < counts.cancelled
    assert len(files) == counts.cancelled + counts.completed == counts.total


def test_ended_batch_cannot_be_cancelled(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A batch that is done stays done."""
    batch = ended(client, client.vector_stores.file_batches.create(store, file_ids=[upload(TIDES)]))
    with pytest.raises(openai.ConflictError):
        client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store)


def test_unknown_file_stops_the_batch(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """Where a file is unknown, nothing of the batch is accepted."""
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.file_batches.create(store, file_ids=[upload(TIDES), "file-nothing"])

    assert [] == client.vector_stores.files.list(store).data


def test_batch_of_another_store_is_unknown(
    client: openai.OpenAI, store: str, upload: Upload
) -> None:
    """A batch is found in its own store only."""
    other = client.vector_stores.create(name="other").id
    batch = client.vector_stores.file_batches.create(store, file_ids=[upload(TIDES)])
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=other)
    ended(client, batch)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"file_ids": []},
        {"file_ids": ["file-1"], "files": [{"file_id": "file-1"}]},
        {"files": [{"file_id": "file-1"}], "attributes": {"a": 1}},
        {"files": [{"file_id": "file-1", "chunking_strategy": {"type": "static"}}]},
    ],
)
def test_malformed_batch(tenant: Tenant, store: str, body: dict[str, Any]) -> None:
    """A batch names its files in one way, and nothing that cannot be honoured."""
    answer = tenant.http.post(f"/v1/vector_stores/{store}/file_batches", json=body)

    assert 400 == answer.status_code
