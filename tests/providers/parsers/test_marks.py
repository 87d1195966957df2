"""Text with marks becomes pages, and noise leaves the words."""

import pytest

from ragline.providers.parsers.marks import MARK, divided, readable


@pytest.mark.parametrize(
    ("marked", "pages"),
    [
        ("one@two", ["one", "two"]),
        ("# @Title", ["", "# Title"]),
        ("text\n\n## @Title\n\nmore", ["text", "## Title\n\nmore"]),
        ("text@\nmore", ["text", "more"]),
        ("@", ["", ""]),
        ("- @item", ["", "- item"]),
        ("a@@b", ["a", "", "b"]),
        ("| h |\n| --- |\n| 1 |\n| @2 |", ["| h |\n| --- |\n| 1 |", "| h |\n| --- |\n| 2 |"]),
        ("| @h |\n| --- |\n| 1 |", ["", "| h |\n| --- |\n| 1 |"]),
        ("no mark", ["no mark"]),
    ],
)
def test_divided(marked, pages):
    """Pages turn at marks, and a sign goes with the words that it belongs to."""

    assert pages == divided(marked.replace("@", MARK))


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("see [the page](http://a/b_(c)) now", "see the page now"),
        ("![alt](a.png)words", "words"),
        ("**bold** and *slanted*", "bold and slanted"),
        (r"2 \* 3 \_ \<x\> \[1\]", "2 * 3 _ <x> [1]"),
        (r"no \# heading", "no # heading"),
        (r"\# no heading", r"\# no heading"),
        ("a * b * c", "a * b * c"),
        ("| a \\| b |\n| --- |", "| a \\| b |\n| --- |"),
        ("a\n\n\n\nb", "a\n\nb"),
    ],
)
def test_readable(markdown, text):
    """Addresses, emphasis and escapes go, the words stay."""

    assert text == readable(markdown)


@pytest.mark.parametrize("piece", ["[", "![", "[a](", "*", "* ", "**a ", "![a](", "\\[", "| "])
def test_long_lines(piece):
    """A line of a million signs that open something is read, and stays about as long."""
    text = piece * (1_000_000 // len(piece))

    assert len(text) / 3 < len(readable(text)) <= len(text)
