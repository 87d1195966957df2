"""How well local OCR reads a real page whose text is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from benchmarks.ocr import character_error, distance, transcribed

from ragline.errors import ConfigurationError
from ragline.providers import registry, tasks
from ragline.settings import Settings


@pytest.mark.parametrize(
    ("first", "second", "edits"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("été", "ete", 2)],
)
def test_distance(first: str, second: str, edits: int) -> None:
    """The distance of two texts is the fewest insertions, deletions and replacements."""
    assert edits == distance(first, second) == distance(second, first)


def test_error() -> None:
    """White space, composed accents and marks of the transcription make no error."""
    assert 0 == character_error("un été\n chaud ", "un e\u0301te\u0301 _chaud~~~")
    assert 0.25 == character_error("abc", "abcd")


@pytest.mark.data
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_typed_page(test_data: Path) -> None:
    """A typed French page is read with few errors, its accents included."""
    path, truth = next(transcribed(test_data / "ocr_truth", "fr_typed"))
    try:
        (engine,) = registry.ocr_engines(Settings(_env_file=None, ocr="tesseract"))
    except ConfigurationError as error:
        pytest.skip(error.message)
    page = tasks.read_page_here(engine, path, "application/pdf", 1, 200, 40_000_000)

    assert page is not None
    assert character_error(page.text, truth) < 0.06
