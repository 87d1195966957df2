"""Tesseract on this machine; without the program these tests are skipped."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import OCR, PagePicture, PageReading
from ragline.providers.ocr.tesseract import TesseractOCR
from ragline.providers.parsers.pdfium import PdfiumParser
from ragline.settings import Settings
from ragline.testing.ocr import LINES, OCRConformance, page_of

pytestmark = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the program tesseract is not installed"
)
DEADLINE_SECONDS = 20


def engine(**changes: object) -> TesseractOCR:
    try:
        return TesseractOCR(Settings(_env_file=None, **changes))
    except ConfigurationError as error:
        pytest.skip(error.message)


def read(picture: PagePicture) -> PageReading:
    (reading,) = engine().read([picture])
    assert reading is not None
    return reading


def french_page(folder: Path, turn: float) -> PagePicture:
    """Return a drawn page of French lines, turned counter-clockwise by some degrees."""
    pdf = FPDF(format=(160, 90))
    pdf.add_page()
    pdf.set_font("Helvetica", size=13)
    for _ in range(4):
        pdf.cell(text="L'été dernier, le café était fermé à midi.", new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(folder / "page.pdf"))
    pixels = PdfiumParser().picture(folder / "page.pdf", 1, dpi=200, most_pixels=10_000_000)
    image = Image.fromarray(pixels).convert("L")
    image = image.rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return PagePicture(1, encoded.getvalue(), "image/png", image.width, image.height, 200)


class TestConformance(OCRConformance):
    """The engine passes the suite for all engines."""

    @pytest.fixture
    def ocr(self) -> OCR:
        return engine()


@pytest.mark.parametrize("turn", [0, 3, -6, 90, 180, 270])
def test_turned_pages(tmp_path: Path, turn: float) -> None:
    """Level, skewed, sideways and upside-down pages give the same words, accents included."""
    reading = read(french_page(tmp_path, turn))

    assert "L'été dernier, le café était fermé" in reading.text.replace("’", "'")
    assert (reading.confidence or 0) > 0.8


def test_empty_page() -> None:
    """A page with nothing on it has no text, and the program is not asked for that."""
    assert "" == read(page_of("", kind="image/png")).text


def test_unknown_language() -> None:
    """A language that is not installed is named with those that are."""
    with pytest.raises(ConfigurationError, match="RAGLINE_OCR_LANGUAGES"):
        TesseractOCR(Settings(_env_file=None, ocr_languages="xxx"))


def test_missing_languages_are_left_out() -> None:
    """Where one of the wanted languages is there, it is used alone."""
    assert "-eng-" in engine(ocr_languages="xxx+eng").name


def test_failure() -> None:
    """A program that fails is an error with its last words."""
    broken = engine()
    broken._languages = "nowhere"
    with pytest.raises(PermanentProviderError, match="Tesseract ended with code"):
        broken.read([page_of(*LINES)])


def test_it_dies_with_its_parent() -> None:
    """Whoever kills the process that reads has killed the program as well."""
    script = (
        "import sys; from ragline.providers.ocr.subprocesses import run; "
        "run(['sh', '-c', 'echo $$ > \"$0\"; exec sleep 600', sys.argv[1]], b'')"
    )
    told = f"/tmp/ragline-test-{os.getpid()}"
    parent = subprocess.Popen([sys.executable, "-c", script, told])
    try:
        child = _number_in(told)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert _is_gone(child)
    finally:
        parent.kill()
        os.unlink(told)


def _number_in(path: str) -> int:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        try:
            with open(path) as file:
                return int(file.read())
        except (OSError, ValueError):
            time.sleep(0.02)
    raise AssertionError("the program did not start")


def _is_gone(process: int) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        try:
            with open(f"/proc/{process}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False
