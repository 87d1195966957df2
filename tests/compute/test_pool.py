"""Calls in child processes: what comes back, what is cut, and what survives."""

import os
import pickle
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

# Children import it by name, which the tests' import mode does not give.
sys.path.insert(0, str(Path(__file__).parent))
import compute_functions as functions

from ragline import errors
from ragline.compute.pool import Cancelled, ComputeError, ComputePool, Limits, Owner
from ragline.errors import (
    LimitExceeded,
    NotFound,
    Overloaded,
    RaglineError,
    Stopping,
    UnreadableFile,
)

MIB = 1024**2
LIMITS = Limits(
    wall_seconds=30, cpu_seconds=20, memory_bytes=512 * MIB, open_files=64, output_bytes=MIB
)


@pytest.fixture(scope="module")
def pool():
    pool = ComputePool(2, preload=("compute_functions",))
    yield pool
    pool.close()


@pytest.fixture
def single():
    pool = ComputePool(1)
    yield pool
    pool.close()


def error_of(pool, function, *args, limits=LIMITS):
    with pytest.raises(RaglineError) as caught:
        pool.run(function, *args, limits=limits)
    assert pool.run(functions.doubled, 4, limits=LIMITS) == 8, "the next call works"
    return caught.value


def gone(pids, within):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline and any(map(psutil.pid_exists, pids)):
        time.sleep(0.05)
    return not any(map(psutil.pid_exists, pids))


def test_result(pool):
    """A call returns what the function returned, from another process."""

    assert pool.run(functions.pid, limits=LIMITS) != os.getpid()


def test_lazy():
    """No child exists before the first call."""
    before = set(psutil.Process().children(recursive=True))
    pool = ComputePool(2)

    assert set(psutil.Process().children(recursive=True)) == before

    pool.close()


def test_reuse(single):
    """An orderly call leaves its child to the next one."""
    pids = {single.run(functions.pid, limits=LIMITS) for _ in range(3)}

    assert len(pids) == 1


def test_quiet_pool_keeps_one_child(pool):
    """Calls one after the other keep to one child."""
    pids = {pool.run(functions.pid, limits=LIMITS) for _ in range(4)}

    assert len(pids) == 1


def test_queueing_is_not_counted(single):
    """The wall limit starts when a child takes the call, not when the call is made."""
    limits = replace(LIMITS, wall_seconds=1.5)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(single.run, functions.sleep, 0.7, limits=limits) for _ in "1234"]

    assert [future.result() for future in waiting] == [0.7] * 4


def test_many_threads(pool):
    """Calls from many threads each get their own answer."""
    with ThreadPoolExecutor(16) as threads:
        doubled = list(
            threads.map(lambda n: pool.run(functions.doubled, n, limits=LIMITS), range(200))
        )

    assert doubled == [2 * n for n in range(200)]


def test_hang(pool):
    """A call that sleeps past its wall limit is stopped at once."""
    limits = replace(LIMITS, wall_seconds=0.5, settings="RAGLINE_PARSE_")
    error = error_of(pool, functions.sleep, 60, limits=limits)

    assert isinstance(error, LimitExceeded)
    assert "took longer than 0.5 seconds" in error.message
    assert "RAGLINE_PARSE_WALL_SECONDS" in error.message


def test_hang_in_c(pool):
    """A hang in C code that never lets go of the interpreter is stopped too."""
    started = time.monotonic()
    limits = replace(LIMITS, wall_seconds=0.5)
    error = error_of(pool, functions.sleep_holding_the_interpreter, 60, limits=limits)

    assert isinstance(error, LimitExceeded)
    assert time.monotonic() - started < 5


def test_spin(pool):
    """A call that computes past its CPU limit is stopped by the kernel."""
    error = error_of(pool, functions.spin, limits=replace(LIMITS, cpu_seconds=1))

    assert isinstance(error, LimitExceeded)
    assert "more than 1 seconds of CPU time" in error.message


def test_cpu_limit_is_per_call(single):
    """CPU time of earlier calls in the same child does not count."""
    limits = replace(LIMITS, cpu_seconds=1)
    pids = []
    for _ in range(3):
        single.run(functions.busy, 0.6, limits=limits)
        pids.append(single.run(functions.pid, limits=limits))

    assert len(set(pids)) == 1


def test_memory(pool):
    """A call that asks for more memory than it may have is refused it."""
    error = error_of(pool, functions.allocate, 1024 * MIB)

    assert isinstance(error, LimitExceeded)
    assert "more than 512 MiB of memory" in error.message


def test_memory_behind_another_error(pool):
    """Want of memory is recognised where a library calls it something else."""
    error = error_of(pool, functions.allocate_and_blame_the_file, 1024 * MIB)

    assert isinstance(error, LimitExceeded)


