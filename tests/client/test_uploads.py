"""Files in bounded batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragline.client import NamedContent, UnreadablePath, batches
from ragline.client.uploads import Form, Sent, opened


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


def test_bytes_are_counted_as_they_are_read(tmp_path: Path) -> None:
    """A progress bar can follow the bytes of a file."""
    told: list[int] = []
    form = Form({}, make(tmp_path, 10), Sent(told.append))

    with opened(form) as [(_, file)]:
        while file.read(4):
            form.sent.tell()

    assert [4, 4, 2] == told


def test_bytes_that_have_to_be_sent_again_are_taken_back(tmp_path: Path) -> None:
    """The bytes told add up to those of the files, however many tries it took."""
    told: list[int] = []
    form = Form({}, [*make(tmp_path, 10), NamedContent("five.txt", b"12345")], Sent(told.append))

    for _ in range(3):
        with opened(form) as files:
            for _, file in files:
                file.read()
                form.sent.tell()

    assert [10, 5, -15, 10, 5, -15, 10, 5] == told


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A file that went away is told by its path."""
    with (
        pytest.raises(UnreadablePath, match=r"gone\.txt cannot be read: No such file"),
        opened(Form({}, [tmp_path / "gone.txt"])),
    ):
        pass


def test_a_name_that_is_no_text_can_be_sent(tmp_path: Path) -> None:
    """Bytes of a foreign encoding in a name are replaced."""
    path = tmp_path / b"caf\xe9.txt".decode(errors="surrogateescape")
    path.write_text("coffee")

    with opened(Form({}, [path])) as [(name, _)]:
        assert "caf?.txt" == name
