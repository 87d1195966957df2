"""Headings of PDFs, known by their size."""

import fpdf
import pytest

from ragline.providers.parsers.pdfium import PdfiumParser

PROSE = "Words of the text, which are set in the size that most of the page is set in."


@pytest.fixture
def read(tmp_path):
    """Return the lines of a page whose lines are given with their sizes."""

    def run(*lines):
        document = fpdf.FPDF()
        document.add_page()
        for size, text in lines:
            document.set_font("Helvetica", size=size)
            document.cell(text=text, new_x="LMARGIN", new_y="NEXT")
        path = tmp_path / "a.pdf"
        document.output(str(path))
        return PdfiumParser().read_pages(path, 1, 1)[0].text.splitlines()

    return run


def test_larger_line(read):
    """A short line that is larger than the text is a heading."""

    assert ["## The harbour", PROSE, PROSE] == read((16, "The harbour"), (10, PROSE), (10, PROSE))


def test_heading_of_two_lines(read):
    """A heading that was broken is one again."""
    lines = read((16, "The harbour"), (16, "and its master"), (10, PROSE), (10, PROSE))

    assert "## The harbour and its master" == lines[0]


@pytest.mark.parametrize(
    "line",
    [
        (11, "Slightly larger"),
        (16, "This is said loudly, as a sentence is."),
        (16, "12 / 34"),
        (10, "The harbour"),
    ],
)
def test_no_heading(read, line):
    """Nearly the same size, sentences and numbers are no headings."""

    assert not any(each.startswith("#") for each in read(line, (10, PROSE), (10, PROSE)))


def test_poster(read):
    """Where much of a page is large, none of it is a heading."""
    lines = [(20, f"Cell {number}{chr(97 + number)}bcd") for number in range(10)]

    assert not any(each.startswith("#") for each in read(*lines, *[(10, PROSE)] * 9))
