"""Files in bounded batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragline.client import batches
from ragline.client.uploads import opened
from ragline.errors import InvalidInput


def make(folder: Path, *sizes: int) -> list[Path]:
    paths = [folder / f"{number}.txt" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(b"x" * size)
    return paths


def test_batches_are_bounded_in_count(tmp_path: Path) -> None:
    """No batch holds more files than allowed, and none is lost."""
    paths = make(tmp_path, 1, 1, 1, 1, 1)

    assert [paths[:2], paths[2:4], paths[4:]] == list(batches(paths, most_files=2))


def test_batches_are_bounded_in_bytes(tmp_path: Path) -> None:
    """Files that would pass the bound together go in two batches."""
    paths = make(tmp_path, 6, 4, 1)

    assert [paths[:2], paths[2:]] == list(batches(paths, most_bytes=10))


def test_a_file_above_the_bound_goes_alone(tmp_path: Path) -> None:
    """The bound never keeps a file back: the server decides what is too large."""
    paths = make(tmp_path, 1, 99, 1)

    assert [[path] for path in paths] == list(batches(paths, most_bytes=10))


def test_no_files_make_no_batch() -> None:
    """Nothing is sent where there is nothing to send."""
    assert [] == list(batches([]))


def test_bytes_are_told_as_they_are_read(tmp_path: Path) -> None:
    """A progress bar can follow the bytes of a file."""
    told: list[int] = []

    with opened(make(tmp_path, 10), told.append) as [(_, file)]:
        while file.read(4):
            pass

    assert [4, 4, 2, 0] == told


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A file that went away is told by its path."""
    with (
        pytest.raises(InvalidInput, match=r"gone\.txt cannot be read: No such file"),
        opened([tmp_path / "gone.txt"], None),
    ):
        pass


def test_a_name_that_is_no_text_can_be_sent(tmp_path: Path) -> None:
    """Bytes of a foreign encoding in a name are replaced."""
    path = tmp_path / b"caf\xe9.txt".decode(errors="surrogateescape")
    path.write_text("coffee")

    with opened([path], None) as [(name, _)]:
        assert "caf?.txt" == name
