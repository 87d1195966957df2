"""A server whose files lie in a bucket; in a process of its own, since one engine runs in each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.contract import problem_of
from tests.fakes.s3_server import Bucket, answering
from tests.inprocess import Tenant
from tests.servers import RunningServer

from ragline import bootstrap
from ragline.accounts.service import create_tenant
from ragline.blobs import BlobStore, build_store
from ragline.documents.storing import submit, text_upload
from ragline.errors import TemporaryProviderError
from ragline.jobs.wishes import NO_WISHES
from ragline.models import Document
from ragline.settings import load_settings

TEXT = "The blanket is washed at thirty degrees and dried flat."
HASH = hashlib.sha256(TEXT.encode()).hexdigest()
KEY = "rl_bucket"


@pytest.fixture
def owner(bucket: Bucket, tmp_path: Path) -> Iterator[Tenant]:
    """The first owner of a server over an empty bucket."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        RunningServer(tmp_path, api_key=KEY, files_url=f"s3://{bucket.name}/files") as server,
        httpx2.Client(base_url=server.url, headers=headers, timeout=90) as http,
    ):
        yield Tenant("default", KEY, http)


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


def test_file_that_vanished(owner: Tenant, bucket: Bucket, tmp_path: Path) -> None:
    """An object that somebody removed is told so."""

    document = owner.ingest_text(owner.project(), TEXT)
    _store(bucket, tmp_path).delete(HASH)

    answer = owner.http.get(f"/v1/documents/{document['id']}/file")
    assert "upload the document again" in problem_of(answer, 404, "not-found")["detail"]


def test_bucket_that_is_away(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the bucket is away, an upload is refused for now and nothing of it is kept."""

    url = f"s3://{bucket.name}/files"
    runtime = bootstrap.build(load_settings(_env_file=None, data_dir=tmp_path, files_url=url))
    create_tenant(runtime, "owner")
    upload = text_upload(TEXT, title=None, external_id=None, metadata={})
    with answering(503) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        runtime.blobs = _store(bucket, tmp_path)
        with pytest.raises(TemporaryProviderError):
            submit(runtime, [upload], wishes=NO_WISHES, key=None)
    with runtime.database.read() as session:
        kept = session.query(Document).count()
    runtime.close()

    assert 0 == kept


def _store(bucket: Bucket, tmp_path: Path) -> BlobStore:
    url = f"s3://{bucket.name}/files"
    return build_store(load_settings(_env_file=None, data_dir=tmp_path, files_url=url))
