"""How long a caller waits for a provider's limits."""

from __future__ import annotations

import pytest

from ragline.errors import Overloaded
from ragline.jobs.turnstile import patience, shorter


def test_too_long_a_wait() -> None:
    """A wait that is known to be too long is not begun, and its length is told."""

    with pytest.raises(Overloaded, match="respond-async") as refused:
        patience(30)(45.0)

    assert 45.0 == refused.value.retry_after


def test_many_short_waits() -> None:
    """Short waits end as well once they are too long in all."""

    pause = patience(0.05)

    def wait_often() -> None:
        for _ in range(1000):
            pause(0.001)

    with pytest.raises(Overloaded):
        wait_often()


def test_shorter_wait() -> None:
    """A wait that others need not share is refused once it is too long, and else is waited."""

    waited: list[float] = []
    pause = shorter(waited.append, 5.0)
    pause(1.0)

    with pytest.raises(Overloaded):
        pause(6.0)
    assert [1.0] == waited
