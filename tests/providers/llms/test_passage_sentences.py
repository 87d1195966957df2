"""Sentences of passages, also of such that have no full stops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragline.providers.llms.passage_sentences import LONGEST, sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def test_wrapped_lines() -> None:
    """A line that is about as long as the longest goes on in the next one."""
    text = "The warranty lasts for\ntwo years in all. Keep\nthe receipt."

    assert sentences(text) == ["The warranty lasts for\ntwo years in all.", "Keep\nthe receipt."]


def test_lines_that_end_early() -> None:
    """A heading or a row of a table is a sentence of its own, and so is a paragraph."""
    text = "Warranty\nThe warranty lasts for two years.\n \nKeep it"

    assert sentences(text) == ["Warranty", "The warranty lasts for two years.", "Keep it"]


def test_long_lists_are_cut() -> None:
    """What is too long is cut where a line ends."""
    line = "a row of a table without any stop"
    text = "\n".join([line] * 40)

    assert {len(piece.splitlines()[-1]) for piece in sentences(text)} == {len(line)}


def test_endless_word() -> None:
    """A text without any place to cut is cut at the longest length."""
    assert [len(piece) for piece in sentences("x" * 1100)] == [LONGEST, LONGEST, 100]


@given(st.text(alphabet="ab. \n,;?", max_size=1500))
def test_spans(text: str) -> None:
    """Spans rise, do not overlap, hold no outer white space and miss no word."""
    spans = sentence_spans(text)

    assert all(0 < end - start <= LONGEST for start, end in spans)
    assert [place for span in spans for place in span] == sorted(
        place for span in spans for place in span
    )
    assert all(piece == piece.strip() for piece in sentences(text))
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
