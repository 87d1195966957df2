"""Only quotes that stand in their source are shown."""

from __future__ import annotations

import pytest

from ragline.chat.citations import checked
from ragline.providers.contracts import Passage, Quote

PASSAGES = (Passage("A", "One fine\nday  it rained.", 1.0), Passage("B", "It snowed.", 0.5))


@pytest.mark.parametrize(
    "quote",
    [Quote(0, "One fine\nday"), Quote(0, "fine day it rained."), Quote(1, " It snowed. ")],
    ids=["as it stands", "other white space", "white space around"],
)
def test_kept(quote: Quote) -> None:
    """A quote whose words stand in its passage is kept as it was given."""
    assert checked([quote], PASSAGES) == ([quote], 0)


@pytest.mark.parametrize(
    "quote",
    [
        Quote(0, "It snowed."),
        Quote(1, "it snowed"),
        Quote(1, " \n"),
        Quote(1, ""),
        Quote(2, "It"),
        Quote(-1, "It snowed."),
    ],
    ids=["another passage", "another letter", "blank", "empty", "no passage", "negative"],
)
def test_dropped(quote: Quote) -> None:
    """A quote that does not stand in the passage it names is dropped and counted."""
    assert checked([quote], PASSAGES) == ([], 1)


def test_order() -> None:
    """The quotes that are kept stay in order."""
    first, wrong, last = Quote(1, "snowed"), Quote(0, "hail"), Quote(0, "rained")

    assert checked([first, wrong, last], PASSAGES) == ([first, last], 1)


def test_nothing() -> None:
    """No quotes and no passages are fine."""
    assert checked([], []) == ([], 0)
