"""What every OCR engine must do: inherit `OCRConformance` and give it an engine.

class TestMyOCR(OCRConformance):
    @pytest.fixture
    def ocr(self):
        return MyOCR(...)
"""

from __future__ import annotations

import io
import pickle
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from ragline.providers.contracts import OCR, PagePicture, PageReading

LINES = (
    "The warranty of the kettle lasts two years.",
    "Fill it with cold water before you switch it on.",
    "The filter is not part of what the warranty covers.",
)
DPI = 150


def page_of(
    *lines: str,
    number: int = 1,
    turn: float = 0.0,
    kind: Literal["image/jpeg", "image/png"] = "image/jpeg",
) -> PagePicture:
    """Return a page with these lines, turned counter-clockwise by some degrees."""
    image = Image.new("L", (1000, 700), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    for place, line in enumerate(lines):
        pen.text((80, 80 + 56 * place), line, font=font, fill=0)
    image = image.rotate(turn, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    encoded = io.BytesIO()
    image.save(encoded, "PNG" if kind == "image/png" else "JPEG")
    return PagePicture(number, encoded.getvalue(), kind, image.width, image.height, DPI)


class OCRConformance:
    """Tests of the contract `OCR`; the fixture `ocr` may be any engine, good or bad."""

    def test_name(self, ocr: OCR) -> None:
        """An engine has a name, takes a page or more, and has a provider that has a name if any."""
        assert ocr.name
        assert len(ocr.name) <= 100
        assert ocr.pages_per_call >= 1
        assert ocr.provider is None or ocr.provider

    def test_reading(self, ocr: OCR) -> None:
        """A page with words gives a text with words, a likely confidence and no cost below 0."""
        reading = _read(ocr, page_of(*LINES))

        assert reading.problem is None
        assert any(map(str.isalpha, reading.text))
        assert reading.confidence is None or 0 <= reading.confidence <= 1
        assert min(reading.cost, reading.prompt_tokens, reading.completion_tokens) >= 0

    def test_several_pages(self, ocr: OCR) -> None:
        """There is one answer for each page of a call, in their order."""
        pictures = [page_of(line, number=n) for n, line in enumerate(LINES, 3)][
            : ocr.pages_per_call
        ]

        assert len(ocr.read(pictures)) == len(pictures)

    def test_png(self, ocr: OCR) -> None:
        """Pictures without loss are taken as well."""
        assert _read(ocr, page_of(*LINES, kind="image/png")).text.strip()

    def test_travels(self, ocr: OCR) -> None:
        """An engine that computes here can be sent to a child process, and reads the same there."""
        if ocr.provider is not None:
            return
        sent: OCR = pickle.loads(pickle.dumps(ocr))  # noqa: S301 # just written here
        assert sent.name == ocr.name

    def test_close(self, ocr: OCR) -> None:
        """An engine may be closed twice."""
        ocr.close()
        ocr.close()


def _read(ocr: OCR, picture: PagePicture) -> PageReading:
    (reading,) = ocr.read([picture])
    assert reading is not None, "the only page of a call is answered"
    return reading
