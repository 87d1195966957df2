"""Stored files in a folder."""

from __future__ import annotations

import io
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ragline.blobs.folder import FolderStore
from ragline.errors import ConfigurationError, TemporaryProviderError


@pytest.fixture
def blobs(tmp_path: Path) -> FolderStore:
    """An empty store."""
    store = FolderStore(tmp_path)
    store.prepare()
    return store


def files(folder: Path) -> list[str]:
    """Return the names of all files."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_broken_stream(blobs: FolderStore, tmp_path: Path) -> None:
    """Nothing is left of a stream that breaks."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 0:
                raise OSError("gone")
            return super().read(size)

    with pytest.raises(OSError, match="gone"):
        blobs.store(Broken(b"x" * 3 * 1024**2))

    assert [] == files(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_full_disk(blobs: FolderStore, tmp_path: Path) -> None:
    """A full disk comes through as what it is, and no part of the file stays."""

    class OntoFullDisk(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            with Path("/dev/full").open("wb", buffering=0) as full:
                full.write(b"x")
            return super().read(size)

    with pytest.raises(OSError, match="No space left"):
        blobs.store(OntoFullDisk(b"x"))

    assert [] == files(tmp_path)


def test_leftovers(blobs: FolderStore, tmp_path: Path) -> None:
    """What a dead process was receiving goes after a day; what another receives now stays."""

    kept = blobs.store(io.BytesIO(b"kept"))
    for name, hours in {"dead": 25, "alive": 23}.items():
        (tmp_path / "incoming" / name).write_bytes(b"ha")
        then = time.time() - hours * 3600
        os.utime(tmp_path / "incoming" / name, (then, then))
    blobs.prepare()

    assert sorted([kept.content_hash, "alive"]) == files(tmp_path)


def test_the_same_file_stays_in_place(blobs: FolderStore) -> None:
    """The same content again does not replace a file that others may be reading."""

    path = blobs.open(blobs.store(io.BytesIO(b"x")).content_hash)
    before = path.stat().st_ino
    blobs.store(io.BytesIO(b"x"))

    assert before == path.stat().st_ino


def test_a_cut_file_is_mended(blobs: FolderStore) -> None:
    """The same content again replaces a file that lost some of it."""

    path = blobs.open(blobs.store(io.BytesIO(b"content")).content_hash)
    path.write_bytes(b"con")
    blobs.store(io.BytesIO(b"content"))

    assert b"content" == path.read_bytes()


def test_a_share_that_is_away(blobs: FolderStore, tmp_path: Path) -> None:
    """While a share is not mounted, nothing counts as gone and nothing is stored beside it."""

    content_hash = blobs.store(io.BytesIO(b"x")).content_hash
    for entry in tmp_path.iterdir():
        shutil.rmtree(entry)

    for call in (blobs.exists, blobs.delete, blobs.open):
        with pytest.raises(TemporaryProviderError):
            call(content_hash)
    with pytest.raises(TemporaryProviderError):
        blobs.store(io.BytesIO(b"x"))
    assert [] == files(tmp_path)


def test_foreign_files(blobs: FolderStore, tmp_path: Path) -> None:
    """What lies in the folder without being a stored file is never listed."""

    for name in ("notes.txt", f"ab/{'cd' * 32}", "ab/.hidden", "incoming/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"foreign")

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert [] == list(blobs.hashes(older_than=tomorrow))


def test_no_folder(tmp_path: Path) -> None:
    """A folder that cannot be made stops the start, and the setting is named."""

    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigurationError, match="RAGLINE_FILES_URL"):
        FolderStore(tmp_path / "file" / "files").prepare()
