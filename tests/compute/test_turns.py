"""Turns: nobody's backlog holds up another's work, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from ragline.compute.turns import Turns

WAIT_SECONDS = 30
MOST = 24
GIVE_BACK = ""
MOVES = st.lists(st.sampled_from(["a", "b", "c", GIVE_BACK]), max_size=MOST)


class Callers:
    """Callers of one `Turns`, each in a thread of its own, who come in a known order."""

    def __init__(self, things: int) -> None:
        self.things = [f"thing {number}" for number in range(things)]
        self.turns = Turns(self.things)
        self.asked: list[tuple[str, int]] = []
        self.served: list[tuple[str, int]] = []
        self.held: list[tuple[str, str]] = []

    def ask(self, share: str) -> None:
        """Have somebody of a share ask; return once they are served or wait."""
        who = share, len(self.asked)
        self.asked.append(who)
        threading.Thread(target=self._take, args=[who], daemon=True).start()
        self._settle()

    def give_back(self) -> None:
        """Give back what is held longest, and return once the next one is served."""
        self.turns.give_back(self.held.pop(0)[1])
        self._settle()

    def finish(self) -> None:
        """Give everything back until nobody waits."""
        while self.held:
            self.give_back()

    def _take(self, who: tuple[str, int]) -> None:
        thing = self.turns.take(who[0])
        self.held.append((who[0], thing))
        self.served.append(who)

    def _settle(self) -> None:
        until(lambda: len(self.served) + self.turns.waiting == len(self.asked))


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.0002)


def play(things: int, moves: list[str]) -> Callers:
    """Have callers come and go and everything given back in the end."""
    callers = Callers(things)
    for move in moves:
        if move != GIVE_BACK:
            callers.ask(move)
        elif callers.held:
            callers.give_back()
        shares = Counter(share for share, _ in callers.held)
        assert len(callers.held) <= things
        # Nobody waits beside something idle.
        assert len(callers.held) == things or callers.turns.waiting == 0, shares
    callers.finish()
    return callers


@settings(max_examples=40)
@given(things=st.integers(1, 3), moves=MOVES)
def test_everybody_is_served_in_order(things: int, moves: list[str]) -> None:
    """All who ask are served once, those of one share in the order in which they came."""
    callers = play(things, moves)

    assert sorted(callers.asked) == sorted(callers.served)
    for share in "abc":
        mine = [who for who in callers.served if who[0] == share]
        assert mine == sorted(mine)


@settings(max_examples=20)
@given(things=st.integers(1, 4), moves=MOVES)
def test_nothing_is_lost(things: int, moves: list[str]) -> None:
    """In the end everything can be had again, each thing once."""
    callers = play(things, moves)

    assert set(callers.things) == {callers.turns.take("anybody") for _ in range(things)}


@settings(max_examples=20)
@given(things=st.integers(1, 4), backlog=st.integers(0, 12))
def test_newcomer(things: int, backlog: int) -> None:
    """However long the backlog of another share, a newcomer is served next."""
    callers = Callers(things)
    for _ in range(things + backlog):
        callers.ask("busy")
    callers.ask("new")
    before = len(callers.served)
    callers.give_back()

    assert [("new", things + backlog)] == callers.served[before:]
    callers.finish()


@settings(max_examples=10)
@given(things=st.integers(1, 4))
def test_alone(things: int) -> None:
    """A share that is alone gets everything."""
    callers = Callers(things)
    for _ in range(things):
        callers.ask("only")

    assert things == len(callers.held)
    callers.finish()


def test_two_backlogs() -> None:
    """Two shares that always want more have the same number of things, whoever came first."""
    callers = Callers(4)
    for share in ["a"] * 10 + ["b"] * 10:
        callers.ask(share)
    for _ in range(4):
        callers.give_back()
    for _ in range(6):
        callers.give_back()
        assert {"a": 2, "b": 2} == Counter(share for share, _ in callers.held)
    callers.finish()


def test_equals_take_turns() -> None:
    """Shares that hold the same number come one after the other."""
    callers = Callers(1)
    for share in ["x", *"aabbcc"]:
        callers.ask(share)
    callers.finish()

    assert "xabcabc" == "".join(share for share, _ in callers.served)
