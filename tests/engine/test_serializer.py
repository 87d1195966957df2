"""What the engine stores comes back as it was."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from dbos._error import DBOSMaxStepRetriesExceeded
from hypothesis import given
from hypothesis import strategies as st

from ragline import errors
from ragline.engine.retry import cause_of
from ragline.engine.serializer import EngineFault, JsonSerializer
from ragline.errors import Overloaded, RaglineError, UnreadableFile

# A server of other tests may draw random numbers while hypothesis draws examples.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OURS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, RaglineError)
]


def back(value: object) -> object:
    """Store a value and read it back."""
    serializer = JsonSerializer()
    return serializer.deserialize(serializer.serialize(value))


@given(value=PLAIN)
def test_plain_values(value: object) -> None:
    """Plain values come back equal."""

    assert value == back(value)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 22, 3, 30, 1, 5, tzinfo=UTC),
        datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=-5))),
        datetime(2026, 11, 22, 3, 30),
        date(2026, 11, 22),
    ],
)
def test_moments(moment: date) -> None:
    """Points in time and dates come back with their zone and type."""

    assert (type(moment), moment) == (type(back(moment)), back(moment))


def test_tuple() -> None:
    """A tuple comes back as a list, for JSON has none."""

    assert [1, [2, 3]] == back((1, (2, 3)))


@pytest.mark.parametrize("kind", OURS)
def test_our_errors(kind: type[RaglineError]) -> None:
    """Each error of our tree comes back with its class and words."""

    error = back(kind("What to do next."))

    assert kind is type(error)
    assert "What to do next." == error.message


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), TimeoutError("x"), OSError("x")])
def test_builtin_errors(error: Exception) -> None:
    """Built-in errors come back as what they were."""

    assert type(error) is type(back(error))


def test_builtin_error_with_other_arguments() -> None:
    """A built-in error that needs more than words comes back with its name and words."""

    error = back(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"))

    assert EngineFault is type(error)
    assert "UnicodeDecodeError" in str(error)
    assert "invalid start byte" in str(error)


def test_unknown_error() -> None:
    """An error of a class that is not known comes back with its name and words."""

    class Strange(Exception):
        pass

    error = back(Strange("what happened"))

    assert (EngineFault, "Strange: what happened") == (type(error), str(error))


def test_retries_exhausted() -> None:
    """The engine's error for exhausted tries comes back with the last failure behind it."""

    causes = [Overloaded("first"), UnreadableFile("last")]
    error = back(DBOSMaxStepRetriesExceeded("step", 2, list(causes)))

    assert isinstance(error, EngineFault)
    assert (UnreadableFile, "last") == (type(cause_of(error)), str(cause_of(error)))


@pytest.mark.parametrize("name", ["eval", "print", "object", "SystemExit", "__import__", "Any"])
def test_stored_names_run_nothing(name: str) -> None:
    """What is stored names errors only; anything else is words."""

    stored = {"$ragline": "exception", "type": name, "message": "1/0", "causes": []}
    error = JsonSerializer().deserialize(json.dumps(stored))

    assert (EngineFault, f"{name}: 1/0") == (type(error), str(error))


def test_objects_are_refused() -> None:
    """What is no plain value is refused when it is passed, not when it is needed."""

    with pytest.raises(TypeError, match="pass ids and plain values instead"):
        JsonSerializer().serialize({"x": object()})
