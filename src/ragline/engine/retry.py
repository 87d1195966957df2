"""How often a step is tried, and which errors are worth another try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ragline.errors import RaglineError

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Retry:
    """Tries of a step: the first wait in seconds grows by `backoff` each time."""

    attempts: int = 4
    first_wait: float = 0.5
    backoff: float = 3.0


LOCAL = Retry(attempts=3, first_wait=0.2)
COMPUTE = Retry(attempts=6, first_wait=0.5)
"""About a minute in all: time enough to replace children that the system killed."""


def worth_retrying(error: BaseException) -> bool:
    """Tell whether the same step may succeed later: temporary trouble, never bad input."""
    if isinstance(error, RaglineError):
        return error.retryable
    return isinstance(error, OperationalError | PoolTimeout | ConnectionError | TimeoutError)


def cause_of(error: BaseException) -> BaseException:
    """Return the last failure behind an error of the engine that says "tries exhausted"."""
    causes = getattr(error, "errors", None)
    if isinstance(causes, list) and causes and isinstance(causes[-1], BaseException):
        return cause_of(causes[-1])
    return error
