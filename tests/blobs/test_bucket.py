"""Stored files in a bucket."""

from __future__ import annotations

import io
import socket
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from tests.fakes.s3_server import Bucket, answering

from ragline.blobs import BlobStore, build_store
from ragline.errors import (
    ConfigurationError,
    PermanentProviderError,
    RaglineError,
    TemporaryProviderError,
)
from ragline.settings import load_settings

HASH = sha256(b"x").hexdigest()


def store_at(url: str, tmp_path: Path) -> BlobStore:
    """Build a store over a bucket."""
    return build_store(load_settings(_env_file=None, data_dir=tmp_path, files_url=url))


@pytest.fixture
def blobs(bucket: Bucket, tmp_path: Path) -> BlobStore:
    """An empty store."""
    store = store_at(f"s3://{bucket.name}/some/prefix", tmp_path)
    store.prepare()
    return store


def test_layout(blobs: BlobStore, bucket: Bucket) -> None:
    """Objects bear the names that files have in a folder, so that one can become the other."""

    blobs.store(io.BytesIO(b"x"))

    assert [f"some/prefix/{HASH[:2]}/{HASH}"] == bucket.keys()


@pytest.mark.parametrize("ending", ["", "/"])
def test_without_a_prefix(bucket: Bucket, tmp_path: Path, ending: str) -> None:
    """A whole bucket can be used too."""

    blobs = store_at(f"s3://{bucket.name}{ending}", tmp_path)
    blobs.prepare()
    blobs.store(io.BytesIO(b"x"))

    assert [f"{HASH[:2]}/{HASH}"] == bucket.keys()
    assert [HASH] == list(blobs.hashes(older_than=datetime.now(UTC) + timedelta(days=1)))


def test_foreign_objects(blobs: BlobStore, bucket: Bucket) -> None:
    """What lies in the bucket without being a stored file is never listed."""

    for key in (f"{HASH[:2]}/{HASH}", "some/prefix/notes", f"some/prefix/zz/{HASH}"):
        bucket.put(key, b"foreign")

    assert [] == list(blobs.hashes(older_than=datetime.now(UTC) + timedelta(days=1)))


def test_two_machines(bucket: Bucket, tmp_path: Path) -> None:
    """What one machine stored, another reads."""

    url = f"s3://{bucket.name}/files"
    one, other = (store_at(url, tmp_path / name) for name in ("one", "other"))
    other.prepare()
    one.store(io.BytesIO(b"x"))

    with other.local(HASH) as path:
        assert (b"x", True) == (path.read_bytes(), path.is_relative_to(tmp_path / "other"))


def test_deleted_with_its_copy(blobs: BlobStore, tmp_path: Path) -> None:
    """A deletion takes the copy on this machine with it."""

    blobs.store(io.BytesIO(b"x"))
    with blobs.local(HASH) as path:
        copy = path
    blobs.delete(HASH)

    assert not copy.exists()


def test_damaged_object(blobs: BlobStore, bucket: Bucket) -> None:
    """A damaged object is told so, and the same content again mends it."""

    bucket.put(f"some/prefix/{HASH[:2]}/{HASH}", b"y")

    with pytest.raises(PermanentProviderError, match="damaged"), blobs.local(HASH):
        pass
    blobs.store(io.BytesIO(b"x"))
    with blobs.local(HASH) as path:
        assert b"x" == path.read_bytes()


def test_interrupted_upload_in_parts(blobs: BlobStore, bucket: Bucket) -> None:
    """A stream that breaks leaves neither an object nor parts of one."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 20 * 1024**2:
                raise ConnectionError("cut")
            return super().read(size)

    with pytest.raises(ConnectionError):
        blobs.store(Broken(b"x" * 24 * 1024**2))

    assert ([], 0) == (bucket.keys(), bucket.unfinished())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, TemporaryProviderError),
        (503, TemporaryProviderError),
        (429, TemporaryProviderError),
        (403, PermanentProviderError),
        (401, PermanentProviderError),
        (400, PermanentProviderError),
    ],
)
@pytest.mark.parametrize("what", ["exists", "delete", "open", "local", "store", "hashes"])
@pytest.mark.usefixtures("bucket")
def test_errors(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    error: type[RaglineError],
    what: str,
) -> None:
    """Trouble that passes is worth a retry, a refusal is not; neither shows what S3 said."""

    with answering(status) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        blobs = store_at("s3://bucket", tmp_path)
        calls = {
            "store": lambda: blobs.store(io.BytesIO(b"x")),
            "hashes": lambda: list(blobs.hashes(older_than=datetime.now(UTC))),
            "local": lambda: blobs.local(HASH).__enter__(),
        }
        with pytest.raises(error) as raised:
            calls[what]() if what in calls else getattr(blobs, what)(HASH)

    assert endpoint not in raised.value.message


@pytest.mark.usefixtures("bucket")
def test_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody answers, an upload is worth a retry, and a start is not."""

    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    blobs = store_at("s3://bucket", tmp_path)

    with pytest.raises(TemporaryProviderError):
        blobs.store(io.BytesIO(b"x"))
    with pytest.raises(ConfigurationError, match=r"RAGLINE_FILES_URL.*cannot be reached"):
        blobs.prepare()


@pytest.mark.usefixtures("bucket")
def test_no_bucket(tmp_path: Path) -> None:
    """Nothing is stored where there is no bucket."""

    gone = store_at("s3://there-is-no-such-bucket", tmp_path)

    with pytest.raises(PermanentProviderError):
        gone.store(io.BytesIO(b"x"))


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "NoSuchBucket", "does not exist: create it"),
        (403, "InvalidAccessKeyId", "refuses the credentials: check AWS_ACCESS_KEY_ID"),
        (403, "AccessDenied", "refuses the credentials: check AWS_ACCESS_KEY_ID"),
        (301, "PermanentRedirect", "another region: set AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", "check AWS_ENDPOINT_URL and AWS_REGION"),
        (503, "SlowDown", "cannot be reached"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_start_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str, sentence: str
) -> None:
    """A bucket that cannot be used stops the start with what to change."""

    with answering(status, code) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(ConfigurationError) as raised:
            store_at("s3://bucket", tmp_path).prepare()

    assert "RAGLINE_FILES_URL" in raised.value.message
    assert sentence in raised.value.message
