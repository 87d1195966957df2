"""A product survives the death of its server at every step, and its picture is paid for once."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
from tests.fakes.embeddings_server import DIMENSIONS, FakeEmbeddings
from tests.images.conftest import Shop
from tests.images.made import photo
from tests.inprocess import Tenant
from tests.servers import RunningServer

POINTS = ("image.stored", "image.indexed", "image.publishing")
DEATH_SECONDS = 90


def shop_of(server: RunningServer, http: httpx2.Client, project: str | None = None) -> Shop:
    tenant = Tenant("", server.api_key, http)
    return Shop(tenant, project or tenant.project("shop"))


def connected(server: RunningServer) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    return httpx2.Client(base_url=server.url, headers=headers, timeout=90, verify=False)


def wait_for_death(server: RunningServer) -> None:
    deadline = time.monotonic() + DEATH_SECONDS
    while not server.has_ended:
        assert time.monotonic() < deadline, "it did not reach the point"
        time.sleep(0.05)
    server.stop()


def test_killed_at_each_step(tmp_path: Path) -> None:
    """Whatever was done is found by the next start; nothing is asked of the model twice."""
    with FakeEmbeddings().running() as fake:
        assert isinstance(fake, FakeEmbeddings)
        remote = {
            "image_embedder": "openai",
            "image_openai_base_url": fake.url,
            "image_openai_model": "clip",
            "image_openai_dimensions": DIMENSIONS,
            "compute_workers": 1,
        }
        server = RunningServer(tmp_path / "data", **remote)
        server.settings["failpoints"] = f"{POINTS[0]}=kill"
        server.start()
        with connected(server) as http:
            shop = shop_of(server, http)
            job = shop.send("p", photo("green"), name="Hat").json()["job"]["id"]
        wait_for_death(server)
        for point in POINTS[1:]:
            server.settings["failpoints"] = f"{point}=kill"
            # It may die again before it says that it is ready.
            server.begin()
            wait_for_death(server)
        del server.settings["failpoints"]
        with server, connected(server) as http:
            shop = shop_of(server, http, shop.project)

            assert "completed" == shop.tenant.ended(job)["status"]
            assert 1 == len(fake.requests)
            assert ["p"] == [hit["product_id"] for hit in shop.search(query="hat")]
            receipt = shop.delete("p").json()
            assert (1, 2) == (receipt["removed"]["versions"], receipt["removed"]["vectors"])
            assert {"rows": 0, "files": 0, "vectors": 0} == receipt["remaining"]
