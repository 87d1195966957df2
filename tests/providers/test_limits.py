"""Limits on calls to providers hold over all workers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests import postgres

from ragline.database import Database
from ragline.errors import PermanentProviderError, Stopping, TemporaryProviderError
from ragline.migrations.run import migrate
from ragline.models import ProviderCall, ProviderLimit
from ragline.providers.limits import LONGEST_REST_SECONDS, ProviderLimits
from ragline.settings import CallLimits, Settings

DEADLINE_SECONDS = 60
DIE_IN_A_CALL = """
import os, sys
from ragline.database import Database
from ragline.providers.limits import ProviderLimits
from ragline.settings import CallLimits, Settings
settings = Settings(_env_file=None, provider_limits={"openai": CallLimits(concurrent=1)})
limits = ProviderLimits(Database(sys.argv[1]), settings, lease_seconds=1)
with limits.call("openai"):
    os._exit(9)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Postgres]:
    """A PostgreSQL for all tests of this file."""
    with postgres.running(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with the schema, on each kind of database."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'test.db'}"
    else:
        address = request.getfixturevalue("cluster").new_database()
    database = Database(address)
    migrate(database)
    database.close()
    return address


Connect = Callable[..., ProviderLimits]


@pytest.fixture
def connect(url: str) -> Iterator[Connect]:
    """Build what grants calls, each with connections of its own, as in another process."""
    with ExitStack() as opened:

        def build(
            concurrent: int | None = None, per_minute: int | None = None, **options: object
        ) -> ProviderLimits:
            limits = CallLimits(concurrent=concurrent, per_minute=per_minute)
            settings = Settings(_env_file=None, provider_limits={"openai": limits})
            database = Database(url)
            opened.callback(database.close)
            return ProviderLimits(database, settings, **options)

        yield build


@dataclass
class Clock:
    """A clock that goes on by what is waited, so that a minute takes no time."""

    now: float = 1_800_000_000.0
    waits: list[float] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, _session: object) -> float:
        with self.guard:
            return self.now

    def pause(self, seconds: float) -> None:
        with self.guard:
            self.waits.append(seconds)
            self.now += seconds


def column(url: str, what: sa.ColumnElement[object]) -> list[object]:
    """Return a column of a table as it is in the database."""
    database = Database(url)
    with database.read() as session:
        values = list(session.scalars(sa.select(what)))
    database.close()
    return values


def hold(limits: ProviderLimits, **options: object) -> tuple[threading.Thread, threading.Event]:
    """Begin a call in a thread and return once it is under way; the event ends it."""
    begun, end = threading.Event(), threading.Event()

    def call() -> None:
        with limits.call("openai", **options):
            begun.set()
            end.wait(DEADLINE_SECONDS)

    thread = threading.Thread(target=call)
    thread.start()
    assert begun.wait(DEADLINE_SECONDS)
    return thread, end


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until something is so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def most_at_once(intervals: list[tuple[float, float]]) -> int:
    """Return how many intervals overlap at most."""
    changes = sorted([(begin, 1) for begin, _ in intervals] + [(end, -1) for _, end in intervals])
    level = most = 0
    for _, change in changes:
        level += change
        most = max(most, level)
    return most


def test_concurrent_calls(connect: Connect) -> None:
    """Two processes with many threads never have more calls under way than allowed, yet all end."""

    processes = [connect(concurrent=3), connect(concurrent=3)]
    intervals: list[tuple[float, float]] = []

    def call(number: int) -> None:
        with processes[number % 2].call("openai"):
            began = time.monotonic()
            time.sleep(0.02)
            intervals.append((began, time.monotonic()))

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(call, range(24)))

    assert 24 == len(intervals)
    assert most_at_once(intervals) <= 3


def test_all_places_are_given(connect: Connect) -> None:
    """As many calls as allowed are under way at once, and none beyond."""

    limits = connect(concurrent=3)

    def stop(_seconds: float) -> None:
        raise Stopping

    with ExitStack() as calls:
        for _ in range(3):
            calls.enter_context(limits.call("openai", pause=pytest.fail))
        with pytest.raises(Stopping), limits.call("openai", pause=stop):
            pytest.fail("a fourth call was granted")


