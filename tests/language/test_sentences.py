"""Sentences end where readers see an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.language.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def test_full_stops_end_sentences() -> None:
    """Stops, questions and exclamations end a sentence before a capital."""
    text = "It was plan B. We left. Quoi ? Oui ! What?! No."

    assert sentences(text) == ["It was plan B. We left.", "Quoi ?", "Oui !", "What?!", "No."]


@pytest.mark.parametrize(
    "text",
    [
        "M. Dupont est venu.",
        "Il a vu le Dr. Martin, cf. p. 12.",
        "Voir p. ex. Les Fleurs du mal.",
        "See e.g. Smith et al. (2003) for Pi is 3.14 or so.",
        "J. R. R. Tolkien wrote to the U.S. Army.",
        "« Venez ! » dit-il.",
        "He paused... then left.",
        "1. Introduction to it.",
    ],
)
def test_abbreviations_end_nothing(text: str) -> None:
    """Titles, initials, numbers and references keep their sentence together."""
    assert sentences(text) == [text]


def test_trailing_abbreviations_may_end_a_sentence() -> None:
    """After “etc.” a capital begins something new."""
    assert sentences("C'est tout, etc. Ensuite vint l'an 2000.") == [
        "C'est tout, etc.",
        "Ensuite vint l'an 2000.",
    ]


def test_chinese_and_japanese_stops() -> None:
    """Full-width stops need no space after them."""
    assert sentences("日本語です。そうですか？はい。") == ["日本語です。", "そうですか？", "はい。"]


@given(st.text())
def test_nothing_but_space_lies_between(text: str) -> None:
    """Spans rise, do not overlap, and hold every visible character."""
    spans = split_sentences(text)

    assert "".join(text.split()) == "".join("".join(sentences(text)).split())
    assert [edge for span in spans for edge in span] == sorted(
        edge for span in spans for edge in span
    )
