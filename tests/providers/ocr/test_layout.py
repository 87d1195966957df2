"""The order in which words on a page are read."""

from __future__ import annotations

from ragline.providers.ocr.layout import Box, Word, text_of

LINE = 30


def line(text: str, left: int, row: float, *, width: int | None = None) -> list[Word]:
    """Return the words of a piece of a line; each letter is ten pixels wide unless told."""
    step = (width or 10 * len(text)) / max(len(text), 1)
    words, at = [], 0
    for word in text.split(" "):
        start = left + round(at * step)
        box = Box(start, round(LINE * row), start + round(len(word) * step), round(LINE * row) + 20)
        words.append(Word(word, 0.9, box, (left, row)))
        at += len(word) + 1
    return words


def test_rows_of_a_table() -> None:
    """Cells that stand side by side are one line, whatever blocks an engine makes of them."""
    names = [word for row in range(8) for word in line(f"item {row}", 100, row)]
    prices = [word for row in range(8) for word in line(f"{row},50", 600, row + 0.1)]

    assert [f"item {row} {row},50" for row in range(8)] == text_of([*names, *prices]).splitlines()


def test_columns_of_text() -> None:
    """Two columns of running text are read one after the other, a heading above both first."""
    words = line("A heading that stands above both of the columns of the page", 150, 0)
    for row in range(2, 12):
        words += line(f"left column line number {row} goes on", 100, row)
        words += line(f"right column line number {row} goes on", 600, row)
    read = text_of(words).splitlines()

    assert read[0].startswith("A heading")
    assert ["left"] * 10 + ["right"] * 10 == [each.split()[0] for each in read[1:]]


def test_labels_beside_text() -> None:
    """Labels in the margin stand in the line that they label."""
    words = [w for row in range(12) for w in line(f"what line {row} has to tell of it", 400, row)]
    words += line("FIRST", 100, 0) + line("SECOND", 100, 6)
    read = text_of(words).splitlines()

    assert "FIRST what line 0 has to tell of it" == read[0]
    assert "SECOND what line 6 has to tell of it" == read[6]


def test_nothing() -> None:
    """A page without words has no text."""
    assert "" == text_of([])
