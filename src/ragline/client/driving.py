"""What both connections do alike with a flow: resume it, and wait before another try."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from ragline.client.problems import ClientProblem
from ragline.client.steps import Again, Give, Step
from ragline.errors import RaglineError

SHORTEST_PAUSE, LONGEST_PAUSE, LONGEST_ASKED = 0.5, 30.0, 120.0


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a step: its result, or the error that the flow has to deal with."""

    result: Any = None
    error: RaglineError | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The flow has ended."""

    result: Any


Asked = TypeVar("Asked", bound=Step | Give[Any])


def resume(flow: Generator[Asked, Any, Any], last: Became) -> Asked | Done:
    """Tell a flow what became of its last step, and return its next one."""
    try:
        return flow.send(last.result) if last.error is None else flow.throw(last.error)
    except StopIteration as end:
        return Done(end.value)


def seconds_before(again: Again, *, retries: int) -> float:
    """Return how long to wait before another try: what the server asks for, or ever more.

    Chance spreads out those who were sent away together. Raises the reason where there were
    enough tries, or where the server wants to be left alone for longer than anyone waits here.
    """
    asked = again.reason.retry_after if isinstance(again.reason, ClientProblem) else None
    enough = again.tries > (retries if again.most is None else again.most)
    if again.reason is not None and (enough or (asked or 0) > LONGEST_ASKED):
        raise again.reason
    spread = random.uniform(1, 1.25)  # noqa: S311 # it spreads load, and keeps no secret
    if asked is not None:
        return asked * spread
    return min(SHORTEST_PAUSE * 2.0 ** (again.tries - 1), LONGEST_PAUSE) * spread
