"""A whole server whose vectors live on a Qdrant server."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from tests.fakes.qdrant_server import FakeQdrant
from tests.inprocess import Tenant
from tests.servers import RunningServer


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeQdrant]:
    fake = FakeQdrant(tmp_path_factory.mktemp("qdrant"), api_key="secret")
    with fake.running():
        yield fake
    fake.close()


@pytest.fixture(scope="module")
def tenant(fake: FakeQdrant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """The owner of a server that keeps its vectors in the fake."""
    settings = {"vector_store": "qdrant", "qdrant_url": fake.url, "qdrant_api_key": "secret"}
    data_dir = tmp_path_factory.mktemp("server")
    with RunningServer(data_dir, compute_workers=1, **settings) as server:
        headers = {"Authorization": f"Bearer {server.api_key}"}
        with httpx2.Client(base_url=server.url, headers=headers, timeout=90, verify=False) as http:
            yield Tenant("", server.api_key, http)


def test_a_document_is_found_and_forgotten(fake: FakeQdrant, tenant: Tenant) -> None:
    """Ingested, searched both ways, deleted: each goes through the server's collection."""
    project = tenant.project()
    document = tenant.ingest_text(project, "The ferrets of Whitby nest beneath the lighthouse.")
    held = [name for name, each in fake.collections.items() if each.points]

    found = tenant.http.post(
        f"/v1/projects/{project}/search", json={"query": "Where do ferrets nest?"}
    )
    removed = tenant.http.delete(f"/v1/documents/{document['id']}")

    assert 200 == removed.status_code
    assert "ragline" in held
    assert document["id"] == found.json()["hits"][0]["document_id"]
    assert 0 == sum(each.points for each in fake.collections.values())
