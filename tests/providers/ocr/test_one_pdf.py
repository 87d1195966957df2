"""PDFs of pictures."""

from __future__ import annotations

import pypdfium2
import pytest
from PIL import Image

from ragline.providers.ocr.one_pdf import pdf_of
from ragline.testing.ocr import DPI, LINES, page_of


def test_pages() -> None:
    """Each picture is a page of its own, in its size, as it was."""
    pictures = [page_of(*LINES), page_of(LINES[0], turn=90)]
    with pypdfium2.PdfDocument(pdf_of(pictures)) as pdf:
        sizes = [pdf[place].get_size() for place in range(len(pdf))]
        drawn: Image.Image = pdf[0].render(scale=DPI / 72).to_pil().convert("L")

    assert [(480.0, 336.0), (336.0, 480.0)] == [
        (pytest.approx(width), pytest.approx(height)) for width, height in sizes
    ]
    assert (1000, 700) == pytest.approx(drawn.size, abs=1)
    assert drawn.getextrema()[0] < 50
