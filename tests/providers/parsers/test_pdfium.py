"""PDFs: pages and their text, and sentences about files that cannot be read."""

import fpdf
import pytest

from ragline.errors import UnreadableFile
from ragline.providers.contracts import PageText
from ragline.providers.parsers.pdfium import PdfiumParser, _rejoined


@pytest.fixture
def parser():
    return PdfiumParser()


@pytest.fixture
def three_pages(tmp_path):
    document = fpdf.FPDF()
    document.set_font("Helvetica", size=12)
    for number in (1, 2, 3):
        document.add_page()
        document.cell(text=f"This is page {number}.")
    path = tmp_path / "three.pdf"
    document.output(str(path))
    return path


def refusal(parser, path):
    with pytest.raises(UnreadableFile) as caught:
        parser.count_pages(path)
    return caught.value.message


def test_name(parser):
    """The name carries the version of what reads."""
    name, _, version = parser.name.partition("-")

    assert name == "pdfium"
    assert version[0].isdigit()


def test_count(parser, three_pages):
    """The number of pages is counted."""

    assert parser.count_pages(three_pages) == 3


def test_range(parser, three_pages):
    """Both ends of a range of pages are included."""

    assert parser.read_pages(three_pages, 2, 3) == [
        PageText(2, "This is page 2."),
        PageText(3, "This is page 3."),
    ]


def test_range_past_the_end(parser, three_pages):
    """Pages that do not exist are left out."""

    assert [page.number for page in parser.read_pages(three_pages, 3, 9)] == [3]


def test_blank_page(parser, tmp_path):
    """A page without text is an empty page, not an error."""
    document = fpdf.FPDF()
    document.add_page()
    document.output(str(tmp_path / "blank.pdf"))

    assert parser.read_pages(tmp_path / "blank.pdf", 1, 1) == [PageText(1, "")]


def test_password(parser, tmp_path):
    """A PDF with a password says that it must be removed."""
    document = fpdf.FPDF()
    document.set_encryption(owner_password="owner", user_password="secret")
    document.add_page()
    document.output(str(tmp_path / "locked.pdf"))

    assert refusal(parser, tmp_path / "locked.pdf") == (
        "This PDF needs a password: remove it and upload the file again."
    )


def test_empty(parser, tmp_path):
    """An empty file is called empty."""
    (tmp_path / "empty.pdf").touch()

    assert refusal(parser, tmp_path / "empty.pdf").startswith("This file is empty.")


def test_wrong_content(parser, tmp_path):
    """Something else under a PDF's name is not called damaged."""
    (tmp_path / "picture.pdf").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))

    assert refusal(parser, tmp_path / "picture.pdf").startswith("This file is not a PDF")


def test_truncated(parser, three_pages):
    """A PDF that was cut off is called damaged or cut off."""
    three_pages.write_bytes(three_pages.read_bytes()[:200])

    assert refusal(parser, three_pages).startswith("This PDF is damaged or cut off.")


def test_files_are_closed(parser, three_pages):
    """No file stays open after reading, or after failing to."""
    parser.read_pages(three_pages, 1, 3)
    three_pages.write_bytes(b"%PDF-1.7 nothing")
    refusal(parser, three_pages)
    three_pages.unlink()


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("separ\ufffeated", "separated"),
        ("a memory\ufffemapped file is mapped into memory", None),
        ("Jean\ufffePaul", "Jean-Paul"),
        ("paging\x02\r\nstructure and paging of a structure", None),
        ("page\ufffe12", "page-12"),
    ],
)
def test_hyphen_at_the_end_of_a_line(text, joined):
    """Divided words are joined; compounds keep their hyphen."""
    expected = joined or text.replace("\x02\r\n", "-").replace("\ufffe", "-")

    assert _rejoined(text) == expected
