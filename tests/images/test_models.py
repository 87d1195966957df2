"""Without a model, with another one than before, with a server as model, and after losses."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests import tiny_clip
from tests.fakes.embeddings_server import DIMENSIONS, FakeEmbeddings
from tests.fakes.openai_server import failure
from tests.images.conftest import Shop
from tests.images.made import photo
from tests.inprocess import Tenant
from tests.servers import RunningServer

from ragline import bootstrap, worker
from ragline.errors import ConfigurationError
from ragline.settings import load_settings


@contextmanager
def opened(data_dir: Path, **settings: Any) -> Iterator[Shop]:
    """Serve a data directory as its first owner, whose shop is the same each time."""
    data_dir.mkdir(exist_ok=True)
    with RunningServer(data_dir, compute_workers=1, **settings) as server:
        headers = {"Authorization": f"Bearer {server.api_key}"}
        with httpx2.Client(base_url=server.url, headers=headers, timeout=90, verify=False) as http:
            tenant = Tenant("", server.api_key, http)
            known = http.get("/v1/projects", params={"name": "shop"}).json()["projects"]
            yield Shop(tenant, known[0]["id"] if known else tenant.project("shop"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights that the shop was filled with."""
    return tiny_clip.write(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """The data directory of a shop with two products."""
    data_dir = tmp_path_factory.mktemp("filled") / "data"
    with opened(data_dir, image_embedder="clip", clip_path=clip) as shop:
        shop.index("hat", photo("green"), name="Green hat")
        shop.index("dress", photo("red"), name="Red dress")
    return data_dir


@pytest.fixture
def data_dir(filled: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(filled, tmp_path / "data"))


GREEN = base64.b64encode(photo("green")).decode()


def test_without_a_model(data_dir: Path) -> None:
    """Pictures are refused with how to get weights; products are found by their words."""
    with opened(data_dir) as shop:
        refused = shop.send("p", photo(), name="Trousers")
        assert (409, "/problems/image-model-missing") == (
            refused.status_code,
            refused.json()["type"],
        )
        assert "optimum-cli export onnx" in refused.json()["detail"]
        by_picture = shop.tenant.http.post(f"{shop.path}/search", json={"image": GREEN})
        assert 409 == by_picture.status_code
        hits = shop.search(query="hat")
        assert ("hat", None) == (hits[0]["product_id"], hits[0]["scores"]["image"])
        only_pictures = {"query": "hat", "weights": {"image": 1}}
        assert 422 == shop.tenant.http.post(f"{shop.path}/search", json=only_pictures).status_code
        # What the index of an earlier model holds goes with the product all the same.
        assert 2 == shop.delete("hat").json()["removed"]["vectors"]


def test_the_index_is_filled_again_at_the_start(data_dir: Path, clip: Path) -> None:
    """Lost indexes are built from stored vectors."""
    lost = [*data_dir.glob("index-images_*"), *data_dir.glob("index-products_*")]
    assert 2 == len(lost)
    for folder in lost:
        shutil.rmtree(folder)

    with opened(data_dir, image_embedder="clip", clip_path=clip) as shop:
        assert "hat" == shop.search(image=GREEN)[0]["product_id"]
        assert "dress" == shop.search(query="dress", weights={"keywords": 1})[0]["product_id"]
        assert 2 == shop.delete("hat").json()["removed"]["vectors"]


def test_another_model_never_meets_the_vectors_of_the_first(data_dir: Path, tmp_path: Path) -> None:
    """With other weights of the same dimensions, products wait to be sent again."""
    other = tiny_clip.write(tmp_path / "other", seed=1)

    with opened(data_dir, image_embedder="clip", clip_path=other) as shop:
        assert [] == shop.search(image=GREEN)
        assert "hat" == shop.search(query="hat")[0]["product_id"]
        shop.index("hat", None, name="Hat")
        assert ["hat"] == [hit["product_id"] for hit in shop.search(image=GREEN)]
        # The first model's vector went when the new version was published.
        assert 2 == shop.delete("hat").json()["removed"]["vectors"]


def test_a_server_as_model(tmp_path: Path) -> None:
    """Pictures go to the server one by one, again after failures, never twice; each is paid."""
    with FakeEmbeddings().running() as fake:
        assert isinstance(fake, FakeEmbeddings)
        remote = {
            "image_embedder": "openai",
            "image_openai_base_url": fake.url,
            "image_openai_model": "clip",
            "image_openai_dimensions": DIMENSIONS,
            "provider_limits": json.dumps({"image_openai": {"concurrent": 1}}),
            "token_prices": json.dumps({"clip": {"prompt": 1000.0, "completion": 0.0}}),
        }
        fake.replies = [failure(429, retry_after="0"), failure(500)]
        with opened(tmp_path / "data", **remote) as shop:
            first = shop.index("hat", photo("green"), name="Green hat")
            shop.index("dress", photo("red"), name="Red dress")
            words = shop.index("hat", None, name="Hat")
            shop.index("again", photo("red"), name="The same picture")

            assert (4, 1) == (len(fake.requests), fake.most_at_once)
            # The fake counts a token for a picture.
            assert [(1, 0.001), (0, 0.0)] == [
                (job["tokens"], job["cost"]) for job in (first, words)
            ]
            hits = shop.search(query="green", weights={"image": 1})
            assert "hat" == hits[0]["product_id"]
            fake.replies = [failure(503)]
            failed = shop.tenant.http.post(f"{shop.path}/search", json={"query": "blue"})
            assert (503, True) == (failed.status_code, failed.json()["retryable"])
            fake.replies = [failure(401)]
            job = shop.send("p", photo("blue"), name="Trousers").json()["job"]
            ended = shop.tenant.ended(job["id"])
            assert "RAGLINE_IMAGE_OPENAI_API_KEY" in ended["error"]["detail"]


@pytest.mark.parametrize(
    "settings",
    [
        {"image_embedder": "clip"},
        {"image_embedder": "clip", "clip_path": "/nowhere"},
        {"image_embedder": "openai"},
        {"image_embedder": "no such thing"},
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, settings: dict[str, Any]) -> None:
    """A worker does not begin with a model that it cannot load, and says why."""
    runtime = bootstrap.build(load_settings(_env_file=None, data_dir=tmp_path, **settings))
    try:
        with pytest.raises(ConfigurationError, match=r"RAGLINE_|no image embedder"):
            worker.start(runtime)
    finally:
        runtime.close()
