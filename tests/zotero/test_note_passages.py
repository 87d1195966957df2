"""Of a long work a fair choice of passages is read, within a budget."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ragline.zotero.note_passages import Passage, chosen, tokens_of


def passages(*lengths: int) -> list[Passage]:
    """Return passages of so many characters each."""
    return [Passage(number, "x" * length) for number, length in enumerate(lengths, start=1)]


def test_short() -> None:
    """Of a short work all is read."""
    work = passages(35, 35)

    assert work == chosen(work, 20)


def test_long() -> None:
    """Of a long work its beginning, its end, and some of all between are read."""
    work = passages(*[35] * 100)
    pages = [passage.page for passage in chosen(work, 200)]

    assert 20 == len(pages)
    assert [1, 2, 3, 4, 5, 6, 7] == pages[:7]
    assert [97, 98, 99, 100] == pages[-4:]
    assert all(later - page <= 13 for page, later in itertools.pairwise(pages))


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(0, 2000))
def test_budget(lengths: list[int], budget: int) -> None:
    """A choice fits its budget, in order, without a passage twice."""
    found = chosen(passages(*lengths), budget)
    pages = [passage.page for passage in found]

    assert sum(tokens_of(passage.text) for passage in found) <= budget
    assert sorted(set(pages)) == pages
