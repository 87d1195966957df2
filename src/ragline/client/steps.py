"""What a call asks of the connection it runs over: each call is written once, as a flow of steps.

A flow is a generator without any input or output of its own. It yields a step, and is sent what
became of it; `Client` does the steps while its caller waits, `AsyncClient` awaits them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from ragline.client.problems import ClientProblem, ServerUnreachable
from ragline.client.uploads import Form

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """A request; the step of sending it gives the response, whatever its status.

    `repeatable` says that it may be sent again even if it may have arrived, `tries` how often
    at most (None: as often as the connection allows), `patience` how many seconds the server
    was asked to take beyond its time, and `timeout` which time to grant instead of the usual one.
    """

    method: str
    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    form: Form | None = None
    repeatable: bool = False
    tries: int | None = None
    patience: float = 0
    timeout: float | None = None


@dataclass(frozen=True)
class Open:
    """Send a request, and leave its answer to be read by `Next`; one that refuses is read.

    The stream that was open before is closed.
    """

    request: Request
    content: Literal["events", "bytes"]


class Next:
    """The next event, or the next piece of bytes, of the open stream; None at its end."""


@dataclass(frozen=True)
class Again:
    """Wait before another try; raises the reason where the connection has no more patience."""

    tries: int
    reason: ClientProblem | ServerUnreachable | None
    most: int | None = None


@dataclass(frozen=True)
class Work:
    """Do something with this machine's files that may take a while."""

    job: Callable[[], Any]


@dataclass(frozen=True)
class Give(Generic[T]):
    """Hand an item to the caller; the flow goes on when the next one is asked for."""

    item: T


Step: TypeAlias = Request | Open | Next | Again | Work
Flow: TypeAlias = Generator[Step, Any, T]
"""A call with one result."""

Series: TypeAlias = Generator[Step | Give[T], Any, None]
"""A call whose results come one after the other."""
