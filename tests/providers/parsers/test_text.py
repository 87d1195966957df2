"""Plain text and Markdown in the encodings that people have."""

import pytest

from ragline.errors import UnreadableFile
from ragline.providers.contracts import PageText
from ragline.providers.parsers.text import TextParser

FRENCH = "Où est l’été ?\nÀ la plage.\n"


def read(path, data):
    path.write_bytes(data)
    parser = TextParser()
    return parser.read_pages(path, 1, parser.count_pages(path))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "note.txt"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings(path, encoding):
    """Unicode in any marked form, UTF-8 and Windows-1252 are decoded."""

    assert read(path, FRENCH.encode(encoding)) == [PageText(1, FRENCH)]


def test_latin_1(path):
    """Bytes that Windows-1252 does not know are read as Latin-1."""

    assert read(path, b"caf\xe9 \x81") == [PageText(1, "café \x81")]


def test_pages(path):
    """Form feeds divide pages, and the last one ends the last page."""

    assert read(path, b"one\ftwo\f") == [PageText(1, "one"), PageText(2, "two")]


def test_range(path):
    """A range of pages is read with its numbers."""
    path.write_bytes(b"one\ftwo\fthree\ffour")

    assert TextParser().read_pages(path, 2, 3) == [PageText(2, "two"), PageText(3, "three")]


def test_line_ends(path):
    """All line ends become one kind."""

    assert read(path, b"a\r\nb\rc\n")[0].text == "a\nb\nc\n"


def test_markdown_headings(path):
    """Markdown keeps its headings as they stand."""

    assert read(path, b"# Title\n\n## Part\ntext")[0].text == "# Title\n\n## Part\ntext"


def test_text_is_storable(path):
    """What databases refuse is taken out."""
    text = read(path, "a\x01\x1b[0mb\uffffc\U0001f600".encode() + b" " * 80)[0].text

    assert text.strip() == "a[0mbc\U0001f600"


@pytest.mark.parametrize(
    "data",
    [b"abc\0def", b"\x89PNG\r\n\x1a\n" + bytes(20), bytes(range(1, 32)) * 9, b"\xff\xfea\xd8a"],
)
def test_not_text(path, data):
    """Binary content is refused with a sentence."""
    with pytest.raises(UnreadableFile, match="is not text"):
        read(path, data)


def test_unknown_encoding(path):
    """Text that would come out as nonsense is refused, not stored."""
    with pytest.raises(UnreadableFile, match="Save it as UTF-8"):
        read(path, "Всё хорошо, что хорошо кончается".encode("koi8-r"))


def test_empty(path):
    """An empty file is called empty."""
    with pytest.raises(UnreadableFile, match="This file is empty"):
        read(path, b"")
