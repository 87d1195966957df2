"""What is sent of a conversation along with a question."""

from __future__ import annotations

import pytest

from ragline.chat.history import cut, estimated_tokens
from ragline.providers.contracts import Turn

TURNS = [
    Turn("user", 40 * "a"),
    Turn("assistant", 40 * "b"),
    Turn("user", 20 * "c"),
    Turn("assistant", 20 * "d"),
]


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_estimate(text: str, tokens: int) -> None:
    """Four characters are about a token, and a part of one counts."""
    assert tokens == estimated_tokens(text)


@pytest.mark.parametrize(("tokens", "kept"), [(0, 0), (9, 0), (10, 2), (29, 2), (30, 4), (99, 4)])
def test_cut(tokens: int, kept: int) -> None:
    """The oldest turns go first, a question together with its answer."""
    assert tuple(TURNS[len(TURNS) - kept :]) == cut(TURNS, tokens)


def test_a_gap_ends_it() -> None:
    """What is older than a turn that does not fit is not sent either."""

    turns = [Turn("user", "a"), Turn("assistant", 400 * "b"), Turn("user", "c")]

    assert (turns[2],) == cut(turns, 10)
