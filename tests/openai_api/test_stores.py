"""Vector stores through the official client: each is a project."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import openai
import pytest
import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant
from tests.openai_api.conftest import Upload
from tests.openai_api.texts import BREAD, TIDES

from ragline.models import Project, VectorStore, now


def aged(server: InProcessServer, store_id: str, age: timedelta) -> None:
    """Let a store's last use be so long ago."""
    with server.runtime.database.write() as session:
        session.execute(
            sa.update(VectorStore)
            .where(VectorStore.project_id == store_id.removeprefix("vs_"))
            .values(last_active_at=now() - age)
        )


def test_store_is_made_with_its_files(client: openai.OpenAI, upload: Upload) -> None:
    """A store that is made with files ingests them and counts them."""
    files = [upload(TIDES), upload(BREAD, "bread.txt")]
    store = client.vector_stores.create(
        name="library", description="Books.", file_ids=files, metadata={"shelf": "3"}
    )
    assert 2 == store.file_counts.total
    for file in files:
        client.vector_stores.files.poll(file, vector_store_id=store.id)
    found = client.vector_stores.retrieve(store.id)

    assert ("library", {"shelf": "3"}, "completed") == (found.name, found.metadata, found.status)
    assert (2, 2, 0) == (
        found.file_counts.completed,
        found.file_counts.total,
        found.file_counts.in_progress,
    )
    assert len(TIDES) + len(BREAD) == found.usage_bytes


def test_store_is_not_made_without_its_files(client: openai.OpenAI, tenant: Tenant) -> None:
    """Where a file is unknown, no store is left behind."""
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.create(name="library", file_ids=["file-nothing"])

    assert [] == tenant.http.get("/v1/projects").json()["projects"]


def test_store_is_a_project(client: openai.OpenAI, tenant: Tenant) -> None:
    """A project that was made in our own interface is a vector store, its documents are files."""
    project = tenant.project("manuals")
    document = tenant.ingest_text(project, TIDES, title="Tides", metadata={"year": 2024})
    store = client.vector_stores.retrieve(f"vs_{project}")
    (file,) = client.vector_stores.files.list(store.id)

    assert ("manuals", {}, 1) == (store.name, store.metadata, store.file_counts.completed)
    assert (f"file-{document['id']}", {"year": 2024}) == (file.id, file.attributes)
    assert TIDES.encode() == client.files.content(file.id).read()
    hits = client.vector_stores.search(store.id, query="tide").data
    assert [file.id] == [hit.file_id for hit in hits]


def test_stores_may_share_a_name(client: openai.OpenAI) -> None:
    """The second store of a name is told apart by a word behind it; one without is given one."""
    names = [client.vector_stores.create(name="library").name for _ in range(2)]
    unnamed = client.vector_stores.create().name

    assert "library" == names[0]
    assert names[1].startswith("library (")
    assert unnamed.startswith("vector store ")


def test_list_goes_both_ways(client: openai.OpenAI) -> None:
    """The client's iterator finds every store once; `before` is the part in front of one."""
    made = [client.vector_stores.create(name=f"store {number}").id for number in range(5)]
    listed = client.vector_stores.list(limit=2, before=made[1])

    assert made[::-1] == [store.id for store in client.vector_stores.list(limit=2)]
    assert made == [store.id for store in client.vector_stores.list(limit=2, order="asc")]
    assert [made[3], made[2]] == [store.id for store in listed.data]
    assert listed.has_more


def test_change_leaves_what_is_not_given(client: openai.OpenAI) -> None:
    """Name, metadata and expiry change one by one; null takes the expiry away."""
    store = client.vector_stores.create(
        name="library",
        metadata={"shelf": "3"},
        expires_after={"anchor": "last_active_at", "days": 7},
    )
    renamed = client.vector_stores.update(store.id, name="archive")
    changed = client.vector_stores.update(store.id, metadata={"shelf": "4"}, expires_after=None)

    assert ("archive", {"shelf": "3"}) == (renamed.name, renamed.metadata)
    assert renamed.last_active_at is not None
    assert renamed.last_active_at + 7 * 86400 == renamed.expires_at
    assert ("archive", {"shelf": "4"}, None) == (changed.name, changed.metadata, changed.expires_at)


