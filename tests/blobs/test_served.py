"""A server whose files lie in a bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract import problem_of
from tests.fakes.s3_server import Bucket, answering
from tests.inprocess import InProcessServer, Tenant, serving

from ragline.blobs import BlobStore, build_store
from ragline.settings import load_settings

TEXT = "The blanket is washed at thirty degrees and dried flat."
HASH = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
def served(bucket: Bucket, tmp_path: Path) -> Iterator[InProcessServer]:
    """A server over an empty bucket."""
    url = f"s3://{bucket.name}/files"
    with serving(tmp_path, files_url=url, idle_poll_seconds=0.2) as running:
        yield running


@pytest.fixture
def owner(served: InProcessServer) -> Iterator[Tenant]:
    """An owner who has nothing yet."""
    with served.tenant() as fresh:
        yield fresh


def test_a_documents_way(owner: Tenant, bucket: Bucket, tmp_path: Path) -> None:
    """A document is ingested from the bucket, comes back from it and leaves it."""

    document = owner.ingest_text(owner.project(), TEXT)
    file = owner.http.get(f"/v1/documents/{document['id']}/file")
    keys = bucket.keys()
    receipt = owner.http.delete(f"/v1/documents/{document['id']}").json()["removed"]

    assert [f"files/{HASH[:2]}/{HASH}"] == keys
    assert TEXT == file.text
    assert str(len(TEXT)) == file.headers["content-length"]
    assert file.headers["content-disposition"].startswith("attachment")
    assert "nosniff" == file.headers["x-content-type-options"]
    assert 1 == receipt["files"]
    assert [] == bucket.keys()
    assert [] == [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_large_file(owner: Tenant) -> None:
    """A file of several pieces comes back whole."""

    content = b"".join(b"line %d of many\n" % number for number in range(600_000))
    answer = owner.upload(owner.project(), ("many.txt", content))
    document = answer.json()["documents"][0]["id"]

    assert content == owner.http.get(f"/v1/documents/{document}/file").content


def test_file_that_vanished(served: InProcessServer, owner: Tenant) -> None:
    """An object that somebody removed is told so."""

    document = owner.ingest_text(owner.project(), TEXT)
    served.runtime.blobs.delete(HASH)

    answer = owner.http.get(f"/v1/documents/{document['id']}/file")
    assert "upload the document again" in problem_of(answer, 404, "not-found")["detail"]


def test_bucket_that_is_away(
    served: InProcessServer, owner: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the bucket is away, an upload is refused for now and nothing of it is kept."""

    project = owner.project()
    with answering(503) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        there, served.runtime.blobs = served.runtime.blobs, _store(served, tmp_path)
        answer = owner.add_text(project, TEXT)
        served.runtime.blobs = there

    assert problem_of(answer, 503, "provider-unavailable")["retryable"]
    assert [] == owner.http.get(f"/v1/projects/{project}/documents").json()["documents"]
    assert "completed" == owner.ended(owner.add_text(project, TEXT).json()["job"]["id"])["status"]


def _store(served: InProcessServer, tmp_path: Path) -> BlobStore:
    url = served.runtime.settings.files_url
    return build_store(load_settings(_env_file=None, data_dir=tmp_path, files_url=url))
