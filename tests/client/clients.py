"""Both clients behind one face, so that each test holds for both."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

from ragline import AsyncClient, Client

Connect = Callable[..., AbstractContextManager[Client]]


class Awaited:
    """An `AsyncClient` as if it were a `Client`: its calls run in an event loop elsewhere."""

    def __init__(self, client: AsyncClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            called = method(*arguments, **options)
            if inspect.iscoroutine(called):
                return self._portal.call(_result, called)
            return _items(called, self._portal)

        return call if callable(method) else method


async def _result(coroutine: Any) -> Any:
    return await coroutine


def _items(source: AsyncGenerator[Any, None], portal: BlockingPortal) -> Generator[Any, None, None]:
    try:
        while True:
            try:
                yield portal.call(anext, source)
            except StopAsyncIteration:
                return
    finally:
        portal.call(source.aclose)


@contextmanager
def awaiting(url: str, api_key: str | None = None, **options: Any) -> Iterator[Client]:
    """Give an `AsyncClient` in the place of a `Client`."""
    with start_blocking_portal() as portal:
        client = AsyncClient(url, api_key, **options)
        try:
            yield cast(Client, Awaited(client, portal))
        finally:
            portal.call(client.aclose)


CLIENTS: dict[str, Connect] = {"blocking": Client, "awaiting": awaiting}