def test_project_of_our_own_can_be_given_metadata(client: openai.OpenAI, tenant: Tenant) -> None:
    """Metadata of OpenAI's interface fit to a project that was made elsewhere."""
    store_id = f"vs_{tenant.project()}"
    client.vector_stores.update(store_id, metadata={"shelf": "3"})

    assert {"shelf": "3"} == client.vector_stores.retrieve(store_id).metadata


def test_expired_store_is_not_used(client: openai.OpenAI, server: InProcessServer) -> None:
    """A store that nobody used for its days says so, until it is given other ones."""
    expiry: Any = {"anchor": "last_active_at", "days": 1}
    store = client.vector_stores.create(name="library", expires_after=expiry)
    aged(server, store.id, timedelta(days=2))

    assert "expired" == client.vector_stores.retrieve(store.id).status
    with pytest.raises(openai.BadRequestError) as caught:
        client.vector_stores.search(store.id, query="tide")
    assert "vector_store_expired" == caught.value.code
    client.vector_stores.update(store.id, expires_after=expiry)
    assert [] == client.vector_stores.search(store.id, query="tide").data


def test_search_is_a_use(client: openai.OpenAI, server: InProcessServer) -> None:
    """A search puts off the expiry."""
    store = client.vector_stores.create(
        name="library", expires_after={"anchor": "last_active_at", "days": 3}
    )
    aged(server, store.id, timedelta(days=2))
    client.vector_stores.search(store.id, query="tide")
    found = client.vector_stores.retrieve(store.id)

    assert found.last_active_at is not None
    assert store.created_at <= found.last_active_at


def test_deleted_store_is_gone_and_its_files_stay(
    client: openai.OpenAI, server: InProcessServer, tenant: Tenant, upload: Upload
) -> None:
    """Deleting a store removes its project; what was uploaded can be used again."""
    file = upload(TIDES)
    store = client.vector_stores.create(name="library", file_ids=[file])
    client.vector_stores.files.poll(file, vector_store_id=store.id)
    deleted = client.vector_stores.delete(store.id)
    job = tenant.http.get("/v1/jobs", params={"kind": "delete"}).json()["jobs"][0]
    tenant.ended(job["id"])

    assert (True, "vector_store.deleted") == (deleted.deleted, deleted.object)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(store.id)
    with server.runtime.database.read() as session:
        assert session.get(Project, store.id.removeprefix("vs_")) is None
    assert TIDES.encode() == client.files.content(file).read()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (
            {"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 800}}},
            "chunking_strategy.type",
        ),
        ({"metadata": {"shelf": 3}}, "metadata.shelf"),
        ({"metadata": {"a" * 65: "x"}}, None),
        ({"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "last_active_at", "days": 0}}, "expires_after.days"),
        ({"name": " "}, "name"),
        ({"file_ids": "file-1"}, "file_ids"),
    ],
)
def test_what_cannot_be_is_named(tenant: Tenant, body: dict[str, Any], param: str | None) -> None:
    """A parameter that cannot be honoured is refused by its name."""
    answer = tenant.http.post("/v1/vector_stores", json=body)

    assert 400 == answer.status_code
    assert answer.json()["error"]["param"] is not None
    assert param in (None, answer.json()["error"]["param"])


def test_store_under_a_key_is_made_once(tenant: Tenant) -> None:
    """The same request under one idempotency key is one store."""

    def make() -> Any:
        headers = {"Idempotency-Key": "once"}
        return tenant.http.post("/v1/vector_stores", json={"name": "library"}, headers=headers)

    assert make().json() == make().json()
    assert 1 == len(tenant.http.get("/v1/projects").json()["projects"])
