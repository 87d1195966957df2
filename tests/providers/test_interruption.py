"""Ending calls from another thread."""

from __future__ import annotations

from ragline.providers.interruption import Interruption, ended_by


def test_call_under_way() -> None:
    """A call that is under way is ended."""

    ended: list[str] = []
    interruption = Interruption()
    with interruption.heeded(), ended_by(lambda: ended.append("a")):
        interruption.interrupt()

    assert ["a"] == ended


def test_later_call() -> None:
    """A call that begins after the interruption ends at once."""

    ended: list[str] = []
    interruption = Interruption()
    interruption.interrupt()
    with interruption.heeded(), ended_by(lambda: ended.append("a")):
        assert ["a"] == ended


def test_call_before() -> None:
    """A call that is over is ended no more."""

    ended: list[str] = []
    interruption = Interruption()
    with interruption.heeded(), ended_by(lambda: ended.append("a")):
        pass
    interruption.interrupt()

    assert [] == ended


def test_nobody_interrupts() -> None:
    """Outside such a block a call is like any other."""

    ended: list[str] = []
    with ended_by(lambda: ended.append("a")):
        pass

    assert [] == ended
