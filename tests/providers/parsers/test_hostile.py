"""Files that mean harm: each is read without it or refused in words, in a child with limits."""

import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.providers.parsers import made_office as office
from tests.providers.parsers.made_documents import docx, paragraph

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.providers.parsers import media_types as types
from ragline.providers.parsers.package import MOST_BYTES, MOST_ENTRIES
from ragline.providers.parsers.tasks import count_pages, read_pages

WORD = "word/document.xml"
SECRET = "a secret of this machine"
OFFICE = {
    types.DOCX: (docx(paragraph("words")), WORD),
    types.PPTX: (office.slides(("words", ["a"], "")), "ppt/slides/slide1.xml"),
    types.XLSX: (office.workbook(A=[["words", "b"]]), "xl/workbook.xml"),
    types.ODT: (office.odt(("T", "words")), "content.xml"),
    types.ODS: (office.ods(A=[["words"]]), "content.xml"),
    types.ODP: (office.odp(("T", "words", "")), "content.xml"),
    types.EPUB: (office.epub("<p>words</p>"), "OEBPS/ch 0.xhtml"),
}


@pytest.fixture
def read(pool, limits, tmp_path):
    """Read a file's first pages in a child; the pool must go on after it."""

    def run(media_type, data):
        path = tmp_path / "file"
        path.write_bytes(data)
        pages = pool.run(read_pages, path, media_type, 1, 5, limits=limits)
        return "\n".join(page.text for page in pages)

    yield run
    (tmp_path / "after.txt").write_text("after")
    assert 1 == pool.run(count_pages, tmp_path / "after.txt", "text/plain", limits=limits)


