"""Answers that grow piece by piece: what is shown is the same however the pieces are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.providers.contracts import Passage, Quote
from ragline.providers.llms.markers import LONGEST_MARKER
from ragline.providers.llms.writing import Writing

PASSAGES = (
    Passage("Drinks", "Tea boils at dawn. Coffee is served at noon.", 0.9),
    Passage("Shop", "Milk comes on Monday.", 0.8),
    Passage("Empty", " ", 0.1),
)
PARTS = (
    *("[", "]", "[1]", "[2]", "[1, 2]", "[9]", "[0]", "[3", "1", ",", ";", "[[1]]", "[12345]"),
    *(" ", "\n", "\t", "\u2028", "\0", ". ", "! ", "…", "*", "é", "\U0001f600"),
    *("Tea boils at dawn", "Coffee at noon.", "Milk", "Dr. ", "e.g. "),
    *("<think>", "</think>", "<", "</thi", "<think", ">"),
)


def written(pieces: list[str]) -> tuple[str, tuple[Quote, ...], list[str]]:
    """Return the text, its quotes and the pieces that were shown."""
    writing = Writing("When is tea?", PASSAGES)
    shown = [writing.add(piece) for piece in pieces]
    return writing.text, writing.quotes, [*shown, writing.end()]


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=25), st.data())
def test_chunks(parts: list[str], data: st.DataObject) -> None:
    """Any cutting of any text gives the same text and quotes as the text in one piece."""
    text = "".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
    pieces = [text[i:j] for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert written([text])[:2] == written(pieces)[:2] == written(list(text))[:2]


@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_what_was_shown_is_the_text(parts: list[str]) -> None:
    """What was shown piece by piece is the text, without white space at its ends."""
    writing = Writing("When is tea?", PASSAGES)
    shown = "".join([*(writing.add(part) for part in parts), writing.end()])

    assert writing.text == shown == shown.strip()


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["Tea ", "[", "1", "]", "."], ["Tea", "", "", " [1]", ".", ""]),
        (["Tea [", "see", " below]"], ["Tea", " [see", " below]", ""]),
        (["<thi", "nk>Hm.", "</think>", "\n Tea", " "], ["", "", "", "Tea", "", ""]),
        (["<b>", "Tea"], ["<b>", "Tea", ""]),
        (["[1]", " says", " tea", ". Yes"], ["", "", "", "[1] says tea. Yes", ""]),
        (["*", "*Tea"], ["", "**Tea", ""]),
        (["[9] ", "[", "4"], ["", "", "", "[4"]),
    ],
    ids=["marker", "no marker", "thoughts", "a tag", "leading", "no word yet", "cut at the end"],
)
def test_held_back(pieces: list[str], shown: list[str]) -> None:
    """Only what is not decided is held back, and no longer than until it is."""
    assert written(pieces)[2] == shown


@pytest.mark.parametrize(
    "text", ["", " \n", "[1]", "[1] [2].", "…", "<think>Tea", "<think>Tea</thi"]
)
def test_no_words(text: str) -> None:
    """Without a word outside markers and thoughts nothing is shown at all."""
    assert written([text]) == ("", (), ["", ""])


def test_several_thoughts() -> None:
    """Thoughts may come more than once before the answer, and later ones are part of it."""
    text = "<think>a</think>\n<think>b</think>Tea <think>c</think>"

    assert written([text])[0] == "Tea <think>c</think>"


def test_endless_list() -> None:
    """What is held back is bounded: a list that is too long is no marker."""
    writing = Writing("When is tea?", PASSAGES)
    shown = "".join(writing.add(part) for part in ["Tea [1", *[",1"] * 500])

    assert len("Tea [1") + 1000 - len(shown) <= LONGEST_MARKER
