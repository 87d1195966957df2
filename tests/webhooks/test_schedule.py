"""When a webhook is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.webhooks.schedule import JITTER, LONGEST, WINDOW, asked_wait, wait, waits

TRIES = st.integers(10, 50)
DRAWS = st.floats(0, 1, exclude_max=True)
AT = datetime(2026, 11, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("tries", range(10, 51))
def test_window(tries: int) -> None:
    """However many tries are allowed, even the shortest waits last 72 hours together."""

    assert sum((wait(n, tries, draw=0) for n in range(1, tries)), timedelta()) >= WINDOW


@given(tries=TRIES)
def test_growth(tries: int) -> None:
    """No wait is shorter than the one before, and none longer than a day."""

    assert list(waits(tries)) == sorted(waits(tries))
    assert waits(tries)[-1] <= LONGEST


@given(tries=TRIES, data=st.data(), draw=DRAWS)
def test_jitter(tries: int, data: st.DataObject, draw: float) -> None:
    """Jitter only lengthens a wait, by at most its share."""

    after = data.draw(st.integers(1, tries - 1))
    planned = waits(tries)[after - 1]

    assert planned <= wait(after, tries, draw=draw) <= planned * (1 + JITTER)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("99999999999999999999", 86400),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("Thu, 05 Nov 2026 12:10:00 GMT", 600),
        ("Thu, 05 Nov 2026 11:00:00 GMT", 0),
        ("Thu, 05 Nov 2027 12:00:00 GMT", 86400),
        ("Thu, 05 Nov 2026 12:10:00 -0000", 600),
    ],
)
def test_retry_after(header: str | None, seconds: int) -> None:
    """Seconds and dates are understood, up to a day; what is not understood asks for nothing."""

    assert timedelta(seconds=seconds) == asked_wait(header, at=AT)
