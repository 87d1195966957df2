"""Word documents and web pages."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from made_documents import PAGE_BREAK, docx, heading, paragraph

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.providers.contracts import PageText
from ragline.providers.parsers.kreuzberg import KreuzbergParser


@pytest.fixture
def parser():
    return KreuzbergParser()


def read(parser, path, data):
    path.write_bytes(data)
    return parser.read_pages(path, 1, parser.count_pages(path))


def test_docx_pages(parser, tmp_path):
    """Page breaks divide a Word document, and headings stay headings."""
    data = docx(heading("Été"), paragraph("First."), PAGE_BREAK, paragraph("Second."))

    assert read(parser, tmp_path / "a.docx", data) == [
        PageText(1, "## Été\n\nFirst."),
        PageText(2, "Second."),
    ]


def test_docx_range(parser, tmp_path):
    """A range of pages is read with its numbers."""
    path = tmp_path / "a.docx"
    path.write_bytes(docx(*(paragraph(f"p{n}") + PAGE_BREAK for n in range(5)), paragraph("p5")))

    assert parser.read_pages(path, 3, 4) == [PageText(3, "p2"), PageText(4, "p3")]


def test_docx_truncated(parser, tmp_path):
    """A Word document that was cut off is called damaged."""
    with pytest.raises(UnreadableFile, match="damaged or cut off"):
        read(parser, tmp_path / "a.docx", docx(paragraph("text"))[:300])


def test_docx_bomb(parser, tmp_path):
    """A Word document that unpacks to far more than its size is stopped."""
    with pytest.raises(LimitExceeded, match="unpacks to more"):
        read(parser, tmp_path / "a.docx", docx(paragraph("x" * 150_000_000)))


def test_docx_with_password(parser, tmp_path):
    """An encrypted Word document says that the password must go."""
    with pytest.raises(UnreadableFile, match="without a password"):
        read(parser, tmp_path / "a.docx", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))


def test_html(parser, tmp_path):
    """A web page gives its words and headings, without addresses, pictures or scripts."""
    html = (
        "<!doctype html><html><head><title>T</title><meta name=description content=d></head>"
        "<body><script>var a = 1</script><h1>Plage</h1><p>Un <b>bel</b> <a href='/x'>été</a>"
        "<img src='data:image/png;base64,AAAA' alt=''></p></body></html>"
    )

    assert read(parser, tmp_path / "a.html", html.encode()) == [
        PageText(1, "# Plage\n\nUn bel été\n")
    ]


def test_html_encoding(parser, tmp_path):
    """A web page in Latin-1 keeps its accents."""
    html = "<html><head><meta charset=iso-8859-1></head><body><p>été</p></body></html>"

    assert read(parser, tmp_path / "a.html", html.encode("latin-1"))[0].text.strip() == "été"


def test_changed_file(parser, tmp_path):
    """A file that was written anew is read anew."""
    read(parser, tmp_path / "a.html", b"<html><body><p>one</p></body></html>")

    pages = read(parser, tmp_path / "a.html", b"<html><body><p>two</p></body></html>")

    assert pages[0].text.strip() == "two"


def test_empty(parser, tmp_path):
    """An empty file is called empty."""
    with pytest.raises(UnreadableFile, match="This file is empty"):
        read(parser, tmp_path / "a.html", b"")


def test_nothing_is_cached_on_disk(parser, tmp_path, monkeypatch):
    """Reading writes nothing into the working directory."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    read(parser, tmp_path / "a.docx", docx(paragraph("text")))

    assert list(folder.iterdir()) == []
