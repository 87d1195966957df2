"""What clients prefer is read as RFC 7240 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.http.prefer import LONGEST_HEADER, Preferences, applied, preferences_in

NOTHING = Preferences()
ASYNC = Preferences(respond_async=True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], NOTHING),
        (["respond-async"], ASYNC),
        (["Respond-Async"], ASYNC),
        (['respond-async=""'], ASYNC),
        (["respond-async; foo=bar"], ASYNC),
        (["wait=10"], Preferences(wait=10)),
        (["wait = 10"], Preferences(wait=10)),
        (['wait="10"'], Preferences(wait=10)),
        (["WAIT=0"], Preferences(wait=0)),
        (["respond-async, wait=100"], Preferences(True, 100)),
        (["wait=5,respond-async"], Preferences(True, 5)),
        ([" ,, respond-async ,\twait=5 , "], Preferences(True, 5)),
        (["respond-async", "wait=5"], Preferences(True, 5)),
    ],
)
def test_read(headers: list[str], expected: Preferences) -> None:
    """Case, white space, quotes and the number of headers make no difference."""

    assert expected == preferences_in(headers)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "handling=lenient, return=minimal",
        'foo="respond-async, wait=5"',
        r'foo="\", respond-async"',
        'foo; bar="respond-async"',
        "respond-async=yes",
        "respond async",
        "wait",
        "wait=",
        "wait=soon",
        "wait=-1",
        "wait=1.5",
        "wait=²",
        "wait=1 2",
        "=5",
        ";",
        '"respond-async"',
        "respond-async" + " " * LONGEST_HEADER,
    ],
)
def test_ignored(header: str) -> None:
    """What is unknown or malformed says nothing."""

    assert NOTHING == preferences_in([header])


@pytest.mark.parametrize(
    "header", ['wait=5, foo="', "foo bar, wait=5", "=, wait=5", "wait=5, wait=9"]
)
def test_neighbours(header: str) -> None:
    """A malformed or repeated preference does not touch the ones before and beside it."""

    assert Preferences(wait=5) == preferences_in([header])


@given(st.lists(st.text(alphabet=' ,;="\\wait0respond-async', max_size=200), max_size=3))
def test_any_text(headers: list[str]) -> None:
    """No header is an error."""

    assert preferences_in(headers).wait is None or preferences_in(headers).wait >= 0


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        (NOTHING, {}),
        (ASYNC, {"Preference-Applied": "respond-async"}),
        (Preferences(True, 5), {"Preference-Applied": "respond-async, wait=5"}),
    ],
)
def test_applied(preferences: Preferences, expected: dict[str, str]) -> None:
    """The answer names the preferences that were honoured."""

    assert expected == applied(preferences)
