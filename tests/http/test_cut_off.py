"""A request that is cut off by the end of its process may be sent again."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from ragline.http.cut_off import CutOff

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def cut_off(*, begun: bool) -> list[Message]:
    """Cancel a request at work, which has begun to answer or not; return what was sent."""
    sent: list[Message] = []
    waiting = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        waiting.set()
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    request = asyncio.create_task(CutOff(app)(SCOPE, receive, send))  # type: ignore[arg-type]
    await waiting.wait()
    request.cancel()
    await request
    return sent


def test_before_the_answer() -> None:
    """It is answered with 503, and when to try again."""
    start, body = asyncio.run(cut_off(begun=False))

    assert 503 == start["status"]
    assert b"5" == dict(start["headers"])[b"retry-after"]
    assert json.loads(body["body"])["retryable"]


def test_in_the_answer() -> None:
    """An answer that has begun breaks off."""
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cut_off(begun=True))
