"""Books: their chapters in order."""

import pytest
from tests.providers.parsers import made_office as office

from ragline.errors import UnreadableFile
from ragline.providers.parsers.epub import EpubParser

BOOK = office.epub("<h1>Un</h1><p>R&amp;D &lt;x&gt;</p>", "<h2>Deux</h2><p>été</p>")


@pytest.fixture
def read():
    return EpubParser().pages_of


def test_chapters(read):
    """Each chapter is a page with its headings, in the order of the book."""

    assert ["# Un\n\nR&D <x>", "## Deux\n\nété"] == read(BOOK)


def test_protected(read):
    """A protected book says so; protected fonts are no reason."""
    locked = '<encryption xmlns:e="x"><e:CipherReference URI="{}"/></encryption>'
    part = "META-INF/encryption.xml"
    fonts = office.extended(BOOK, **{part: locked.format("OEBPS/font.otf").encode()})
    chapters = office.extended(BOOK, **{part: locked.format("OEBPS/ch%200.xhtml").encode()})

    assert 2 == len(read(fonts))
    with pytest.raises(UnreadableFile, match="protected against copying"):
        read(chapters)


@pytest.mark.parametrize("part", ["META-INF/container.xml", "OEBPS/book.opf"])
def test_parts_missing(read, part):
    """A book without its list of chapters is called damaged."""
    with pytest.raises(UnreadableFile, match="damaged"):
        read(office.renamed(BOOK, part, "other.xml"))