@pytest.fixture
def visits():
    """A server that notes who comes, and its address in the list."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def with_entity(part, declaration, *, into=b"words"):
    """Return an XML part that declares an entity and uses it in place of a word."""
    start = part.index(b"?>") + 2 if part.startswith(b"<?xml") else 0
    doctype = b"<!DOCTYPE x [" + declaration + b"]>"
    body = part[start:].replace(b"<!DOCTYPE html>", b"").replace(into, b"&e;", 1)
    return part[:start] + doctype + body


@pytest.mark.parametrize("media_type", OFFICE)
def test_external_entity(read, tmp_path, media_type):
    """A document that would read a file of the server is refused."""
    (tmp_path / "secret").write_text(SECRET)
    data, part = OFFICE[media_type]
    entity = f'<!ENTITY e SYSTEM "file://{tmp_path}/secret">'.encode()

    with pytest.raises(UnreadableFile, match="declares XML entities"):
        read(media_type, office.edited(data, part, lambda xml: with_entity(xml, entity)))


def test_entity_in_utf_16(read, tmp_path):
    """An encoding does not hide what a document declares."""
    (tmp_path / "secret").write_text(SECRET)
    entity = f'<!ENTITY e SYSTEM "file://{tmp_path}/secret">'.encode()
    data, part = OFFICE[types.DOCX]

    def hidden(xml):
        return with_entity(xml, entity).decode().split("?>", 1)[1].encode("utf-16")

    with pytest.raises(UnreadableFile, match="declares XML entities"):
        read(types.DOCX, office.edited(data, part, hidden))


def test_entities_that_grow(read):
    """Entities of entities of entities are refused before they grow."""
    laughs = b'<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (after, b"&%c;" % before * 10)
        for before, after in zip(b"abcdefghi", b"bcdefghie", strict=True)
    )
    data, part = OFFICE[types.ODT]

    with pytest.raises(UnreadableFile, match="declares XML entities"):
        read(types.ODT, office.edited(data, part, lambda xml: with_entity(xml, laughs)))


def test_web_page_with_entity(read, tmp_path):
    """A web page cannot read a file of the server either."""
    (tmp_path / "secret").write_text(SECRET)
    page = (
        f'<!DOCTYPE html [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]>'
        "<html><body><p>words &e;</p></body></html>"
    )

    assert SECRET not in read(types.HTML, page.encode())


def test_nothing_is_fetched_for_a_word_document(read, visits):
    """Templates, pictures and objects elsewhere are not fetched."""
    address, seen = visits
    kinds = ("attachedTemplate", "image", "oleObject", "subDocument", "frame", "hyperlink")
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = "".join(
        f'<Relationship Id="r{kind}" Type="{base}/{kind}" Target="{address}/{kind}" '
        'TargetMode="External"/>'
        for kind in kinds
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    part = f'<?xml version="1.0"?><Relationships xmlns="{package}">{rels}</Relationships>'
    field = f'<w:p><w:r><w:instrText>INCLUDETEXT "{address}/field"</w:instrText></w:r></w:p>'
    data = office.extended(
        docx(paragraph("words"), field), **{"word/_rels/document.xml.rels": part.encode()}
    )

    assert "words" in read(types.DOCX, data)
    assert [] == seen


@pytest.mark.parametrize("media_type", [types.HTML, types.EPUB, types.EML, types.ODT])
def test_nothing_is_fetched_for_markup(read, visits, media_type):
    """Pictures, styles, frames and scripts of a page are not fetched."""
    address, seen = visits
    body = (
        f'<p>words</p><img src="{address}/i"/><iframe src="{address}/f"></iframe>'
        f'<link rel="stylesheet" href="{address}/s"/><script src="{address}/j"></script>'
    )
    html = f"<html><body>{body}</body></html>".encode()
    spaces = (
        'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
        'xmlns:xlink="http://www.w3.org/1999/xlink"'
    )
    picture = f'<draw:image {spaces} xlink:href="{address}/i"/>words'.encode()
    files = {
        types.HTML: html,
        types.EPUB: office.epub(body),
        types.EML: b"Subject: s\nContent-Type: text/html\n\n" + html,
        types.ODT: office.edited(
            OFFICE[types.ODT][0], "content.xml", lambda xml: xml.replace(b"words", picture)
        ),
    }

    assert "words" in read(media_type, files[media_type])
    assert [] == seen


@pytest.mark.parametrize(
    ("media_type", "part"),
    [
        (types.DOCX, "word/vbaProject.bin"),
        (types.XLSX, "xl/vbaProject.bin"),
        (types.PPTX, "ppt/vbaProject.bin"),
    ],
)
def test_macros(read, media_type, part):
    """Macros are not even unpacked: nothing of theirs is in the text."""
    data = office.extended(OFFICE[media_type][0], **{part: b"Sub AutoOpen()\nShell"})
    text = read(media_type, data)

    assert "words" in text
    assert "AutoOpen" not in text


def test_formulas(read):
    """A formula is not worked out, nor what it would fetch or start."""
    data = office.workbook(A=[["words", '=WEBSERVICE("http://127.0.0.1:9/")', "=cmd|'/C calc'!A0"]])

    assert "words" in read(types.XLSX, data)


@pytest.mark.parametrize("media_type", OFFICE)
def test_bomb(read, media_type):
    """A part that unpacks to far more than its size is stopped while it unpacks."""
    data, part = OFFICE[media_type]
    swollen = office.edited(data, part, lambda xml: xml + b" " * (MOST_BYTES + 1))

    assert len(swollen) < MOST_BYTES / 100
    with pytest.raises(LimitExceeded, match="unpacks to more"):
        read(media_type, swollen)


def test_bomb_in_many_parts(read):
    """The bytes of all parts count together."""
    parts = {f"word/{number}.xml": b" " * (MOST_BYTES // 4) for number in range(5)}

    with pytest.raises(LimitExceeded, match="unpacks to more"):
        read(types.DOCX, office.extended(OFFICE[types.DOCX][0], **parts))


def test_bomb_in_a_picture(read):
    """What nobody reads is never unpacked."""
    data = office.extended(OFFICE[types.DOCX][0], **{"word/media/a.png": bytes(2 * MOST_BYTES)})

    assert "words" in read(types.DOCX, data)


def test_lying_sizes(read):
    """A size that the package claims is not believed."""
    data = office.edited(*OFFICE[types.DOCX], lambda xml: xml + b" " * 5_000_000)
    size = (5_000_000 + len(_part(OFFICE[types.DOCX][0], WORD))).to_bytes(4, "little")

    with pytest.raises(UnreadableFile, match="damaged"):
        read(types.DOCX, data.replace(size, (10).to_bytes(4, "little")))


def test_entries(read):
    """A package of too many parts is refused before they are read."""
    data = office.zipped({f"{number}.xml": b"" for number in range(MOST_ENTRIES + 1)})

    with pytest.raises(LimitExceeded, match="parts, more than"):
        read(types.DOCX, data)


@pytest.mark.parametrize("depth", [300, 100_000])
def test_deep_nesting(read, depth):
    """Elements in elements without end are refused."""
    data = docx("<w:sdt>" * depth + paragraph("words") + "</w:sdt>" * depth)

    with pytest.raises(LimitExceeded, match="deeper than any program"):
        read(types.DOCX, data)


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>" + b"<div>" * 100_000 + b"words",
        b"<html><body>" + b"<table><tr><td>" * 3_000 + b"words",
        b"<html><body>" + b"<ul><li>" * 20_000 + b"words",
    ],
)
def test_deep_web_page(read, data):
    """Deep nesting ends neither the child nor the pool."""

    assert len(read(types.HTML, data)) < len(data)


def test_deep_rtf(read):
    """Groups in groups end nothing either."""

    assert "words" in read(types.RTF, b"{\\rtf1 " + b"{" * 500_000 + b"words" + b"}" * 500_001)


def test_repeated_cells(read):
    """A cell that claims to stand there a billion times does not fill the memory."""
    data = office.edited(
        OFFICE[types.ODS][0],
        "content.xml",
        lambda xml: xml.replace(
            b"<table:table-row>", b'<table:table-row table:number-rows-repeated="1048576">'
        ).replace(
            b"<table:table-cell ", b'<table:table-cell table:number-columns-repeated="1024" '
        ),
    )

    with pytest.raises(LimitExceeded, match=r"was stopped"):
        read(types.ODS, data)


def test_cells_far_apart(read):
    """Two cells at the corners of a sheet do not make a sheet of seventeen billion."""
    cells = ((1, "A1"), (1048576, "XFD1048576"))
    rows = "".join(f'<row r="{n}"><c r="{place}"><v>1</v></c></row>' for n, place in cells)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'.encode()
    data = office.edited(OFFICE[types.XLSX][0], "xl/worksheets/sheet1.xml", lambda _: sheet)

    assert len(read(types.XLSX, data)) < 1_000


@pytest.mark.parametrize("media_type", OFFICE)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_cut_off(read, media_type, share):
    """A document that was cut off is called damaged."""
    data, _ = OFFICE[media_type]

    with pytest.raises(UnreadableFile, match="damaged or cut off"):
        read(media_type, data[: int(len(data) * share)])


@pytest.mark.parametrize("media_type", OFFICE)
def test_broken_xml(read, media_type):
    """A part that is no XML makes its document damaged, or is read as far as it goes."""
    data, part = OFFICE[media_type]
    try:
        text = read(media_type, office.edited(data, part, lambda xml: xml[: len(xml) // 2]))
    except UnreadableFile as error:
        text = error.message

    assert "damaged" in text or len(text) < 1_000


@pytest.mark.parametrize("media_type", [types.DOCX, types.PPTX, types.XLSX])
def test_password_of_office(read, media_type):
    """A protected office document lies in another container, and says what to do."""
    with pytest.raises(UnreadableFile, match="without a password"):
        read(media_type, bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))


@pytest.mark.parametrize("media_type", [types.ODT, types.ODS, types.ODP])
def test_password_of_open_document(read, media_type):
    """A protected OpenDocument file says what to do."""
    data = office.edited(
        OFFICE[media_type][0],
        "META-INF/manifest.xml",
        lambda xml: xml.replace(
            b"</manifest:manifest>", b"<manifest:encryption-data/></manifest:manifest>"
        ),
    )

    with pytest.raises(UnreadableFile, match="without a password"):
        read(media_type, data)


def test_password_of_the_archive(read):
    """A package with encrypted entries says what to do."""
    data = bytearray(OFFICE[types.DOCX][0])
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1

    with pytest.raises(UnreadableFile, match="has a password"):
        read(types.DOCX, bytes(data))


def _part(data, name):
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return package.read(name)
