"""The connection of `Client`: does the steps of a call while the caller waits."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from ragline.client.driving import Became, Done, resume, seconds_before
from ragline.client.problems import ServerUnreachable
from ragline.client.steps import Again, Flow, Give, Next, Open, Request, Series, Step, Work
from ragline.client.terms import Terms, encoded, headers_of
from ragline.client.uploads import Form, opened
from ragline.errors import RaglineError

T = TypeVar("T")


class Connection(Terms):
    """A connection to a server, with the key of one tenant; use it as a context manager."""

    def __init__(
        self, url: str, api_key: str | None = None, *, timeout: float = 60, retries: int = 5
    ) -> None:
        super().__init__(url, api_key, timeout=timeout, retries=retries)
        self.http = httpx2.Client(**self._settings)

    __init__.__doc__ = Terms.__init__.__doc__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def run(self, flow: Flow[T]) -> T:
        """Do the steps of a flow, and return its result."""
        became = Became()
        with closing(flow), _Hands(self) as hands:
            while not isinstance(step := resume(flow, became), Done):
                became = hands.do(step)
        result: T = step.result
        return result

    def each(self, series: Series[T]) -> Generator[T, None, None]:
        """Do the steps of a flow, and yield its results."""
        became = Became()
        with closing(series), _Hands(self) as hands:
            while not isinstance(step := resume(series, became), Done):
                if isinstance(step, Give):
                    yield step.item
                    became = Became()
                else:
                    became = hands.do(step)


class _Hands:
    """Does the steps of one flow, and holds the stream that it has open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open = ExitStack()
        self._incoming: Iterator[Any] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._open.close()

    def do(self, step: Step) -> Became:
        """Do a step."""
        try:
            return Became(self._do(step))
        except httpx2.RequestError as error:
            return Became(error=ServerUnreachable(self._connection.url, error))
        except RaglineError as error:
            return Became(error=error)

    def _do(self, step: Step) -> Any:
        match step:
            case Request():
                return self._send(step)
            case Open():
                return self._listen(step)
            case Next():
                return next(self._incoming, None)
            case Again():
                time.sleep(seconds_before(step, retries=self._connection.retries))
            case Work():
                return step.job()
        return None

    def _send(self, request: Request) -> httpx2.Response:
        http, parts = self._connection.http, self._connection.parts_of(request)
        if request.form is None:
            return http.request(**parts, content=request.content)
        with opened(request.form) as files:
            body = encoded(request.form, files)
            parts["headers"] |= headers_of(body)
            with closing(_read(body, request.form)) as content:
                return http.request(**parts, content=content)

    def _listen(self, step: Open) -> httpx2.Response:
        self._open.close()
        http, request = self._connection.http, step.request
        parts = self._connection.parts_of(request)
        response = self._open.enter_context(http.stream(**parts, content=request.content))
        if not response.is_success:
            response.read()
        elif step.content == "bytes":
            self._incoming = response.iter_bytes()
        else:
            self._incoming = iter(httpx2.EventSource(response))
        return response


def _read(body: httpx2.Request, form: Form) -> Generator[bytes, None, None]:
    assert isinstance(body.stream, Iterable), "it was made of files that are read like this"
    for piece in body.stream:
        yield piece
        form.sent.tell()
