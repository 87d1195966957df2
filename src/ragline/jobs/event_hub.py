"""Waking event streams: one look at the database for all streams of a process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ragline.bootstrap import Runtime
from ragline.database import Database
from ragline.errors import Overloaded
from ragline.jobs.event_tail import Tail, job_topic

LOOK_SECONDS = 0.1
HEARTBEAT_SECONDS = 15.0
AWAY_SECONDS = 1.0
"""Time between two looks at a database that does not answer."""
LINGER_SECONDS = 1.0
"""Time that clients who take nothing are given when the process stops."""
READERS = 4
"""Threads that read for streams, so that they cannot take those of all other requests."""
MEDIA_TYPE = "text/event-stream"
HUB = "event hub"
"""Where a process that serves keeps its hub for those that write events."""
HEARTBEAT = b": heartbeat\n\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

R = TypeVar("R")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source had to tell: frames for the wire, and whether more or nothing follows."""

    frames: list[bytes]
    more: bool = False
    ended: bool = False


class Source(Protocol):
    """Where a stream reads; `read` is called in a thread and goes on from where it was."""

    topic: str

    def read(self) -> Batch:
        """Return what is new, a bounded part of it."""


class Seen(NamedTuple):
    """What a look of a `SharedSource` gave, and the place behind it."""

    batch: Batch
    after: int


@runtime_checkable
class SharedSource(Source, Protocol):
    """A source that reads for all streams which are at the same place of the same thing."""

    @property
    def place(self) -> Hashable:
        """All that decides what a look gives: whose it is, what it is about, how far it is."""

    def look(self) -> Seen:
        """Return what is new behind the place, and stay there; called in a thread."""

    def take(self, seen: Seen) -> Batch:
        """Go on behind what a look from this place gave, one's own or another's."""


