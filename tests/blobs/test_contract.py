"""What holds for every file store."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ragline.blobs import Blob, BlobStore
from ragline.errors import InvalidInput, NotFound
from ragline.settings import Settings

MIB = 1024**2
UNKNOWN = sha256(b"nobody stored this").hexdigest()
HOSTILE = {
    "empty": "",
    "way up": "../../../../etc/passwd",
    "absolute": "/etc/passwd",
    "upper case": UNKNOWN.upper(),
    "line end": UNKNOWN + "\n",
    "NUL": UNKNOWN[:-1] + "\0",
    "other digits": "\u0664" * 64,
    "way up of the right length": "../" + UNKNOWN[:61],
    "incoming": "incoming",
}

STORE_MUCH = """
import hashlib, io, resource, sys
from ragline.blobs import build_store
from ragline.settings import load_settings

class Generated(io.RawIOBase):
    count = 0
    def read(self, size=-1):
        self.count += 1
        return self.count.to_bytes(4, "big") * 2**18 if self.count <= 200 else b""

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

store = build_store(load_settings(_env_file=None, data_dir=sys.argv[1], files_url=sys.argv[2]))
store.prepare()
store.delete(store.store(io.BytesIO(b"first use")).content_hash)
before = peak()
blob = store.store(Generated())
assert blob.size == 200 * 2**20
print(blob.content_hash, peak() - before)
"""
"""Run by a process of its own: what a server of this process holds does not count."""


class Generated(io.RawIOBase):
    """A stream that is made as it is read, and can be read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int = -1) -> bytes:
        return next(self._pieces, b"")


def content_of(blobs: BlobStore, content_hash: str) -> bytes:
    """Return what the store gives for a download."""
    opened = blobs.open(content_hash)
    return opened.read_bytes() if isinstance(opened, Path) else b"".join(opened.pieces)


def stored(blobs: BlobStore) -> list[str]:
    """Return the hashes of all stored files."""
    return sorted(blobs.hashes(older_than=datetime.now(UTC) + timedelta(days=1)))


def test_store(blobs: BlobStore) -> None:
    """A stored file is named by the hash of its content."""

    blob = blobs.store(io.BytesIO(b"content"))

    assert Blob(sha256(b"content").hexdigest(), 7) == blob
    assert blobs.exists(blob.content_hash)
    assert b"content" == content_of(blobs, blob.content_hash)


@pytest.mark.parametrize("size", [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 17 * MIB])
def test_sizes(blobs: BlobStore, size: int) -> None:
    """Content of any size comes back byte for byte, on both ways of reading."""

    content = (sha256(b"seed").digest() * (size // 32 + 1))[:size]
    blob = blobs.store(io.BytesIO(content))

    assert size == blob.size
    assert content == content_of(blobs, blob.content_hash)
    with blobs.local(blob.content_hash) as path:
        assert content == path.read_bytes()


def test_from_where_the_stream_stands(blobs: BlobStore) -> None:
    """What was read of a stream before is no part of the file."""

    source = io.BytesIO(b"head and rest")
    source.seek(9)

    assert sha256(b"rest").hexdigest() == blobs.store(source).content_hash


def test_same_content(blobs: BlobStore) -> None:
    """The same content is kept once."""

    first, second = blobs.store(io.BytesIO(b"x")), blobs.store(io.BytesIO(b"x"))

    assert first == second
    assert [first.content_hash] == stored(blobs)


def test_same_content_at_once(blobs: BlobStore) -> None:
    """The same content may arrive many times at once."""

    content = b"x" * 100_000
    with ThreadPoolExecutor(8) as threads:
        kept = set(threads.map(lambda _: blobs.store(io.BytesIO(content)), range(16)))

    assert [blob.content_hash for blob in kept] == stored(blobs)
    assert content == content_of(blobs, stored(blobs)[0])


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EIO])
def test_interrupted(blobs: BlobStore, reason: int) -> None:
    """Nothing is stored of a stream that breaks, and its error comes through as it is."""

    def broken() -> Iterator[bytes]:
        yield from [b"x" * MIB] * 20
        raise OSError(reason, "broken")

    with pytest.raises(OSError, match="broken") as raised:
        blobs.store(Generated(broken()))

    assert reason == raised.value.errno
    assert [] == stored(blobs)


def test_memory(blobs: BlobStore, settings: Settings) -> None:
    """A process that stores a stream of 200 MB grows by some pieces only."""

    command = [sys.executable, "-c", STORE_MUCH, str(settings.data_dir), str(settings.files_url)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    content_hash, grown = done.stdout.split()

    assert [content_hash] == stored(blobs)
    assert int(grown) < 100 * MIB


def test_delete(blobs: BlobStore) -> None:
    """A file is removed once."""

    blob = blobs.store(io.BytesIO(b"x"))

    assert (True, False) == (blobs.delete(blob.content_hash), blobs.delete(blob.content_hash))
    assert not blobs.exists(blob.content_hash)
    assert [] == stored(blobs)


def test_missing(blobs: BlobStore) -> None:
    """A file that is gone is told so, with what to do."""

    assert not blobs.exists(UNKNOWN)
    with pytest.raises(NotFound, match="upload the document again"):
        blobs.open(UNKNOWN)
    with pytest.raises(NotFound, match="upload the document again"), blobs.local(UNKNOWN):
        pass


def test_local_at_once(blobs: BlobStore) -> None:
    """Many may use a file on this machine at the same time."""

    content = b"y" * 3 * MIB
    content_hash = blobs.store(io.BytesIO(content)).content_hash

    def read(_number: int) -> bytes:
        with blobs.local(content_hash) as path:
            return path.read_bytes()

    with ThreadPoolExecutor(8) as threads:
        assert {content} == set(threads.map(read, range(16)))


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_hashes(blobs: BlobStore, hostile: str) -> None:
    """What is no hash never becomes part of a path."""
    with pytest.raises(InvalidInput):
        blobs.exists(hostile)
    with pytest.raises(InvalidInput):
        blobs.delete(hostile)
    with pytest.raises(InvalidInput):
        blobs.open(hostile)
    with pytest.raises(InvalidInput), blobs.local(hostile):
        pass


def test_hashes_by_age(blobs: BlobStore) -> None:
    """Files are listed that were stored before a moment."""

    blob = blobs.store(io.BytesIO(b"x"))
    now = datetime.now(UTC)

    assert [] == list(blobs.hashes(older_than=now - timedelta(hours=1)))
    assert [blob.content_hash] == list(blobs.hashes(older_than=now + timedelta(hours=1)))


def test_prepared_again(blobs: BlobStore) -> None:
    """A process that starts takes nothing away from one that works."""

    blob = blobs.store(io.BytesIO(b"kept"))
    with blobs.local(blob.content_hash) as path:
        blobs.prepare()
        assert b"kept" == path.read_bytes()
    assert [blob.content_hash] == stored(blobs)
