"""Streams as a server runs them: admission, waking, slow and leaving clients, the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ragline.database import Database
from ragline.errors import Overloaded
from ragline.jobs.event_hub import HEARTBEAT, Batch, EventHub, EventStream, Seen
from ragline.jobs.event_tail import job_topic
from ragline.jobs.events import record
from ragline.migrations.run import migrate
from ragline.models import Job, Tenant, new_id

WAIT_SECONDS = 30
SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database = Database(f"sqlite:///{tmp_path / 'ragline.db'}")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def job(database: Database) -> str:
    """An open job without events."""
    with database.write() as session:
        tenant = Tenant(name="someone")
        session.add(tenant)
        session.flush()
        job = Job(id=new_id(), tenant_id=tenant.id, kind="ingest")
        session.add(job)
    return job.id


class Given:
    """A source that gives these batches in turn and then nothing new; it counts the reads."""

    def __init__(self, topic: str, *batches: Batch) -> None:
        self.topic = topic
        self.reads = 0
        self._left = list(batches)

    def read(self) -> Batch:
        """Return the next batch."""
        self.reads += 1
        return self._left.pop(0) if self._left else Batch([])


class Placed:
    """A stream at a place of what is told about a topic; `told` is shared and counts the looks."""

    def __init__(self, topic: str, told: Told) -> None:
        self.topic = topic
        self.place = 0
        self._told = told

    def read(self) -> Batch:
        """Return what is new."""
        return self.take(self.look())

    def look(self) -> Seen:
        """Return what is new behind the place, once the look may end."""
        frames = list(self._told.frames[self.place :])
        self._told.looks += 1
        self._told.may_end.wait(WAIT_SECONDS)
        return Seen(Batch(frames), self.place + len(frames))

    def take(self, seen: Seen) -> Batch:
        """Go on behind it."""
        self.place = seen.after
        return seen.batch


@dataclass
class Told:
    """What there is to tell, and how often it was looked at."""

    frames: list[bytes]
    looks: int = 0
    may_end: threading.Event = field(default_factory=threading.Event)


class Client:
    """The other end of an exchange: it takes so many messages, then no more, until it leaves."""

    def __init__(self, takes: int = 1_000_000) -> None:
        self.bodies: list[bytes] = []
        self.is_done = False
        self.held = asyncio.Event()
        self._takes = takes
        self._left = asyncio.Event()
        self._got = asyncio.Condition()

    async def receive(self) -> dict[str, Any]:
        """Say that the client left, once it has."""
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take a message, or let the server wait."""
        if message["type"] != "http.response.body":
            return
        if self._takes == 0:
            self.held.set()
            await asyncio.Event().wait()
        self._takes -= 1
        async with self._got:
            self.bodies.append(message["body"])
            self.is_done = not message["more_body"]
            self._got.notify_all()

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()

    async def got(self, count: int) -> None:
        """Wait until so many parts of the body have come."""
        async with self._got:
            await self._got.wait_for(lambda: len(self.bodies) >= count)


def played(play: Any) -> None:
    """Run a coroutine, but not for ever."""
    asyncio.run(asyncio.wait_for(play, WAIT_SECONDS))


def test_an_event_wakes_its_stream_alone(database: Database, job: str) -> None:
    """The stream of a job reads again when the job has a new event; others do not."""

    async def play() -> None:
        hub = EventHub(database, most=10, look_seconds=0.01)
        with hub.admitted(job_topic(job)) as mine, hub.admitted(job_topic("x")) as theirs:
            await mine.wait(WAIT_SECONDS)  # at the first look everyone is woken
            mine.woken.clear()
            theirs.woken.clear()
            with database.write() as session:
                record(session, session.get_one(Job, job), "job.progress")
            assert await mine.wait(WAIT_SECONDS)
            assert not theirs.woken.is_set()

    played(play())


def test_heartbeats(database: Database) -> None:
    """While there is nothing to tell, comments show that the connection lives."""

    async def play() -> None:
        hub = EventHub(database, most=1, look_seconds=60, heartbeat_seconds=0.01)
        client, stream = Client(), EventStream(hub, Given("x"))
        task = asyncio.create_task(stream(SCOPE, client.receive, client.send))
        await client.got(3)
        client.leave()
        await task
        assert {HEARTBEAT} == set(client.bodies)

    played(play())


def test_a_slow_client_holds_up_its_own_stream(database: Database) -> None:
    """Nothing is read ahead of what the client takes."""

    async def play() -> None:
        hub = EventHub(database, most=1, look_seconds=0.01)
        source = Given("x", *(Batch([b"1", b"2"], more=True) for _ in range(5)))
        client = Client(takes=1)
        task = asyncio.create_task(EventStream(hub, source)(SCOPE, client.receive, client.send))
        await client.got(1)
        await client.held.wait()
        assert 1 == source.reads
        client.leave()
        await task

    played(play())


