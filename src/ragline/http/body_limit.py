"""A limit on request bodies that cuts them while they stream."""

from __future__ import annotations

import contextlib
import re

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragline.errors import TooLarge
from ragline.http.problems import problem_of

# A client that is still sending when it is refused would miss the answer if the connection
# were cut at once, so what comes is read and dropped for a moment.
LINGER_SECONDS = 2.0
LINGER_BYTES = 16 * 1024**2
# Elsewhere a form is read into memory before anyone asks who sent it.
_UPLOADS = re.compile(
    r"/v1/(projects/[^/]+/images(/search)?|projects/[^/]+/(documents|imports)|files)"
)
# Whoever has a share's link asks short questions there, without a key.
_PUBLIC = "/c/"
PUBLIC_BYTES = 64 * 1024


class _Cut(Exception):
    """The body went over its limit."""


class BodyLimit:
    """Answers 413 as soon as a body is over its limit; uploads of files have one of their own."""

    def __init__(self, app: ASGIApp, *, upload_bytes: int, text_bytes: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes
        self._text_bytes = text_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting what arrives."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        is_form = headers.get(b"content-type", b"").lower().startswith(b"multipart/")
        is_upload = is_form and _UPLOADS.fullmatch(scope["path"])
        limit = self._upload_bytes if is_upload else self._text_bytes
        if scope["path"].startswith(_PUBLIC):
            limit = min(limit, PUBLIC_BYTES)
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            await _refuse(scope, receive, send, limit)
            return
        await self._count(scope, receive, send, limit)

    async def _count(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        received, cut, answered = 0, False, False

        async def counted() -> Message:
            nonlocal received, cut
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                cut = True
                raise _Cut
            return message

        async def guarded(message: Message) -> None:
            # Whatever the application makes of the cut, the client hears the reason.
            nonlocal answered
            if not cut:
                answered = True
                await send(message)

        # The cut is answered below, whether or not the application passed it on.
        with contextlib.suppress(_Cut):
            await self._app(scope, counted, guarded)
        if cut and not answered:
            await _refuse(scope, receive, send, limit)


async def _refuse(scope: Scope, receive: Receive, send: Send, limit: int) -> None:
    error = TooLarge(f"The body is over the limit of {limit} bytes; send less at a time.")
    response = problem_of(error)
    response.headers["Connection"] = "close"

    async def lingering(message: Message) -> None:
        # The whole answer goes out first; only the end of the exchange waits.
        is_body = message["type"] == "http.response.body"
        await send({**message, "more_body": True} if is_body else message)

    await response(scope, receive, lingering)
    with anyio.move_on_after(LINGER_SECONDS):
        await _drain(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    dropped = 0
    while dropped < LINGER_BYTES:
        message = await receive()
        dropped += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return
