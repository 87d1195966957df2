"""The file store."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from ragline.blobs import Blob, BlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    """An empty store."""
    store = BlobStore(tmp_path)
    store.prepare()
    return store


def files(folder: Path) -> list[str]:
    """Return the names of all files."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_store(blobs: BlobStore) -> None:
    """A stored file is found by its content's hash."""

    blob = blobs.store(io.BytesIO(b"content"))

    assert Blob(sha256(b"content").hexdigest(), 7) == blob
    assert b"content" == blobs.path(blob.content_hash).read_bytes()


def test_same_content(blobs: BlobStore, tmp_path: Path) -> None:
    """The same content is kept once."""

    first, second = blobs.store(io.BytesIO(b"x")), blobs.store(io.BytesIO(b"x"))

    assert first == second
    assert [first.content_hash] == files(tmp_path)


def test_same_content_at_once(blobs: BlobStore, tmp_path: Path) -> None:
    """The same content may arrive many times at once."""

    with ThreadPoolExecutor(8) as threads:
        stored = set(threads.map(lambda _: blobs.store(io.BytesIO(b"x" * 100_000)), range(16)))

    assert [blob.content_hash for blob in stored] == files(tmp_path)


def test_broken_stream(blobs: BlobStore, tmp_path: Path) -> None:
    """Nothing is left of a stream that breaks."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 0:
                raise OSError("gone")
            return super().read(size)

    with pytest.raises(OSError, match="gone"):
        blobs.store(Broken(b"x" * 3 * 1024**2))

    assert [] == files(tmp_path)


def test_leftovers(blobs: BlobStore, tmp_path: Path) -> None:
    """What an interrupted process was still receiving is dropped at the next start."""

    kept = blobs.store(io.BytesIO(b"kept"))
    (tmp_path / "incoming" / "half").write_bytes(b"ha")
    blobs.prepare()

    assert [kept.content_hash] == files(tmp_path)


def test_delete(blobs: BlobStore, tmp_path: Path) -> None:
    """A file is removed once."""

    blob = blobs.store(io.BytesIO(b"x"))

    assert (True, False) == (blobs.delete(blob.content_hash), blobs.delete(blob.content_hash))
    assert [] == files(tmp_path)