def test_calls_per_minute(connect: Connect, url: str) -> None:
    """No minute begins more calls than allowed, over two processes with many threads."""

    clock = Clock()
    # No lease may end while the clock leaps under a call.
    options = {"per_minute": 4, "clock": clock, "lease_seconds": 10_000}
    processes = [connect(**options), connect(**options)]
    reader = Database(url)

    def call(number: int) -> object:
        job = str(number)
        granted = processes[number % 2].call("openai", job_id=job, pause=clock.pause)
        with granted, reader.read() as session:
            query = sa.select(ProviderCall.started).where(ProviderCall.job_id == job)
            return session.scalars(query).one()

    with ThreadPoolExecutor(6) as threads:
        starts = list(threads.map(call, range(24)))
    reader.close()

    in_a_minute = [sum(first <= start < first + 60 for start in starts) for first in starts]
    assert 24 == len(starts)
    assert 4 == max(in_a_minute)


def test_next_minute_is_waited_for_exactly(connect: Connect) -> None:
    """Where the minute is used up, one pause lasts until its first call falls out of it."""

    clock = Clock()
    limits = connect(per_minute=2, clock=clock)
    for _ in range(2):
        with limits.call("openai"):
            clock.now += 10

    with limits.call("openai", pause=clock.pause):
        pass

    assert [40.0] == clock.waits


def test_both_limits(connect: Connect) -> None:
    """A free place is no use while the minute is used up."""

    clock = Clock()
    limits = connect(concurrent=5, per_minute=1, clock=clock)
    with limits.call("openai"):
        pass

    with limits.call("openai", pause=clock.pause):
        pass

    assert [60.0] == clock.waits


def test_retry_after_keeps_everyone(connect: Connect) -> None:
    """What one worker was told by the provider, another one obeys to the moment."""

    clock = Clock()
    told, other = connect(concurrent=5, clock=clock), connect(concurrent=5, clock=clock)
    with pytest.raises(TemporaryProviderError), told.call("openai"):
        raise TemporaryProviderError("Too many.", retry_after=17.5)

    with other.call("openai", pause=clock.pause):
        pass

    assert [17.5] == clock.waits


def test_shorter_retry_after_takes_nothing_back(connect: Connect) -> None:
    """Of two calls that were told to wait, the longer wait counts."""

    clock = Clock()
    limits = connect(concurrent=5, clock=clock)

    def told(seconds: float) -> None:
        raise TemporaryProviderError("Too many.", retry_after=seconds)

    def told_during_another_call() -> None:
        with limits.call("openai"):
            with pytest.raises(TemporaryProviderError), limits.call("openai"):
                told(30)
            told(5)

    with pytest.raises(TemporaryProviderError):
        told_during_another_call()

    with limits.call("openai", pause=clock.pause):
        pass

    assert [30.0] == clock.waits


def test_endless_retry_after(connect: Connect) -> None:
    """A provider that wants to be left alone for ever is asked again in an hour."""

    clock = Clock()
    limits = connect(concurrent=5, clock=clock)
    with pytest.raises(TemporaryProviderError), limits.call("openai"):
        raise TemporaryProviderError("Never.", retry_after=1e30)

    with limits.call("openai", pause=clock.pause):
        pass

    assert [LONGEST_REST_SECONDS] == clock.waits


@pytest.mark.parametrize(
    "error", [PermanentProviderError("No."), TemporaryProviderError("Later."), Stopping()]
)
def test_failed_call_gives_its_place_free(connect: Connect, error: BaseException) -> None:
    """A call that ends with an error has ended, and keeps nobody from the next one."""

    limits = connect(concurrent=1, clock=Clock())
    with pytest.raises(type(error)), limits.call("openai"):
        raise error

    with limits.call("openai", pause=pytest.fail):
        pass


def test_dead_caller(connect: Connect, url: str) -> None:
    """The place of a process that died in a call is free once its lease is over."""

    died = subprocess.run([sys.executable, "-c", DIE_IN_A_CALL, url], check=False)
    limits = connect(concurrent=1)
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    with limits.call("openai", pause=pause):
        pass

    assert 9 == died.returncode
    assert len(waits) > 0


def test_living_caller_keeps_its_place(connect: Connect) -> None:
    """A call may last longer than its lease, which is prolonged while the process lives."""

    limits = connect(concurrent=1, lease_seconds=0.4)
    thread, end = hold(limits)
    deadline = time.monotonic() + 1.5

    def pause(seconds: float) -> None:
        if time.monotonic() > deadline:
            raise Stopping
        time.sleep(seconds)

    with pytest.raises(Stopping), limits.call("openai", pause=pause):
        pytest.fail("the place was given away")

    end.set()
    thread.join()