@dataclass(eq=False)
class Listener:
    """An open stream that waits to be woken."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    async def wait(self, seconds: float) -> bool:
        """Wait until woken; return False where nobody did in time."""
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return False
        return True


class EventHub:
    """Knows the open streams of a process and wakes those that have something to read.

    Lives on the event loop. While a stream is open, one task looks for new events.
    """

    def __init__(
        self,
        database: Database,
        *,
        most: int,
        look_seconds: float = LOOK_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`most` is the number of streams that may be open at once."""
        self.heartbeat_seconds = heartbeat_seconds
        self.is_closing = False
        self._database = database
        self._most = most
        self._look_seconds = look_seconds
        self._threads = anyio.CapacityLimiter(READERS)
        self._count = 0
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._looks: dict[str, dict[Hashable, asyncio.Task[Seen]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def admitted(self, topic: str) -> Iterator[Listener]:
        """Admit a stream about a topic for the length of the block.

        Raises:
            Overloaded: as many as this process serves are open, or it stops.
        """
        self.refuse_crowd()
        listener = Listener()
        self._loop = asyncio.get_running_loop()
        self._count += 1
        self._listeners[topic].add(listener)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="event-hub")
        try:
            yield listener
        finally:
            self._leave(topic, listener)

    def refuse_crowd(self) -> None:
        """Raise `Overloaded` where no further stream is admitted."""
        if self._count >= self._most or self.is_closing:
            raise Overloaded("Too many event streams are open; come back in a moment.")

    def nudge(self, topic: str) -> None:
        """Wake the streams about a topic before the next look, from any thread."""
        loop = self._loop
        if loop is None or topic not in self._listeners:
            return
        with suppress(RuntimeError):  # the loop has ended, and its streams with it
            loop.call_soon_threadsafe(self._wake, {topic})

    async def run(self, function: Callable[[], R]) -> R:
        """Call a function that reads the database in one of the streams' threads."""
        return await anyio.to_thread.run_sync(function, limiter=self._threads)

    async def read(self, source: Source, *, afresh: bool = False) -> Batch:
        """Return what is new for a stream; streams at one place share one look.

        A look is shared until the next event of its topic wakes them: whoever is woken by an
        event looks after it was committed. With `afresh` it is looked again in any case.
        """
        if not isinstance(source, SharedSource):
            return await self.run(source.read)
        looks, place = self._looks.setdefault(source.topic, {}), source.place
        task = None if afresh else looks.get(place)
        if task is None:
            task = looks[place] = asyncio.create_task(self.run(source.look))
            task.add_done_callback(lambda done: _drop_unless_lasting(looks, place, done))
        # Who leaves must not end a look that others wait for.
        return source.take(await asyncio.shield(task))

    def close(self) -> None:
        """End all streams, those of clients that take nothing after a moment."""
        self.is_closing = True
        listeners = self._all()
        for listener in listeners:
            listener.woken.set()
        loop = asyncio.get_running_loop()
        for listener in listeners:
            loop.call_later(LINGER_SECONDS, listener.scope.cancel)

    def _leave(self, topic: str, listener: Listener) -> None:
        self._count -= 1
        self._listeners[topic].discard(listener)
        if not self._listeners[topic]:
            del self._listeners[topic]
            self._looks.pop(topic, None)
        if self._count == 0 and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _all(self) -> list[Listener]:
        return [one for listeners in self._listeners.values() for one in listeners]

    async def _look(self) -> None:
        tail = Tail(self._database)
        while True:
            pause = self._look_seconds
            try:
                self._wake(await self.run(tail.look))
            except SQLAlchemyError as error:
                log.warning("events.unreadable", error=repr(error))
                pause = AWAY_SECONDS
            await asyncio.sleep(pause)

    def _wake(self, topics: set[str] | None) -> None:
        if topics is None:
            self._looks.clear()
            listeners = self._all()
        else:
            for topic in topics:
                self._looks.pop(topic, None)
            listeners = [one for topic in topics for one in self._listeners.get(topic, ())]
        for listener in listeners:
            listener.woken.set()


def _drop_unless_lasting(
    looks: dict[Hashable, asyncio.Task[Seen]], place: Hashable, done: asyncio.Task[Seen]
) -> None:
    """Forget a look that failed, or behind which there is more: it tells nobody else anything."""
    failed = done.cancelled() or done.exception() is not None
    if (failed or done.result().batch.more) and looks.get(place) is done:
        del looks[place]


def nudge(runtime: Runtime, job_id: str) -> None:
    """Wake the streams of a job that this process serves, after an event was committed."""
    hub: EventHub | None = runtime.kept.get(HUB)
    if hub is not None:
        hub.nudge(job_topic(job_id))


class EventStream(StreamingResponse):
    """An answer that goes on until its source ends, the client leaves or the server stops.

    It is sent no faster than the client takes it, and nothing is read ahead: a slow client
    holds up itself alone. While it waits it holds neither a thread nor a connection.
    """

    def __init__(
        self, hub: EventHub, source: Source, *, heartbeat_seconds: float | None = None
    ) -> None:
        """`heartbeat_seconds` is the hub's unless its source must be looked at more often."""
        super().__init__(self._frames(), headers=HEADERS, media_type=MEDIA_TYPE)
        self._heartbeat_seconds = heartbeat_seconds or hub.heartbeat_seconds
        self._hub = hub
        self._source = source
        self._listener: Listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; `Overloaded` is raised before the first byte."""
        with self._hub.admitted(self._source.topic) as self._listener, self._listener.scope:
            await super().__call__(scope, receive, send)

    async def _frames(self) -> AsyncIterator[bytes]:
        afresh = False
        while not self._hub.is_closing:
            self._listener.woken.clear()
            try:
                batch = await self._hub.read(self._source, afresh=afresh)
            except (OperationalError, PoolTimeout) as error:
                # The client comes back to where it was, and is told when to try again.
                log.warning("events.stream_broken", topic=self._source.topic, error=repr(error))
                return
            for frame in batch.frames:
                yield frame
            if batch.ended:
                return
            # Each heartbeat is also a look, which finds what no wake told of, a revoked key say.
            afresh = not batch.more and not await self._listener.wait(self._heartbeat_seconds)
            if afresh:
                yield HEARTBEAT
