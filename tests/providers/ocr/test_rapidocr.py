"""RapidOCR; without its package these tests are skipped."""

from __future__ import annotations

import importlib.util

import pytest

from ragline.providers.contracts import OCR
from ragline.providers.ocr.rapidocr import RapidOCREngine
from ragline.settings import Settings
from ragline.testing.ocr import LINES, OCRConformance, page_of

pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("rapidocr") and importlib.util.find_spec("onnxruntime")),
    reason="the extra rapidocr is not installed",
)


class TestConformance(OCRConformance):
    """The engine passes the suite for all engines."""

    @pytest.fixture
    def ocr(self) -> OCR:
        return RapidOCREngine(Settings(_env_file=None))


def test_words() -> None:
    """The lines of a page are read in their order."""
    (reading,) = RapidOCREngine(Settings(_env_file=None)).read([page_of(*LINES, kind="image/png")])

    assert reading is not None
    assert [line.split()[0] for line in LINES] == [
        line.split()[0] for line in reading.text.splitlines()
    ]
