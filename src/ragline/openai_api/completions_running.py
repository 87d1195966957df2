"""Answers told while they are written: a thread writes, the event loop sends.

The thread never waits for a client: what it tells is bounded by the length of an answer. A
client that leaves ends it, in the middle of a model's call too.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from ragline.jobs.pump import Pump
from ragline.jobs.turnstile import Turnstile, shorter

LONGEST_WAIT_SECONDS = 30.0
"""A client that waits for a provider's limits longer than this has mostly gone away."""
HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 0.5
"""Time between two looks whether the client is still there."""

T = TypeVar("T")


class Gone(Exception):
    """The client left: nobody wants the answer any more."""


class Wanted:
    """Whether somebody still waits for what a thread does."""

    def __init__(self) -> None:
        self._gone = threading.Event()

    def drop(self) -> None:
        """Say that nobody does."""
        self._gone.set()

    @property
    def is_gone(self) -> bool:
        """Whether nobody does."""
        return self._gone.is_set()

    def turnstile(self) -> Turnstile:
        """Return how to wait for limits: `Overloaded` beyond a client's patience."""
        return Turnstile(shorter(self._sleep, LONGEST_WAIT_SECONDS))

    def _sleep(self, seconds: float) -> None:
        if self._gone.wait(seconds):
            raise Gone


class Running(Generic[T]):
    """What a generator yields in a thread, as it comes; what it raises comes in its place."""

    def __init__(
        self, make: Callable[[Wanted], Generator[T, None, None]], limiter: anyio.CapacityLimiter
    ) -> None:
        self._make = make
        self._limiter = limiter
        self._wanted = Wanted()
        self._told: asyncio.Queue[tuple[T] | Exception | None] = asyncio.Queue()

    async def pieces(self) -> AsyncGenerator[T | None, None]:
        """Yield what comes, and None where nothing came for a while."""
        loop = asyncio.get_running_loop()
        work = asyncio.create_task(self._work(loop))
        try:
            while True:
                try:
                    told = await asyncio.wait_for(self._told.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield None
                    continue
                if told is None:
                    return
                if isinstance(told, Exception):
                    raise told
                yield told[0]
        finally:
            self._wanted.drop()
            if work.done():
                work.result()

    async def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        def tell(told: tuple[T] | Exception | None) -> None:
            loop.call_soon_threadsafe(self._told.put_nowait, told)

        await anyio.to_thread.run_sync(self._write, tell, limiter=self._limiter)

    def _write(self, tell: Callable[[tuple[T] | Exception | None], None]) -> None:
        try:
            with Pump(self._make(self._wanted)) as pump:
                while not pump.has_ended:
                    piece = pump.take(LOOK_SECONDS)
                    if self._wanted.is_gone:
                        return
                    if piece is not None:
                        tell((piece,))
            tell(None)
        # Whoever waits for the pieces is told, whatever it is.
        except Exception as error:  # noqa: BLE001 # see above
            tell(error)


async def first_of(pieces: AsyncGenerator[T | None, None]) -> AsyncGenerator[T | None, None]:
    """Return the same pieces once the first one is there, or raise what came in its place."""
    first = None
    while first is None:
        first = await anext(pieces)
    return _again(first, pieces)


async def _again(
    first: T, pieces: AsyncGenerator[T | None, None]
) -> AsyncGenerator[T | None, None]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece
