"""Files in vector stores through the official client."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from tests.inprocess import InProcessServer, Tenant
from tests.openai_api.conftest import Upload
from tests.openai_api.texts import BREAD, NOT_READABLE, STARS, TIDES

from ragline.maintenance import cleanup, retention, rules
from ragline.models import StoreFile, now


def test_upload_and_poll(client: openai.OpenAI, store: str) -> None:
    """The client's own way of uploading and waiting ends with a file that can be searched."""
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store, file=("tides.txt", TIDES.encode())
    )

    assert ("completed", None, store) == (file.status, file.last_error, file.vector_store_id)
    assert len(TIDES) == file.usage_bytes
    assert [file.id] == [found.id for found in client.vector_stores.files.list(store)]


def test_attributes_come_with_the_file(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """What is said about a file is its attributes, and its document's metadata."""
    attributes: Any = {"author": "Ada", "year": 1843, "score": 0.5, "read": True}
    file = client.vector_stores.files.create_and_poll(
        upload(TIDES), vector_store_id=store, attributes=attributes
    )

    assert attributes == file.attributes


def test_new_attributes_hold_for_the_next_search(
    client: openai.OpenAI, store: str, upload: Upload
) -> None:
    """Once attributes are changed, searches filter by them and no longer by the old ones."""
    file = client.vector_stores.files.create_and_poll(
        upload(TIDES), vector_store_id=store, attributes={"year": 1843}
    )
    changed = client.vector_stores.files.update(
        file.id, vector_store_id=store, attributes={"year": 2024}
    )

    def found(year: int) -> list[str]:
        filters: Any = {"type": "eq", "key": "year", "value": year}
        return [
            h.file_id for h in client.vector_stores.search(store, query="tide", filters=filters)
        ]

    assert {"year": 2024} == changed.attributes
    assert ([], [file.id]) == (found(1843), found(2024))


def test_attributes_wait_for_the_ingestion(
    client: openai.OpenAI, tenant: Tenant, store: str
) -> None:
    """Attributes of a file whose work is not done cannot be changed: its index reads them."""
    project = store.removeprefix("vs_")
    tenant.add_text(project, TIDES, not_before="2999-01-01T00:00:00Z")
    (file,) = client.vector_stores.files.list(store)

    assert "in_progress" == file.status
    with pytest.raises(openai.ConflictError):
        client.vector_stores.files.update(file.id, vector_store_id=store, attributes={"a": 1})


def test_same_content_twice_is_one_document(
    client: openai.OpenAI, tenant: Tenant, store: str, upload: Upload
) -> None:
    """Two files of one content are both in the store, as one document."""
    files = [upload(TIDES, "a.txt"), upload(TIDES, "b.txt")]
    for file in files:
        client.vector_stores.files.create_and_poll(file, vector_store_id=store)
    project = store.removeprefix("vs_")
    documents = tenant.http.get(f"/v1/projects/{project}/documents").json()["documents"]

    assert set(files) == {file.id for file in client.vector_stores.files.list(store)}
    assert 1 == len(documents)
    assert 1 == len(client.vector_stores.search(store, query="tide").data)


def test_same_file_twice_is_there_once(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A file that is put into a store again stays as it is, with the attributes given last."""
    file = upload(TIDES)
    for year in (1, 2):
        client.vector_stores.files.create_and_poll(
            file, vector_store_id=store, attributes={"year": year}
        )
    (found,) = client.vector_stores.files.list(store)

    assert ("completed", {"year": 2}) == (found.status, found.attributes)


def test_file_in_two_stores(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A file can be in several stores, with attributes of its own in each."""
    other, file = client.vector_stores.create(name="other").id, upload(TIDES)
    for place in (store, other):
        client.vector_stores.files.create_and_poll(
            file, vector_store_id=place, attributes={"in": place}
        )

    assert {"in": store} == client.vector_stores.files.retrieve(
        file, vector_store_id=store
    ).attributes
    assert {"in": other} == client.vector_stores.files.retrieve(
        file, vector_store_id=other
    ).attributes


def test_file_that_nothing_reads_has_failed(
    client: openai.OpenAI, store: str, upload: Upload
) -> None:
    """A kind of file that no parser reads ends as failed, with their code for it."""
    file = client.vector_stores.files.create_and_poll(
        upload(NOT_READABLE, "odd.bin"), vector_store_id=store, attributes={"odd": True}
    )

    assert file.last_error is not None
    assert ("failed", "unsupported_file") == (file.status, file.last_error.code)
    assert {"odd": True} == file.attributes
    counts = client.vector_stores.retrieve(store).file_counts
    assert (1, 1) == (counts.failed, counts.total)


def test_broken_file_has_failed(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A file whose parser gives up ends as failed, with the reason."""
    file = client.vector_stores.files.create_and_poll(
        upload(b"%PDF-1.7\nnot really", "broken.pdf"), vector_store_id=store
    )

    assert file.last_error is not None
    assert ("failed", "invalid_file") == (file.status, file.last_error.code)
    assert file.last_error.message


def test_list_by_status(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """Only the files of a status are listed, if one is asked for; pages are followed."""
    good = [upload(text, f"{text[:5]}.txt") for text in (TIDES, BREAD, STARS)]
    bad = upload(NOT_READABLE, "odd.bin")
    for file in (*good, bad):
        client.vector_stores.files.create_and_poll(file, vector_store_id=store)

    def listed(status: Any) -> list[str]:
        files = client.vector_stores.files.list(store, filter=status, limit=1, order="asc")
        return [file.id for file in files]

    assert (good, [bad], []) == (listed("completed"), listed("failed"), listed("cancelled"))


def test_content_is_the_text_that_was_read(
    client: openai.OpenAI, store: str, upload: Upload
) -> None:
    """The text of a file comes page by page."""
    file = client.vector_stores.files.create_and_poll(upload(TIDES), vector_store_id=store)
    pages = client.vector_stores.files.content(file.id, vector_store_id=store).data

    assert [("text", TIDES)] == [(page.type, page.text) for page in pages]


def test_removed_file_is_not_found(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A file that is taken out of a store is not searched; the file itself stays."""
    file = client.vector_stores.files.create_and_poll(upload(TIDES), vector_store_id=store)
    deleted = client.vector_stores.files.delete(file.id, vector_store_id=store)

    assert (True, "vector_store.file.deleted") == (deleted.deleted, deleted.object)
    assert [] == client.vector_stores.search(store, query="tide").data
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.retrieve(file.id, vector_store_id=store)
    assert TIDES.encode() == client.files.content(file.id).read()


def test_removed_file_leaves_its_twin(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """The document stays while another file of the store is the same."""
    first, second = upload(TIDES, "a.txt"), upload(TIDES, "b.txt")
    for file in (first, second):
        client.vector_stores.files.create_and_poll(file, vector_store_id=store)
    client.vector_stores.files.delete(first, vector_store_id=store)

    assert [second] == [hit.file_id for hit in client.vector_stores.search(store, query="tide")]


def test_unread_file_can_be_removed(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A file that nothing reads can be taken out too."""
    file = upload(NOT_READABLE, "odd.bin")
    client.vector_stores.files.create_and_poll(file, vector_store_id=store)
    client.vector_stores.files.delete(file, vector_store_id=store)

    assert [] == client.vector_stores.files.list(store).data


def test_deleted_file_leaves_all_stores(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """Deleting a file takes it out of the stores it is in."""
    file = client.vector_stores.files.create_and_poll(upload(TIDES), vector_store_id=store)
    client.files.delete(file.id)

    assert [] == client.vector_stores.files.list(store).data
    assert [] == client.vector_stores.search(store, query="tide").data


def test_file_can_come_back(client: openai.OpenAI, store: str, upload: Upload) -> None:
    """A file that was taken out can be put into the store again."""
    file = upload(TIDES)
    for _ in range(2):
        client.vector_stores.files.create_and_poll(file, vector_store_id=store)
        client.vector_stores.files.delete(file, vector_store_id=store)
    client.vector_stores.files.create_and_poll(file, vector_store_id=store)

    assert [file] == [hit.file_id for hit in client.vector_stores.search(store, query="tide")]


def test_document_that_was_deleted_elsewhere(
    client: openai.OpenAI, server: InProcessServer, tenant: Tenant, store: str, upload: Upload
) -> None:
    """A document that was deleted in our own interface is no file of the store any more."""
    file = client.vector_stores.files.create_and_poll(upload(TIDES), vector_store_id=store)
    project = store.removeprefix("vs_")
    documents = tenant.http.get(f"/v1/projects/{project}/documents").json()["documents"]
    tenant.http.delete(f"/v1/documents/{documents[0]['id']}")

    assert [] == client.vector_stores.files.list(store).data
    database = server.runtime.database
    old = retention.moments(server.runtime.settings, now())
    with database.read() as session:
        due = {rule.what: rule for rule in cleanup.rules(session, old)}["store_files"]
    rules.remove(database, due, note=lambda *_: None)
    with database.read() as session:
        assert session.get(StoreFile, (project, file.id.removeprefix("file-"))) is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"attributes": {"a": ["list"]}}, "attributes.a"),
        ({"attributes": {"a": "x" * 513}}, "attributes.a.text"),
        ({"attributes": {str(n): n for n in range(17)}}, "attributes"),
        ({"chunking_strategy": {"type": "static"}}, "chunking_strategy.type"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_named(
    tenant: Tenant, store: str, upload: Upload, body: dict[str, Any], param: str
) -> None:
    """A parameter that cannot be honoured is refused by its name."""
    body = {"file_id": upload(TIDES), **body}
    answer = tenant.http.post(f"/v1/vector_stores/{store}/files", json=body)

    assert (400, param) == (answer.status_code, answer.json()["error"]["param"])


def test_file_under_a_key_is_added_once(tenant: Tenant, store: str, upload: Upload) -> None:
    """The same request under one idempotency key is answered as the first time."""
    body, headers = {"file_id": upload(TIDES)}, {"Idempotency-Key": "once"}

    def add() -> Any:
        return tenant.http.post(f"/v1/vector_stores/{store}/files", json=body, headers=headers)

    assert add().json() == add().json()
