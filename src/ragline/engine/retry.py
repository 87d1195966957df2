"""How often a step is tried, and which errors are worth another try."""

from __future__ import annotations

import time
from collections.abc import Callable
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


ONCE = Retry(attempts=1)
LOCAL = Retry(attempts=3, first_wait=0.2)
COMPUTE = Retry(attempts=6, first_wait=0.5)
"""About a minute in all: time enough to replace children that the system killed."""


def worth_retrying(error: BaseException) -> bool:
    """Tell whether the same step may succeed later: temporary trouble, never bad input."""
    if isinstance(error, RaglineError):
        return error.retryable
    return isinstance(error, OperationalError | PoolTimeout | ConnectionError | TimeoutError)


def tried(function: Callable[P, R], retry: Retry, /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that is no step, again while another try may help."""
    wait = retry.first_wait
    for _ in range(retry.attempts - 1):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if not worth_retrying(error):
                raise
        time.sleep(wait)
        wait *= retry.backoff
    return function(*args, **kwargs)


def cause_of(error: BaseException) -> BaseException:
    """Return the last failure behind an error of the engine that says "tries exhausted"."""
    causes = getattr(error, "errors", None)
    if isinstance(causes, list) and causes and isinstance(causes[-1], BaseException):
        return cause_of(causes[-1])
    return error
