"""Content decides what a file is; its name decides only between kinds of text."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from made_documents import archive_of, docx, paragraph

from ragline.providers.parsers.detect import DOCX, HTML, MARKDOWN, PDF, PLAIN, detect_media_type

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(50)
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)


@pytest.mark.parametrize(
    ("head", "filename", "media_type"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "paper.pdf", PDF),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "paper.txt", PDF),
        (b"\0" * 128 + b"%PDF-1.4\n", "macbinary", PDF),
        (b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n", "saved", PDF),
        (b"A file begins with %PDF-1.4 if it is a PDF.", "format.md", MARKDOWN),
        (docx(paragraph("text")), "letter.docx", DOCX),
        (docx(paragraph("text")), "letter", DOCX),
        (archive_of("xl/workbook.xml"), "sheet.docx", None),
        (archive_of("password/secret.txt"), "photos.zip", None),
        (archive_of("mimetype", "content.xml"), "text.docx", None),
        (OLE, "locked.docx", DOCX),
        (OLE, "old.doc", None),
        (b"<!DOCTYPE html><html>", "page", HTML),
        (b"\xef\xbb\xbf\n<!-- saved --><HTML lang=fr>", "page.txt", HTML),
        (b'<?xml version="1.0"?><html xmlns="x">', "page.xhtml", HTML),
        ("<html><p>é".encode("utf-16"), "page.html", HTML),
        (b"<p>part of a page</p>", "part.html", HTML),
        (b"<h1 align=center>Project</h1>\n\ntext", "README.md", MARKDOWN),
        (b"# Title\n", "README.md", MARKDOWN),
        (b"# Title\n", "notes.txt", PLAIN),
        ("déjà vu".encode("cp1252"), "notes", PLAIN),
        ("déjà vu".encode()[:-1] + b"\xc3", "cut in a character", PLAIN),
        (b"plain words", "paper.pdf", PLAIN),
        (b"{\\rtf1 words}", "letter.txt", None),
        (PNG, "picture.png", None),
        (PNG, "paper.pdf", None),
        (b"MZ\x90\0\x03" + bytes(60), "setup.exe", None),
        (random.Random(1).randbytes(2000), "notes.txt", None),
        (b"<!-- note -->\n" * 200 + b"# Title", "README.md", MARKDOWN),
        (b"", "paper.pdf", PDF),
        (b"", "notes", PLAIN),
    ],
)
def test_detected(head, filename, media_type):
    """Each of these is what it is, whatever it is called."""

    assert detect_media_type(head, filename) == media_type


def test_real_pdfs(pdfs):
    """Real PDFs are known by their content."""
    paths = [path for path in pdfs.glob("*/*.pdf") if path.parent.name != "broken"]
    detected = {detect_media_type(path.read_bytes()[:4096], "unnamed") for path in paths}

    assert detected == {PDF}
