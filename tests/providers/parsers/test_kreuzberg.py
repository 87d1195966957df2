"""Word processors' documents and web pages: their pages, words, headings and tables."""

import pytest
from tests.providers.parsers import made_office as office
from tests.providers.parsers.made_documents import PAGE_BREAK, docx, heading, paragraph

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
        PageText(1, "# Plage\n\nUn bel été")
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


SHOWN = "<w:lastRenderedPageBreak/>"


def run(before, text):
    return f"<w:p><w:r>{before}<w:t>{text}</w:t></w:r></w:p>"


def texts(parser, path, data):
    return [page.text for page in read(parser, path, data)]


def test_docx_pages_as_word_showed_them(parser, tmp_path):
    """Where Word noted a turn of the page there is one, and only one beside a set break."""
    data = docx(run("", "One."), run(SHOWN, "Two."), PAGE_BREAK, run(SHOWN, "Three."))

    assert ["One.", "Two.", "Three."] == texts(parser, tmp_path / "a.docx", data)


def test_docx_page_turns_within_a_paragraph(parser, tmp_path):
    """A paragraph over two pages is divided where the page turned."""
    runs = f"<w:r><w:t>Begun </w:t></w:r><w:r>{SHOWN}<w:t>and ended.</w:t></w:r>"
    data = docx(f"<w:p>{runs}</w:p>")

    assert ["Begun", "and ended."] == texts(parser, tmp_path / "a.docx", data)


def test_docx_heading_opens_a_page(parser, tmp_path):
    """A heading that opens a page keeps its sign."""
    style = '<w:pPr><w:pStyle w:val="Heading1"/><w:pageBreakBefore/></w:pPr>'
    opening = f"<w:p>{style}<w:r>{SHOWN}<w:t>Part</w:t></w:r></w:p>"
    data = docx(paragraph("Before."), opening, paragraph("After."))

    assert ["Before.", "## Part\n\nAfter."] == texts(parser, tmp_path / "a.docx", data)


@pytest.mark.parametrize(("kind", "pages"), [("nextPage", 2), ("continuous", 1)])
def test_docx_sections(parser, tmp_path, kind, pages):
    """A section begins a page unless it goes on where the last one ended."""
    ended = "<w:p><w:pPr><w:sectPr/></w:pPr><w:r><w:t>One.</w:t></w:r></w:p>"
    following = f'<w:sectPr><w:type w:val="{kind}"/></w:sectPr>'
    data = docx(ended, paragraph("Two."), following)

    assert pages == len(texts(parser, tmp_path / "a.docx", data))


def test_docx_table_over_two_pages(parser, tmp_path):
    """A table that goes on overleaf shows its header again, and its row turns the page once."""
    rows = [("Name", "Sum"), ("Ann", "1"), (f"{SHOWN}Bob", f"{SHOWN}2")]
    cells = [
        "".join(
            f"<w:tc><w:p><w:r>{SHOWN if SHOWN in cell else ''}"
            f"<w:t>{cell.replace(SHOWN, '')}</w:t></w:r></w:p></w:tc>"
            for cell in row
        )
        for row in rows
    ]
    data = docx("<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>")

    header = "| Name | Sum |\n| --- | --- |\n"
    assert [f"{header}| Ann | 1 |", f"{header}| Bob | 2 |"] == texts(
        parser, tmp_path / "a.docx", data
    )


def test_docx_keeps_every_character(parser, tmp_path):
    """What XML must escape and Markdown too is there as it was written."""
    data = docx(paragraph("R&amp;D a_b *c* &lt;d&gt; #e 5 &gt; 4 [f]"))

    assert ["R&D a_b *c* <d> #e 5 > 4 [f]"] == texts(parser, tmp_path / "a.docx", data)


def test_docx_deleted_words(parser, tmp_path):
    """What a reviewer deleted is gone, what they added is there."""
    kept = "<w:r><w:t>kept</w:t></w:r>"
    gone = "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
    new = "<w:ins><w:r><w:t> new</w:t></w:r></w:ins>"

    assert ["kept new"] == texts(parser, tmp_path / "a.docx", docx(f"<w:p>{kept}{gone}{new}</w:p>"))


def test_docx_main_part_of_another_name(parser, tmp_path):
    """The main part is the one that the package names."""
    rels = b'Target="word/main.xml"'
    data = office.edited(
        docx(paragraph("text")),
        "_rels/.rels",
        lambda part: part.replace(b'Target="word/document.xml"', rels),
    )
    data = office.renamed(data, "word/document.xml", "word/main.xml")

    assert ["text"] == texts(parser, tmp_path / "a.docx", data)


def test_odt(parser, tmp_path):
    """OpenDocument texts keep pages and headings."""
    data = office.odt(("Été", "R&D <un>."), ("Hiver", "Deux."))

    assert ["# Été\n\nR&D <un>.", "# Hiver\n\nDeux."] == texts(parser, tmp_path / "a.odt", data)


def test_odt_pages_as_they_were_shown(parser, tmp_path):
    """Where the program noted a turn of the page there is one, even within a sentence."""
    data = office.edited(
        office.odt(("T", "Begun and ended.")),
        "content.xml",
        lambda part: part.replace(b"Begun ", b"Begun <text:soft-page-break/>"),
    )

    assert ["# T\n\nBegun", "and ended."] == texts(parser, tmp_path / "a.odt", data)


def test_rtf(parser, tmp_path):
    """RTF keeps pages, accents and tables."""
    table = (
        b"\\trowd\\cellx1\\cellx2 A\\cell B\\cell\\row\\trowd\\cellx1\\cellx2 1\\cell 2\\cell\\row"
    )
    data = office.rtf(b"\\'e9t\\'e9 \\u8364?\\par\\page Second \\\\page.\\par" + table)

    assert ["été €", "Second \\page.\n\n| A | B |\n| --- | --- |\n| 1 | 2 |"] == texts(
        parser, tmp_path / "a.rtf", data
    )


def test_docx_footnotes(parser, tmp_path):
    """A footnote stands below its paragraph, on its page, the first one too."""
    note = '<w:footnote w:id="{}"><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:footnote>'
    notes = "".join(note.format(number, words) for number, words in ((1, "First."), (2, "R&amp;D")))
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    references = "".join(f'<w:r><w:footnoteReference w:id="{n}"/></w:r>' for n in (1, 2))
    data = office.extended(
        docx(f"<w:p><w:r><w:t>Words</w:t></w:r>{references}</w:p>", PAGE_BREAK, paragraph("Two.")),
        **{"word/footnotes.xml": f"<w:footnotes {space}>{notes}</w:footnotes>".encode()},
    )

    assert ["Words[1][2]\n\n[1] First.\n\n[2] R&D", "Two."] == texts(
        parser, tmp_path / "a.docx", data
    )


def test_odt_footnotes(parser, tmp_path):
    """A footnote of an OpenDocument text does not break its sentence, nor change its page."""
    note = (
        b'<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        b"<text:note-body><text:p>R&amp;D</text:p></text:note-body></text:note>"
    )
    data = office.edited(
        office.odt(("A", "Words here."), ("B", "Two.")),
        "content.xml",
        lambda part: part.replace(b"Words ", b"Words" + note + b" "),
    )

    assert ["# A\n\nWords[1] here.\n\n[1] R&D", "# B\n\nTwo."] == texts(
        parser, tmp_path / "a.odt", data
    )
