"""Requests that are cut off because the process ends."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragline.errors import Overloaded
from ragline.http.problems import problem_of

RETRY_SECONDS = 5.0


class CutOff:
    """Answers them with 503: they may be sent again, to a process that goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            # The server cancels nothing but what is under way when its time to stop is over.
            if has_begun:
                raise
            stopping = Overloaded(
                "The server stops before this request is done; send it again.",
                retry_after=RETRY_SECONDS,
            )
            await problem_of(stopping)(scope, receive, send)
