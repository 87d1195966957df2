"""Which errors are worth another try."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from ragline.engine.retry import cause_of, worth_retrying
from ragline.engine.serializer import EngineFault
from ragline.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Overloaded,
    PermanentProviderError,
    RaglineError,
    TemporaryProviderError,
    UnreadableFile,
)


@pytest.mark.parametrize(
    "error",
    [
        Overloaded("x"),
        TemporaryProviderError("x"),
        OperationalError("x", {}, Exception()),
        ConnectionResetError("x"),
        TimeoutError("x"),
    ],
)
def test_temporary(error: Exception) -> None:
    """Trouble that may pass is worth another try."""

    assert worth_retrying(error)


@pytest.mark.parametrize(
    "error",
    [
        RaglineError("x"),
        InvalidInput("x"),
        UnreadableFile("x"),
        LimitExceeded("x"),
        NotFound("x"),
        Conflict("x"),
        PermanentProviderError("x"),
        IntegrityError("x", {}, Exception()),
        ValueError("x"),
        FileNotFoundError("x"),
        KeyboardInterrupt(),
    ],
)
def test_permanent(error: BaseException) -> None:
    """Bad input, bugs and refusals are the same next time."""

    assert not worth_retrying(error)


def test_cause_of_a_plain_error() -> None:
    """An error without others behind it is its own cause."""

    error = ValueError("x")

    assert error is cause_of(error)


def test_cause_behind_causes() -> None:
    """The last failure is found however deep it lies."""

    inner, outer, last = EngineFault("inner"), EngineFault("outer"), ValueError("last")
    inner.errors = [KeyError("first"), last]  # type: ignore[attr-defined]
    outer.errors = [inner]  # type: ignore[attr-defined]

    assert last is cause_of(outer)
