"""Columns of a PDF that were drawn line by line across the page."""

import fpdf
import pytest

from ragline.providers.parsers.pdfium import PdfiumParser

LINE = "{side} {number} and some more words of it"


def made(tmp_path, draw):
    document = fpdf.FPDF()
    document.add_page()
    document.set_font("Helvetica", size=10)
    draw(document)
    path = tmp_path / "a.pdf"
    document.output(str(path))
    return PdfiumParser().read_pages(path, 1, 1)[0].text.splitlines()


def test_interleaved(tmp_path):
    """The left column is read to its end before the right one, below what stands above both."""

    def draw(document):
        document.text(
            20, 20, "A heading that stands above both of the columns and runs across them"
        )
        for number in range(12):
            document.text(20, 40 + number * 5, LINE.format(side="left", number=number))
            document.text(110, 40 + number * 5, LINE.format(side="right", number=number))

    lines = made(tmp_path, draw)

    assert lines[0].startswith("A heading")
    assert ["left"] * 12 + ["right"] * 12 == [line.split()[0] for line in lines[1:]]


def test_drawn_in_order(tmp_path):
    """Columns that were drawn one after the other stay as they are."""

    def draw(document):
        for side, left in (("left", 20), ("right", 110)):
            for number in range(12):
                document.text(left, 40 + number * 5, LINE.format(side=side, number=number))

    assert ["left"] * 12 + ["right"] * 12 == [line.split()[0] for line in made(tmp_path, draw)]


@pytest.mark.parametrize("value", ["7", "a value of several words, some longer"])
def test_table(tmp_path, value):
    """The cells of a table stay beside their names."""

    def draw(document):
        for number in range(12):
            document.text(20, 40 + number * 5, f"name{number}")
            document.text(110, 40 + number * 5, value)

    expected = " ".join(f"name{number} {value}" for number in range(12))
    assert expected == " ".join(made(tmp_path, draw))
