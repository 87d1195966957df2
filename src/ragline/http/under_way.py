"""Telling the rest of the process that requests are under way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from starlette.types import ASGIApp, Receive, Scope, Send


class UnderWay:
    """Runs every request that changes something within a context of the caller's."""

    def __init__(self, app: ASGIApp, served: Callable[[], AbstractContextManager[None]]) -> None:
        self._app = app
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        with ExitStack() as counted:
            counted.enter_context(self._served())
            scope[_COUNTED] = counted
            await self._app(scope, receive, send)


def waits_for_work(scope: Scope) -> None:
    """Count a request no longer: from now on it waits for work, which is not to wait for it."""
    counted = scope.get(_COUNTED)
    if isinstance(counted, ExitStack):
        counted.close()


_COUNTED = "ragline.counted"
