"""A bucket of its own for each test, and a store of each kind."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.s3_server import Bucket, object_server

from ragline.blobs import BlobStore, build_store
from ragline.settings import Settings, load_settings


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """A server that speaks the protocol of S3."""
    with object_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket that the environment leads to."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return Bucket(endpoint, f"b{uuid.uuid4().hex}").make()


@pytest.fixture(params=["folder", "bucket"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings that name an empty store of each kind."""
    folder = tmp_path / "shared"
    folder.mkdir()
    url = folder.as_uri()
    if request.param == "bucket":
        url = f"s3://{request.getfixturevalue('bucket').name}/some/prefix"
    return load_settings(_env_file=None, data_dir=tmp_path / "data", files_url=url)


@pytest.fixture
def blobs(settings: Settings) -> BlobStore:
    """An empty store of each kind."""
    store = build_store(settings)
    store.prepare()
    return store