def test_a_client_that_leaves_makes_room(database: Database) -> None:
    """A place is free as soon as its client has left, and never more than there are."""

    async def play() -> None:
        hub = EventHub(database, most=1)
        for _ in range(3):
            client = Client()
            stream = EventStream(hub, Given("x", Batch([b"1"])))
            task = asyncio.create_task(stream(SCOPE, client.receive, client.send))
            await client.got(1)
            with pytest.raises(Overloaded), hub.admitted("y"):
                pass
            client.leave()
            await task

    played(play())


def test_the_last_stream_stops_the_looking(database: Database) -> None:
    """Without streams nothing looks at the database."""

    async def play() -> None:
        hub = EventHub(database, most=2)
        others = asyncio.all_tasks()
        with hub.admitted("x"), hub.admitted("y"):
            assert 1 == len(asyncio.all_tasks() - others)
        await asyncio.sleep(0)
        async with asyncio.timeout(WAIT_SECONDS):
            while asyncio.all_tasks() - others:
                await asyncio.sleep(0.01)

    played(play())


def test_closing_ends_all_streams(database: Database) -> None:
    """At the end of the process a stream is finished in order, and no other one begins."""

    async def play() -> None:
        hub = EventHub(database, most=2)
        client = Client()
        stream = EventStream(hub, Given("x", Batch([b"1"])))
        task = asyncio.create_task(stream(SCOPE, client.receive, client.send))
        await client.got(1)
        hub.close()
        await task
        assert client.is_done
        with pytest.raises(Overloaded), hub.admitted("x"):
            pass

    played(play())


def test_closing_does_not_wait_for_a_client_that_takes_nothing(database: Database) -> None:
    """A stream whose client has stalled is cut off."""

    async def play() -> None:
        hub = EventHub(database, most=2)
        client = Client(takes=1)
        stream = EventStream(hub, Given("x", Batch([b"1", b"2"])))
        task = asyncio.create_task(stream(SCOPE, client.receive, client.send))
        await client.got(1)
        hub.close()
        await task
        assert [b"1"] == client.bodies

    played(play())


def test_a_database_that_is_away_ends_a_stream_in_order(tmp_path: Path) -> None:
    """The client is to come back, and will then be told when; the process does not fail."""

    class Away(Given):
        def read(self) -> Batch:
            with broken.read() as session:
                session.connection()
            raise AssertionError("there is no database")

    broken = Database(f"sqlite:///{tmp_path / 'missing' / 'ragline.db'}")

    async def play() -> None:
        client = Client()
        hub = EventHub(broken, most=1)
        await EventStream(hub, Away("x"))(SCOPE, client.receive, client.send)
        assert client.is_done

    played(play())


def test_streams_at_one_place_share_a_look(database: Database) -> None:
    """What streams of one job read at the same place is read once; each goes on behind it."""

    async def play() -> None:
        hub, told = EventHub(database, most=10), Told([b"one"])
        streams = [Placed("x", told) for _ in range(3)]
        told.may_end.set()
        batches = await asyncio.gather(*(hub.read(stream) for stream in streams))
        late = await hub.read(Placed("x", told))

        assert 1 == told.looks
        assert [[b"one"]] * 4 == [each.frames for each in (*batches, late)]
        assert [1, 1, 1] == [stream.place for stream in streams]

    played(play())


def test_what_is_told_during_a_look_is_not_missed(database: Database) -> None:
    """Whoever is woken while another's look is under way looks again."""

    async def play() -> None:
        hub, told = EventHub(database, most=10, look_seconds=WAIT_SECONDS), Told([b"one"])
        with hub.admitted("x"):
            first = asyncio.create_task(hub.read(Placed("x", told)))
            while not told.looks:  # a thread counts them
                await asyncio.sleep(0.001)
            told.frames.append(b"two")
            await asyncio.to_thread(hub.nudge, "x")
            await asyncio.sleep(0)  # the wake comes by way of the loop
            second = asyncio.create_task(hub.read(Placed("x", told)))
            await asyncio.sleep(0)
            told.may_end.set()

            assert [b"one"] == (await first).frames
            assert [b"one", b"two"] == (await second).frames

    played(play())


def test_a_heartbeat_looks_again(database: Database) -> None:
    """What no wake told of is found by a look that is not shared."""

    async def play() -> None:
        hub, told = EventHub(database, most=10), Told([])
        told.may_end.set()
        stream = Placed("x", told)
        await hub.read(stream)
        told.frames.append(b"one")

        assert [] == (await hub.read(stream)).frames
        assert [b"one"] == (await hub.read(stream, afresh=True)).frames

    played(play())
