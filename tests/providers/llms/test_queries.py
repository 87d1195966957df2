"""Queries from a model's words, and from rules."""

from __future__ import annotations

import pytest

from ragline.providers.contracts import Turn
from ragline.providers.llms.queries import in_other_words, queries_of, standing_alone

HISTORY = [
    Turn("user", "How long is the warranty of the Bosch kettle?"),
    Turn("assistant", "Two years, says Anna [1]."),
]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kettle warranty", ("kettle warranty",)),
        ("1. kettle\n2) toaster\n- pan\n* pot", ("kettle", "toaster", "pan")),
        ('Query: "kettle"\n\n`KETTLE`', ("kettle",)),
        ("<think>a\nb</think>\nkettle", ("kettle",)),
        ("Here are the queries:\nkettle\0", ("kettle",)),
        ("x" * 900, ("x" * 500,)),
        ("\n --- \n", ("Which?",)),
        ("", ("Which?",)),
    ],
)
def test_queries_of(words: str, expected: tuple[str, ...]) -> None:
    """Each line is a query, bare and once; without any the question is the query."""
    assert queries_of(words, "Which?", most=3) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And the toaster?", "And the toaster? long warranty Bosch kettle"),
        (
            "Does it cover the water filter?",
            "Does it cover the water filter? long warranty Bosch kettle",
        ),
        ("Why?", "Why? long warranty Bosch kettle"),
        ("How long is the warranty?", "How long is the warranty? Bosch kettle"),
        ("Who wrote Candide in 1759?", "Who wrote Candide in 1759?"),
    ],
    ids=["goes on", "pronoun", "no content", "few words", "stands alone"],
)
def test_standing_alone(question: str, expected: str) -> None:
    """A question that leans on what was said gets its words; another one stays as it is."""
    assert standing_alone(question, HISTORY) == expected


def test_follow_up_of_a_follow_up() -> None:
    """What the last question leaned on is still meant."""
    history = [*HISTORY, Turn("user", "And the toaster?"), Turn("assistant", "One year.")]

    assert standing_alone("Why?", history) == "Why? toaster long warranty Bosch kettle"


def test_french() -> None:
    """Rules hold for French too."""
    history = [Turn("user", "Quelle est la garantie de la bouilloire Bosch ?")]

    found = standing_alone("Est-ce qu'elle couvre aussi le filtre à eau ?", history)

    assert found == "Est-ce qu'elle couvre aussi le filtre à eau ? garantie bouilloire Bosch"


def test_without_history() -> None:
    """Where nothing was said before, nothing is added."""
    assert standing_alone("And it?", []) == "And it?"


def test_in_other_words() -> None:
    """Other words are the content words, then their stems."""
    assert in_other_words("What do the warranties cover?") == ["warranties cover", "warranti cover"]
