"""Presentations: slides with their titles, points, tables and notes."""

import pptx
import pytest
from tests.providers.parsers import made_office as office

from ragline.errors import UnreadableFile
from ragline.providers.parsers.slides import SlidesParser


@pytest.fixture
def read():
    return SlidesParser().pages_of


def test_pptx(read):
    """A slide is its title, its points in a list, and its speaker's notes."""
    data = office.slides(("Été", ["un", "R&D"], "à dire"), ("Fin", ["seul"], ""))

    assert ["# Été\n\n- un\n- R&D\n\nNotes:\nà dire", "# Fin\n\nseul"] == read(data)


def test_pptx_table(read):
    """A table on a slide is a Markdown table."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    table = slide.shapes.add_table(2, 2, 0, 0, 10, 10).table
    for place, value in enumerate(("a", "b|c", "1", "2")):
        table.cell(place // 2, place % 2).text = value

    assert ["| a | b\\|c |\n| --- | --- |\n| 1 | 2 |"] == read(office.saved(deck))


def test_pptx_group(read):
    """Boxes in a group are read."""
    deck = pptx.Presentation()
    group = deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, 10, 10).text_frame.text = "inside"

    assert ["inside"] == read(office.saved(deck))


def test_pptx_empty_slide(read):
    """An empty slide is an empty page, so that the numbers of the others are right."""
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[6])
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "Second"

    assert ["", "# Second"] == read(office.saved(deck))


def test_pptx_order(read):
    """Slides have the order in which they are shown, whatever their files are called."""
    deck = pptx.Presentation()
    for title in ("first", "second"):
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = title
    shown = deck.slides._sldIdLst
    shown.append(shown[0])

    assert ["# second", "# first"] == read(office.saved(deck))


def test_odp(read):
    """OpenDocument slides have titles, words and notes too."""
    data = office.odp(("Été", "R&D <un>", "à dire"), ("Fin", "seul", ""))

    assert ["# Été\n\nR&D <un>\n\nNotes:\nà dire", "# Fin\n\nseul"] == read(data)


def test_no_slides(read):
    """A presentation without slides is one empty page."""

    assert [""] == read(office.saved(pptx.Presentation()))


def test_missing_slide(read):
    """A presentation that lacks a slide it names is called damaged."""
    data = office.renamed(office.slides(("a", ["b"], "")), "ppt/slides/slide1.xml", "other.xml")

    with pytest.raises(UnreadableFile, match="damaged"):
        read(data)