def test_output(pool):
    """An answer past the output limit is not sent."""
    error = error_of(pool, functions.output, 2 * MIB)

    assert isinstance(error, LimitExceeded)
    assert "more than 1 MiB of output" in error.message


def test_large_output(pool):
    """An answer within a large output limit arrives whole, even near the memory limit."""
    limits = replace(LIMITS, output_bytes=150 * MIB, memory_bytes=800 * MIB)

    assert len(pool.run(functions.output, 100 * MIB, limits=limits)) == 100 * MIB


def test_open_files(pool):
    """A call that opens too many files at once is stopped."""
    error = error_of(pool, functions.open_files, 100)

    assert isinstance(error, LimitExceeded)
    assert "more than 64 files" in error.message


def test_written_file(pool, tmp_path):
    """A call cannot fill the disk."""
    error = error_of(pool, functions.write, tmp_path / "big", 2 * MIB)

    assert isinstance(error, LimitExceeded)


def test_worn_out_child_is_replaced(single):
    """A child that reached a limit is not used again."""
    before = single.run(functions.pid, limits=LIMITS)
    error_of(single, functions.allocate, 1024 * MIB)

    assert single.run(functions.pid, limits=LIMITS) != before


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (functions.segfault, ()),
        (functions.kill_self, (signal.SIGABRT,)),
        (functions.leave, (7,)),
    ],
)
def test_crash(pool, function, args):
    """A crash fails its own call with a sentence, and no other."""
    error = error_of(pool, function, *args)

    assert type(error) is UnreadableFile
    assert "The reader crashed on this file" in error.message


def test_exit_without_a_word(pool):
    """A child that leaves as if all were well is noticed at the wall limit."""
    error = error_of(pool, functions.leave, 0, limits=replace(LIMITS, wall_seconds=0.5))

    assert isinstance(error, LimitExceeded)


def test_crash_beside_another_call(pool):
    """A crash leaves calls in other children alone."""
    with ThreadPoolExecutor(1) as threads:
        beside = threads.submit(pool.run, functions.sleep, 1, limits=LIMITS)
        error_of(pool, functions.segfault)

        assert beside.result() == 1


def test_killed_from_outside(pool):
    """Children that something outside keeps killing are no fault of the file."""
    error = error_of(pool, functions.kill_self, signal.SIGKILL)

    assert isinstance(error, Overloaded)
    assert error.retryable


@pytest.mark.parametrize("pause", [0, 0.5])
def test_idle_child_killed(single, pause):
    """An idle child's death goes unnoticed by the next call."""
    os.kill(single.run(functions.pid, limits=LIMITS), signal.SIGKILL)
    time.sleep(pause)

    assert single.run(functions.doubled, 21, limits=LIMITS) == 42


def test_interrupt(pool):
    """Ctrl-C does not reach a child's work."""

    assert pool.run(functions.interrupt_group, limits=LIMITS) == "went on"


def test_own_errors(pool):
    """Our own errors come through as they are."""
    error = error_of(pool, functions.not_found)

    assert (type(error), error.message) == (NotFound, "Nothing there.")


@pytest.mark.parametrize(
    "kind", [kind for kind in RaglineError.__subclasses__() if kind.__module__ == errors.__name__]
)
def test_errors_survive_pickling(kind):
    """Every kind of our errors keeps its type and message on the way."""
    copy = pickle.loads(pickle.dumps(kind("What happened.")))

    assert (type(copy), copy.message) == (kind, "What happened.")


def test_error_that_cannot_be_pickled(pool):
    """The words of an error that cannot travel still do."""
    error = error_of(pool, functions.awkward)

    assert isinstance(error, ComputeError)
    assert "page 3: torn" in error.__notes__[0]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (functions.divide_by_zero, "ZeroDivisionError"),
        (functions.exit_interpreter, "SystemExit"),
        (functions.unpicklable, "lambda"),
    ],
)
def test_unexpected_error(pool, function, words):
    """Any other error becomes a `ComputeError` that shows nothing; the trace is in its notes."""
    error = error_of(pool, function)

    assert isinstance(error, ComputeError)
    assert words not in error.message
    assert words in error.__notes__[0]


def test_cpu_seconds(single):
    """The pool adds up the CPU time that calls took inside the children."""
    single.run(functions.busy, 0.5, limits=LIMITS)

    assert 0.45 < single.cpu_seconds < 1.5


