"""Content decides what a file is; its name may only choose between kinds of text."""

import random

import pytest
from tests.providers.parsers import made_office as office
from tests.providers.parsers.made_documents import archive_of, docx, paragraph
from tests.providers.parsers.made_outlook import outlook_message

from ragline.errors import UnsupportedMediaType
from ragline.providers.parsers.detect import detect_media_type, judged_media_type
from ragline.providers.parsers.media_types import (
    CSV,
    DOCX,
    EML,
    EPUB,
    HTML,
    JPEG,
    MARKDOWN,
    MSG,
    ODP,
    ODS,
    ODT,
    PDF,
    PLAIN,
    PNG,
    PPTX,
    RTF,
    TIFF,
    WEBP,
    XLSX,
)

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(50)
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
MESSAGE = b"Received: from a\r\n by b\r\nFrom: a@example.org\r\n\r\nHello"


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
        (archive_of("[Content_Types].xml", "xl/workbook.xml"), "sheet.docx", XLSX),
        (archive_of("[Content_Types].xml", "xl/workbook.xml")[:90], "cut", XLSX),
        (archive_of("word/letter.txt", "ppt/talk.txt"), "folders.zip", None),
        (archive_of("[Content_Types].xml")[:60], "cut.pptx", PPTX),
        (archive_of("password/secret.txt"), "photos.zip", None),
        (archive_of("mimetype", "content.xml"), "text.docx", None),
        (office.slides(("Title", ["point"], "")), "talk", PPTX),
        (office.workbook(A=[[1]]), "sheet.bin", XLSX),
        (office.odt(("Title", "text")), "letter", ODT),
        (office.ods(A=[["a"]]), "sheet", ODS),
        (office.odp(("Title", "text", "")), "talk", ODP),
        (office.epub("<p>text</p>"), "book", EPUB),
        (outlook_message("S", "B", sender="a", to="b"), "message", MSG),
        (OLE, "locked.docx", DOCX),
        (OLE, "locked.xlsx", XLSX),
        (OLE, "mail.msg", MSG),
        (OLE, "old.doc", None),
        (b"<!DOCTYPE html><html>", "page", HTML),
        (b"\xef\xbb\xbf\n<!-- saved --><HTML lang=fr>", "page.txt", HTML),
        (b'<?xml version="1.0"?><html xmlns="x">', "page.xhtml", HTML),
        ("<html><p>é".encode("utf-16"), "page.html", HTML),
        (b"<p>part of a page</p>", "part.html", HTML),
        (b"<h1 align=center>Project</h1>\n\ntext", "README.md", MARKDOWN),
        (b"# Title\n", "README.md", MARKDOWN),
        (b"# Title\n", "notes.txt", PLAIN),
        (b"a;b\n1;2\n", "rows.csv", CSV),
        (b"a\tb\n1\t2\n", "rows.tsv", CSV),
        ("déjà vu".encode("cp1252"), "notes", PLAIN),
        ("déjà vu".encode()[:-1] + b"\xc3", "cut in a character", PLAIN),
        (b"plain words", "paper.pdf", PLAIN),
        (b"{\\rtf1 words}", "letter.rtf", RTF),
        (b"{\\rtf1 words}", "letter.doc", RTF),
        (MESSAGE, "saved", EML),
        (b"Subject: x\n\nHello", "note.eml", EML),
        (MESSAGE, "source.txt", PLAIN),
        (b"Note: a colon makes no message\n", "note", PLAIN),
        (b"%!PS-Adobe-3.0", "page.ps", None),
        (PICTURE, "picture.png", PNG),
        (PICTURE, "paper.pdf", PNG),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "scan", JPEG),
        (b"II*\0\x08\0\0\0", "scan", TIFF),
        (b"MM\0*\0\0\0\x08", "scan", TIFF),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "scan", WEBP),
        (b"MZ\x90\0\x03" + bytes(60), "setup.exe", None),
        (random.Random(1).randbytes(2000), "notes.txt", None),
        (b"<!-- note -->\n" * 200 + b"# Title", "README.md", MARKDOWN),
        (b"", "paper.pdf", PDF),
        (b"", "notes", PLAIN),
    ],
)
def test_detected(head, filename, media_type):
    """Each of these is what it is, whatever it is called."""

    assert media_type == detect_media_type(head, filename)


def test_names_at_the_end():
    """Where an archive's first entry fills the head, the names at its end tell what it is."""
    data = office.zipped(
        {"a.bin": random.Random(2).randbytes(20_000), "xl/a.xml": b"", "[Content_Types].xml": b""}
    )

    assert detect_media_type(data[:8192], "sheet") is None
    assert XLSX == detect_media_type(data[:8192], "sheet", tail=data[-4096:])


@pytest.mark.parametrize(
    ("head", "filename", "words"),
    [
        (PICTURE, "paper.pdf", "named like a PDF, but its content is a PNG image"),
        (b"%PDF-1.7\n", "notes.txt", "named like plain text, but its content is a PDF"),
        (b"plain words", "paper.pdf", "but its content is plain text"),
        (b"<!doctype html><p>404", "paper.pdf", "but its content is a web page"),
        (office.workbook(A=[[1]]), "a.docx", "but its content is an Excel workbook"),
        (b"plain words", "letter.rtf", "but its content is plain text"),
        (b"plain words", "message.eml", "but its content is plain text"),
        (OLE, "old.doc", "old format of Microsoft Office"),
        (archive_of("a.txt"), "all.zip", "is a ZIP archive"),
        (b"MZ\x90\0\x03" + bytes(60), "setup.exe", "send PDF, DOCX"),
    ],
)
def test_refused(head, filename, words):
    """What is not what its name says, or nothing that is read, is refused in words."""
    with pytest.raises(UnsupportedMediaType) as caught:
        judged_media_type(head, filename)

    assert words in caught.value.message


@pytest.mark.parametrize(
    ("head", "filename", "media_type"),
    [
        (PICTURE, "photo.jpg", PNG),
        (b"<!doctype html><p>x", "page.txt", HTML),
        (docx(paragraph("x")), "macros.docm", DOCX),
        (docx(paragraph("x")), "no extension", DOCX),
        (office.workbook(A=[[1]]), "old.xls", XLSX),
        (b"", "paper.pdf", PDF),
    ],
)
def test_taken(head, filename, media_type):
    """Names that do not disagree with the content are no reason to refuse it."""

    assert media_type == judged_media_type(head, filename)


def test_real_pdfs(pdfs):
    """Real PDFs are known by their content."""
    paths = [path for path in pdfs.glob("*/*.pdf") if path.parent.name != "broken"]
    detected = {detect_media_type(path.read_bytes()[:4096], "unnamed") for path in paths}

    assert detected == {PDF}
