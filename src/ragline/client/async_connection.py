"""The connection of `AsyncClient`: awaits the steps of a call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AsyncExitStack, ExitStack, aclosing, closing
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import httpx2
from anyio import to_thread

from ragline.client.driving import Became, Done, resume, seconds_before
from ragline.client.problems import ServerUnreachable
from ragline.client.steps import Again, Flow, Give, Next, Open, Request, Series, Step, Work
from ragline.client.terms import Terms, encoded, headers_of
from ragline.client.uploads import Form, opened
from ragline.errors import RaglineError

T = TypeVar("T")


class AsyncConnection(Terms):
    """A connection to a server, with the key of one tenant; use it with `async with`."""

    def __init__(
        self, url: str, api_key: str | None = None, *, timeout: float = 60, retries: int = 5
    ) -> None:
        super().__init__(url, api_key, timeout=timeout, retries=retries)
        self.http = httpx2.AsyncClient(**self._settings)

    __init__.__doc__ = Terms.__init__.__doc__

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Do the steps of a flow, and return its result."""
        became = Became()
        with closing(flow):
            async with _Hands(self) as hands:
                while not isinstance(step := resume(flow, became), Done):
                    became = await hands.do(step)
        result: T = step.result
        return result

    async def each(self, series: Series[T]) -> AsyncGenerator[T, None]:
        """Do the steps of a flow, and yield its results."""
        became = Became()
        with closing(series):
            async with _Hands(self) as hands:
                while not isinstance(step := resume(series, became), Done):
                    if isinstance(step, Give):
                        yield step.item
                        became = Became()
                    else:
                        became = await hands.do(step)


class _Hands:
    """Does the steps of one flow, and holds the stream that it has open."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._open = AsyncExitStack()
        self._incoming: AsyncIterator[Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_reason: object) -> None:
        await self._open.aclose()

    async def do(self, step: Step) -> Became:
        """Do a step."""
        try:
            return Became(await self._do(step))
        except httpx2.RequestError as error:
            return Became(error=ServerUnreachable(self._connection.url, error))
        except RaglineError as error:
            return Became(error=error)

    async def _do(self, step: Step) -> Any:
        match step:
            case Request():
                return await self._send(step)
            case Open():
                return await self._listen(step)
            case Next():
                assert self._incoming is not None, "a stream was opened"
                return await anext(self._incoming, None)
            case Again():
                await anyio.sleep(seconds_before(step, retries=self._connection.retries))
            case Work():
                return await to_thread.run_sync(step.job)
        return None

    async def _send(self, request: Request) -> httpx2.Response:
        http, parts = self._connection.http, self._connection.parts_of(request)
        if request.form is None:
            return await http.request(**parts, content=request.content)
        with ExitStack() as stack:
            files = await to_thread.run_sync(stack.enter_context, opened(request.form))
            body = encoded(request.form, files)
            parts["headers"] |= headers_of(body)
            async with aclosing(_read_aside(body, request.form)) as content:
                return await http.request(**parts, content=content)

    async def _listen(self, step: Open) -> httpx2.Response:
        await self._open.aclose()
        http, request = self._connection.http, step.request
        parts = self._connection.parts_of(request)
        response = await self._open.enter_async_context(
            http.stream(**parts, content=request.content)
        )
        if not response.is_success:
            await response.aread()
        elif step.content == "bytes":
            self._incoming = response.aiter_bytes()
        else:
            self._incoming = aiter(httpx2.EventSource(response))
        return response


async def _read_aside(body: httpx2.Request, form: Form) -> AsyncGenerator[bytes, None]:
    """Read a form in other threads: a slow disk must not hold up the event loop."""
    assert isinstance(body.stream, Iterable), "it was made of files that are read like this"
    pieces = iter(body.stream)
    while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
        yield piece
        form.sent.tell()
