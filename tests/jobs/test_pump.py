"""Generators that run in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from ragline.jobs.pump import Pump

SECONDS = 30.0


def taken(pump: Pump[str]) -> list[str]:
    """Return all that is left."""
    pieces = []
    while not pump.has_ended:
        piece = pump.take(SECONDS)
        pieces += [piece] if piece is not None else []
    return pieces


def test_all_pieces() -> None:
    """Each piece arrives once, in order."""

    with Pump(each for each in "abc") as pump:
        assert ["a", "b", "c"] == taken(pump)


def test_nothing_yet() -> None:
    """Where there is no piece in time there is none, and it has not ended."""

    gate = threading.Event()

    def pieces() -> Generator[str, None, None]:
        gate.wait(SECONDS)
        yield "a"

    with Pump(pieces()) as pump:
        assert (None, False) == (pump.take(0), pump.has_ended)
        gate.set()
        assert ["a"] == taken(pump)


def test_failure() -> None:
    """What the generator raises is raised where its pieces are read, behind them."""

    def pieces() -> Generator[str, None, None]:
        yield "a"
        raise ValueError("broken")

    with Pump(pieces()) as pump:
        assert "a" == pump.take(SECONDS)
        with pytest.raises(ValueError, match="broken"):
            pump.take(SECONDS)


def test_left_early() -> None:
    """A generator whose reader leaves is closed at its next piece."""

    closed, gate = threading.Event(), threading.Event()

    def pieces() -> Generator[str, None, None]:
        try:
            gate.wait(SECONDS)
            yield "a"
            yield "b"
        finally:
            closed.set()

    with Pump(pieces()):
        pass
    gate.set()

    assert closed.wait(SECONDS)
