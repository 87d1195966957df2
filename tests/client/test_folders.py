"""Which files are meant by a path."""

from __future__ import annotations

import os
from pathlib import Path

from ragline import files_in


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_folders_are_read_with_all_below_them(tmp_path: Path) -> None:
    """Files come in the order of names, those of a folder before those of its subfolders."""
    make(tmp_path, "b.txt", "a.txt", "z/c.txt", "d/e/f.txt")

    found = [str(path.relative_to(tmp_path)) for path in files_in([tmp_path])]

    assert ["a.txt", "b.txt", "d/e/f.txt", "z/c.txt"] == found


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    """What begins with a dot inside a folder is not meant."""
    make(tmp_path, "seen.txt", ".hidden", ".git/config")

    assert [tmp_path / "seen.txt"] == files_in([tmp_path])


def test_a_hidden_file_that_is_named_is_taken(tmp_path: Path) -> None:
    """Who names a hidden file means it."""
    make(tmp_path, ".hidden")

    assert [tmp_path / ".hidden"] == files_in([tmp_path / ".hidden"])


def test_a_file_that_is_named_twice_is_taken_once(tmp_path: Path) -> None:
    """A file and its folder lead to one upload of it."""
    make(tmp_path, "a.txt")

    assert [tmp_path / "a.txt"] == files_in([tmp_path / "a.txt", tmp_path])


def test_pipes_are_skipped(tmp_path: Path) -> None:
    """A pipe in a folder is not waited for."""
    os.mkfifo(tmp_path / "pipe")

    assert [] == files_in([tmp_path])


def test_links_in_circles_end(tmp_path: Path) -> None:
    """A link to the folder above is not followed."""
    make(tmp_path, "sub/a.txt")
    (tmp_path / "sub/up").symlink_to(tmp_path)

    assert [tmp_path / "sub/a.txt"] == files_in([tmp_path])
