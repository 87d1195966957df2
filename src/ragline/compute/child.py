"""What runs inside a child process."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import pickle
import resource
import select
import signal
import traceback
from typing import NamedTuple

from ragline.compute.limits import Limits, cpu_seconds, enforced
from ragline.errors import LimitExceeded, RaglineError

NICENESS = 5


class ComputeError(RaglineError):
    """A function failed in a child in a way that nobody foresaw; its notes hold the trace."""


class Reply(NamedTuple):
    """The pickled answer of a call, or its pickled error, and the CPU time it took.

    A child that reached a limit is worn out: files or memory may still be held in it.
    """

    cpu_seconds: float
    succeeded: bool
    worn_out: bool
    body: bytes


def start() -> None:
    """Prepare a new child; the pool already made it deaf to Ctrl-C."""
    # A handler in Python would wait for the end of whatever C code is running.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Requests go before bulk work where both want the processor.
    os.nice(NICENESS)
    _die_with_parent()


def _die_with_parent() -> None:
    """Have the kernel end this process when its parent is gone, whatever it is doing then.

    The parent holds the other end of a pipe; when that closes, SIGIO comes, which kills.
    A watching thread could not run while C code holds the interpreter.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    pipe = parent.sentinel
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    gone_before, _, _ = select.select([pipe], [], [], 0)
    if gone_before:
        os._exit(1)


def call(request: bytes, limits: Limits) -> Reply:
    """Run a pickled function with its arguments, held to its limits.

    Both ways are pickled here rather than by the pool, whose threads do not survive
    something that cannot be unpickled.
    """
    started = cpu_seconds()
    try:
        with enforced(limits):
            function, args = pickle.loads(request)  # noqa: S301 # our own parent wrote it
            body = pickle.dumps(function(*args), protocol=pickle.HIGHEST_PROTOCOL)
        if len(body) > limits.output_bytes:
            raise limits.past_output()
    except BaseException as error:  # noqa: BLE001 # the parent raises it
        verdict = limits.behind(error) or error
        worn_out = isinstance(verdict, LimitExceeded)
        return Reply(cpu_seconds() - started, False, worn_out, _packed(verdict))
    return Reply(cpu_seconds() - started, True, False, body)


def _packed(error: BaseException) -> bytes:
    ours = error if isinstance(error, RaglineError) else _unexpected(error)
    try:
        body = pickle.dumps(ours)
        pickle.loads(body)  # noqa: S301 # just written here
    except Exception:  # noqa: BLE001 # whatever hinders pickling, the words still travel
        return pickle.dumps(_unexpected(error))
    return body


def _unexpected(error: BaseException) -> ComputeError:
    wrapped = ComputeError(
        "An unexpected error stopped this work. Other work is not affected; the server's log "
        "has the details."
    )
    wrapped.add_note("".join(traceback.format_exception(error)))
    return wrapped
