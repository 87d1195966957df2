"""Markers of a model's answer and the quotes they become."""

from __future__ import annotations

import pytest

from ragline.providers.contracts import Passage, Quote
from ragline.providers.llms.markers import cited

TEA = "Tea boils at dawn. Coffee is served at noon."
MILK = "Milk comes on Monday."
PASSAGES = (Passage("Drinks", TEA, 0.9), Passage("Shop", MILK, 0.8), Passage("Empty", " ", 0.1))

COFFEE_QUOTE = Quote(0, "Coffee is served at noon.")
TEA_QUOTE = Quote(0, "Tea boils at dawn.")
MILK_QUOTE = Quote(1, MILK)


@pytest.mark.parametrize(
    ("answer", "text", "quotes"),
    [
        ("Coffee is at noon [1].", "Coffee is at noon [1].", (COFFEE_QUOTE,)),
        ("Coffee is at noon.[1]", "Coffee is at noon. [1]", (COFFEE_QUOTE,)),
        ("Milk on Monday [2].", "Milk on Monday [1].", (MILK_QUOTE,)),
        ("[1] says tea boils.", "[1] says tea boils.", (TEA_QUOTE,)),
        (
            "Milk on Monday [2]. Tea at dawn [1]. Coffee at noon [1].",
            "Milk on Monday [1]. Tea at dawn [2]. Coffee at noon [3].",
            (MILK_QUOTE, TEA_QUOTE, COFFEE_QUOTE),
        ),
        ("Tea at dawn [1]. Tea boils [1].", "Tea at dawn [1]. Tea boils [1].", (TEA_QUOTE,)),
        ("Tea at dawn [2][1].", "Tea at dawn [1][2].", (MILK_QUOTE, TEA_QUOTE)),
        ("Tea at dawn [1, 2].", "Tea at dawn [1][2].", (TEA_QUOTE, MILK_QUOTE)),
        ("Tea at dawn [1, 9].", "Tea at dawn [1].", (TEA_QUOTE,)),
        ("Tea at dawn [9] [0].", "Tea at dawn.", ()),
        ("Tea at dawn [3].", "Tea at dawn.", ()),
        ("Tea at dawn.", "Tea at dawn.", ()),
        ("- Tea\n- Milk [2]\n[1]", "- Tea\n- Milk [1]\n[2]", (MILK_QUOTE, TEA_QUOTE)),
        ("Nothing matches [1].", "Nothing matches [1].", (TEA_QUOTE,)),
    ],
    ids=[
        "inside the sentence",
        "behind the sentence",
        "numbered anew",
        "before the sentence",
        "several",
        "same quote twice",
        "side by side",
        "list",
        "list with a wrong one",
        "wrong ones",
        "passage without words",
        "none",
        "lines",
        "no shared word",
    ],
)
def test_cited(answer: str, text: str, quotes: tuple[Quote, ...]) -> None:
    """The k-th quote is the best sentence for what `[k]` marks; other markers are gone."""
    assert cited(answer, "When is tea?", PASSAGES) == (text, quotes)


def test_question_decides() -> None:
    """Where a sentence shares no word with the passage, the question chooses the quote."""
    text, quotes = cited("Zu Mittag [1].", "When is coffee served?", PASSAGES)

    assert (text, quotes) == ("Zu Mittag [1].", (COFFEE_QUOTE,))
