"""Reads pages with the program Tesseract, a process of its own for each try."""

from __future__ import annotations

import functools
import io
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import PagePicture, PageReading
from ragline.providers.ocr.layout import Box, Word, text_of
from ragline.providers.ocr.preparing import (
    FEW_CHARACTERS,
    contrasted,
    decoded,
    evened,
    is_empty,
    is_sideways,
    read_upright,
    scaled,
    score,
)
from ragline.providers.ocr.subprocesses import run
from ragline.settings import Settings

PROGRAM = "tesseract"
PARTS = "1"
"""Counts up when the same picture would give another text for our own part's sake."""
INSTALL = "apt-get install tesseract-ocr tesseract-ocr-fra (or brew install tesseract-lang)"
LOOK_SECONDS = 20
SMALLER = 0.75
DOUBT = 0.5
# Up to which confidence another copy is read, its size, and whether faint letters are made dark.
FURTHER_COPIES = ((0.85, 1.0, False), (0.8, SMALLER, True), (0.8, 1.5, False))
# Signs without a letter that are read with less confidence than this are specks of dirt.
SURE_OF_SIGNS = 0.65
_VERSION = re.compile(r"tesseract\s+v?(\S+)")
_WORD_LEVEL = "5"
_LONGEST_REASON = 200


class TesseractOCR:
    """Finds the installed languages once; without any of those wanted it cannot work."""

    provider = None
    pages_per_call = 1

    def __init__(self, settings: Settings) -> None:
        """Look for the program and its languages."""
        program = _program()
        self._languages = _languages(program, settings.ocr_languages)
        self.name = f"tesseract-{program.version}-{self._languages}-{PARTS}"
        self._path = program.path

    def read(self, pictures: Sequence[PagePicture]) -> list[PageReading | None]:
        """Return the text of a page."""
        return [self._read(picture) for picture in pictures]

    def close(self) -> None:
        """Nothing stays open."""

    def _read(self, picture: PagePicture) -> PageReading:
        grey = decoded(picture)
        if is_empty(grey):
            return PageReading("", confidence=1.0)
        return read_upright(evened(grey), self._read_first, self._read_again)

    def _read_first(self, page: Image.Image) -> PageReading:
        """Read a smaller copy: that takes less time, and the paper's grain goes away with it."""
        return self._read_page(scaled(page, SMALLER))

    def _read_again(self, page: Image.Image, first: PageReading) -> PageReading:
        """Read other copies of a page until one was read well enough; return the best."""
        best = first
        for enough, factor, is_contrasted in FURTHER_COPIES:
            if (best.confidence or 0.0) >= enough and len(best.text) >= FEW_CHARACTERS:
                break
            copy = page if factor == 1.0 else scaled(page, factor)
            again = self._read_page(contrasted(copy) if is_contrasted else copy)
            best = max(best, again, key=score)
        return best

    def _read_page(self, page: Image.Image) -> PageReading:
        encoded = io.BytesIO()
        page.save(encoded, "PPM")
        dots = max(70, min(600, round(max(page.size) / 11.7)))
        # The order of arguments is the program's: what it is to write comes last.
        command = [self._path, "-", "-", "--dpi", str(dots), "-l", self._languages, "--psm", "3"]
        done = run([*command, "tsv"], encoded.getvalue())
        if done.returncode != 0:
            raise _failed(done.returncode, done.stderr)
        words = list(_words(done.stdout.decode("utf-8", "replace")))
        confidence = _confidence(words)
        boxes = [(w.box.right - w.box.left, w.box.bottom - w.box.top) for w in words]
        if confidence and is_sideways(boxes):
            # It reads lines that run up the page too, but their places are those of the picture.
            confidence *= DOUBT
        return PageReading(text_of(words), confidence=confidence)


@dataclass(frozen=True, slots=True)
class _Program:
    path: str
    version: str
    languages: tuple[str, ...]


@functools.cache
def _program() -> _Program:
    path = shutil.which(PROGRAM)
    if path is None:
        raise ConfigurationError(
            f"The OCR engine 'tesseract' needs the program {PROGRAM}, which is not installed. "
            f"Install it: {INSTALL}"
        )
    version = _VERSION.search(_told(path, "--version"))
    listed = _told(path, "--list-langs").splitlines()[1:]
    names = tuple(line.strip() for line in listed if line.strip())
    return _Program(path, version[1] if version else "unknown", names)


def _told(path: str, option: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 # a program that the operator installed
            [path, option], capture_output=True, timeout=LOOK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(
            f"The program {path} does not run ({type(error).__name__}). Install it anew: {INSTALL}"
        ) from error
    return (done.stdout or done.stderr).decode("utf-8", "replace")


def _languages(program: _Program, wanted: str) -> str:
    """Return those of the wanted languages that are installed, in Tesseract's way."""
    found = [name for name in wanted.split("+") if name in program.languages]
    if not found:
        known = ", ".join(program.languages) or "none"
        raise ConfigurationError(
            f"Tesseract has none of the languages {wanted} of RAGLINE_OCR_LANGUAGES; it has "
            f"{known}. Install one, such as tesseract-ocr-fra, or correct the setting."
        )
    return "+".join(dict.fromkeys(found))


def _words(table: str) -> Iterator[Word]:
    """Yield the words of Tesseract's table.

    Source: https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html
    """
    for line in table.splitlines()[1:]:
        cells = line.split("\t")
        if len(cells) < 12 or cells[0] != _WORD_LEVEL or not cells[11].strip():
            continue
        left, top, width, height = map(int, cells[6:10])
        text, confidence = cells[11].strip(), float(cells[10]) / 100
        if confidence < SURE_OF_SIGNS and not any(map(str.isalnum, text)):
            continue
        yield Word(text, confidence, Box(left, top, left + width, top + height), tuple(cells[2:5]))


def _confidence(words: Sequence[Word]) -> float | None:
    """Return the mean confidence of the characters."""
    characters = sum(len(word.text) for word in words)
    if not characters:
        return None
    return sum(max(word.confidence, 0.0) * len(word.text) for word in words) / characters


def _failed(code: int, told: bytes) -> PermanentProviderError:
    lines = told.decode("utf-8", "replace").strip().splitlines()
    reason = lines[-1][:_LONGEST_REASON] if lines else "it said nothing"
    how = f"was stopped by signal {-code}" if code < 0 else f"ended with code {code}"
    return PermanentProviderError(f"Tesseract {how} on this page: {reason}")