def test_nothing_is_inherited(tmp_path):
    """Children hold neither sockets nor database files of the parent."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.set_inheritable(True)
    database = sqlite3.connect(tmp_path / "rows.db")
    database.execute("create table row (id)")
    pool = ComputePool(1)
    descriptors = pool.run(functions.open_descriptors, limits=LIMITS)
    inode = os.fstat(listener.fileno()).st_ino
    pool.close()
    database.close()
    listener.close()

    assert [name for name in descriptors if name == f"socket:[{inode}]" or "rows.db" in name] == []


def test_one_thread_per_child(pool):
    """Numeric libraries are told to use one thread in each child."""

    assert pool.run(functions.environment, "OPENBLAS_NUM_THREADS", limits=LIMITS) == "1"


def test_parent_environment_is_untouched():
    """What is set for children is not set for their parent."""

    assert "ragline.compute.preload" not in sys.modules


SCRIPT = """
print("main module ran", __name__)
from ragline.compute.pool import ComputePool, Limits
if __name__ == "__main__":
    pool = ComputePool(1)
    print(pool.run(abs, -3, limits=Limits(60, 60, 2**30, 64, 2**20)))
    pool.close()
"""


def test_main_module_is_not_imported(tmp_path):
    """A child does not run its parent's main script again."""
    script = tmp_path / "serve"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["main module ran __main__", "3"]


def test_close_ends_children():
    """Closing leaves no child behind, busy or idle, and fails the call under way."""
    pool = ComputePool(2)
    pids = [pool.run(functions.pid, limits=LIMITS)]
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(pool.run, functions.sleep, 60, limits=LIMITS) for _ in "123"]
        time.sleep(0.5)
        pool.close()
        errors = [type(call.exception()) for call in calls]

    assert errors == [Stopping] * 3
    assert gone(pids, within=2)
    assert not [one for one in threading.enumerate() if one.daemon and "pebble" in repr(one)]


def busy(pool, threads, *workflows, function=functions.sleep):
    """Have children at work for workflows and return the calls."""
    calls = [
        threads.submit(pool.run, function, 60, limits=LIMITS, owner=Owner(each, "tenant"))
        for each in workflows
    ]
    deadline = time.monotonic() + 30
    while sorted(pool.owners()) != sorted(workflows):
        assert time.monotonic() < deadline, "the children did not begin"
        time.sleep(0.01)
    return calls


@pytest.mark.parametrize("function", [functions.sleep, functions.sleep_holding_the_interpreter])
def test_cancel(function):
    """Cancelling kills the child at work for a workflow, whatever it does, and no other."""
    pool = ComputePool(2)
    with ThreadPoolExecutor(2) as threads:
        unwanted, wanted = busy(pool, threads, "unwanted", "wanted", function=function)
        pool.cancel("unwanted")

        assert isinstance(unwanted.exception(timeout=30), Cancelled)
        assert pool.owners() == ["wanted"]
        assert not wanted.done()
        assert pool.run(functions.doubled, 4, limits=LIMITS) == 8
        pool.close()


def test_cancel_all_of_a_workflow():
    """All children of one workflow are killed; their processes are gone."""
    pool = ComputePool(2)
    with ThreadPoolExecutor(2) as threads:
        pids = list(threads.map(lambda _: pool.run(functions.slow_pid, limits=LIMITS), "12"))
        calls = busy(pool, threads, "same", "same")
        pool.cancel("same")

        assert [type(call.exception(timeout=30)) for call in calls] == [Cancelled] * 2
    assert len(set(pids)) == 2
    assert gone(pids, within=5)
    pool.close()


def test_cancel_what_is_not_at_work(pool):
    """Cancelling a workflow that no child works for, or not any more, changes nothing."""
    owner = Owner("done", "tenant")
    assert pool.run(functions.doubled, 4, limits=LIMITS, owner=owner) == 8
    pool.cancel("done")
    pool.cancel("unknown")

    assert pool.run(functions.doubled, 4, limits=LIMITS, owner=owner) == 8
    assert pool.owners() == []


def test_closed_pool():
    """A closed pool refuses calls, and may be closed again."""
    pool = ComputePool(1)
    pool.close()
    pool.close()

    with pytest.raises(Stopping):
        pool.run(functions.pid, limits=LIMITS)


PARENT = """
import sys, threading
sys.path.insert(0, {folder!r})
import compute_functions as functions
from ragline.compute.pool import ComputePool, Limits
limits = Limits(60, 60, 2**30, 64, 2**20)
pool = ComputePool(3)
for function in (functions.sleep, functions.sleep_holding_the_interpreter):
    threading.Thread(target=pool.run, args=(function, 60), kwargs=dict(limits=limits)).start()
print(pool.run(functions.pid, limits=limits), flush=True)
threading.Event().wait()
"""


def test_parent_killed():
    """Killing the parent leaves no child after two seconds, whatever it was doing."""
    script = PARENT.format(folder=str(Path(__file__).parent))
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    parent.stdout.readline()
    time.sleep(0.7)
    family = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert len(family) >= 4
    assert gone(family, within=2)
