"""PDFs whose pages are pictures, or texts, or both."""

from __future__ import annotations

import io
from collections.abc import Sequence

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont


def picture(text: str, *, size: tuple[int, int] = (700, 500)) -> Image.Image:
    """Return a page with a line on it."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((60, 60), text, font=ImageFont.load_default(size=28), fill=0)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture's bytes."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def scanned(*lines: str, texts: Sequence[str] = ()) -> bytes:
    """Return a PDF with a picture of each line as a page, then a page for each of the texts."""
    pdf = FPDF(format=(140, 100))
    for line in lines:
        pdf.add_page()
        pdf.image(picture(line), 0, 0, 140, 100)
    for text in texts:
        pdf.add_page()
        pdf.set_font("Helvetica", size=11)
        pdf.multi_cell(0, text=text)
    return bytes(pdf.output())