def test_waiting_is_told_once(connect: Connect) -> None:
    """Who has to wait is told for whom, once; who has not, is not."""

    clock = Clock()
    limits = connect(concurrent=1, clock=clock)
    thread, end = hold(limits, on_wait=pytest.fail)
    reasons: list[str] = []

    def pause(_seconds: float) -> None:
        if len(clock.waits) == 3:
            end.set()
            thread.join()
        clock.waits.append(_seconds)

    with limits.call("openai", on_wait=reasons.append, pause=pause):
        pass

    assert ["provider:openai"] == reasons


def test_looks_become_rarer(connect: Connect) -> None:
    """Who waits for a place looks again after growing pauses of a second at most."""

    limits = connect(concurrent=1)
    thread, end = hold(limits)
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 20:
            end.set()
            thread.join()

    with limits.call("openai", pause=pause):
        pass

    assert sorted(waits) == waits
    assert 0 < waits[0] < waits[-1] <= 1


def test_first_come_first_served(connect: Connect, url: str) -> None:
    """Calls are granted in the order in which they were asked for, over two processes."""

    processes = [connect(concurrent=1), connect(concurrent=1)]
    holder, end = hold(processes[0])
    served: list[int] = []
    threads = [holder]

    def call(number: int) -> None:
        with processes[number % 2].call("openai"):
            served.append(number)

    for number in range(6):
        threads.append(threading.Thread(target=call, args=(number,)))
        threads[-1].start()
        wait_until(lambda: len(column(url, ProviderCall.id)) == number + 2)  # noqa: B023 # at once
    end.set()
    for thread in threads:
        thread.join()

    assert [0, 1, 2, 3, 4, 5] == served


def test_stopping_leaves_the_line(connect: Connect, url: str) -> None:
    """What `pause` raises ends the waiting, and nobody waits behind who has gone."""

    limits = connect(concurrent=1)
    thread, end = hold(limits)

    def stop(_seconds: float) -> None:
        raise Stopping

    with pytest.raises(Stopping), limits.call("openai", pause=stop):
        pytest.fail("the call was granted")

    assert 1 == len(column(url, ProviderCall.id))
    end.set()
    thread.join()


def test_waiter_who_died(connect: Connect, url: str) -> None:
    """A place in the line whose lease is over holds nobody up."""

    clock = Clock()
    limits = connect(concurrent=1, clock=clock)
    database = Database(url)
    with database.write() as session:
        session.add(
            ProviderCall(
                provider="openai", asked=clock.now - 9, expires=clock.now + 3, started=None
            )
        )
    database.close()

    with limits.call("openai", pause=clock.pause):
        pass

    assert 3 <= sum(clock.waits) < 4


def test_old_rows_go(connect: Connect, url: str) -> None:
    """A call that no limit counts any more leaves no row."""

    clock = Clock()
    limits = connect(concurrent=5, per_minute=100, clock=clock)
    for _ in range(10):
        with limits.call("openai"):
            clock.now += 30

    assert 2 == len(column(url, ProviderCall.id))


@pytest.mark.parametrize("provider", ["other", None])
def test_no_limit_costs_nothing(connect: Connect, url: str, provider: str | None) -> None:
    """Without a limit there is no wait and no row."""

    limits = connect(concurrent=1, per_minute=1)
    with ExitStack() as calls:
        for _ in range(5):
            calls.enter_context(limits.call(provider, on_wait=pytest.fail, pause=pytest.fail))

    assert [] == column(url, ProviderCall.id) + column(url, ProviderLimit.provider)


def test_retry_after_without_limits(connect: Connect) -> None:
    """A provider without limits is left alone as it asked, by this process."""

    limits = connect()
    waits: list[float] = []
    reasons: list[str] = []
    with pytest.raises(TemporaryProviderError), limits.call("other"):
        raise TemporaryProviderError("Too many.", retry_after=20)

    with limits.call("other", on_wait=reasons.append, pause=waits.append):
        pass

    assert (1, ["provider:other"]) == (len(waits), reasons)
    assert 19 < waits[0] <= 20


def test_other_errors_pass(connect: Connect) -> None:
    """What the block raises comes out as it was."""

    with pytest.raises(KeyError), connect(concurrent=1).call("openai"):
        raise KeyError("mine")
