"""A pool of child processes for code that can crash, hang or hog."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from queue import LifoQueue
from typing import Any, TypeVar

import structlog
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from ragline.compute import child
from ragline.compute.child import ComputeError, Reply
from ragline.compute.context import ChildContext, child_context
from ragline.compute.limits import Limits
from ragline.errors import Overloaded, RaglineError, Stopping, UnreadableFile

__all__ = ["ComputeError", "ComputePool", "Limits"]

Result = TypeVar("Result")
log = structlog.get_logger()

# Libraries keep some memory of every file they read; a new child begins without it.
CALLS_PER_CHILD = 200
# Far more than a child needs to start on a busy machine: past it, the child is lost.
START_SECONDS = 60
# Sent by people, service managers and kernels short of memory, not by a bad file.
SENT_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class _Interrupted(Exception):
    """The child ended for a reason that lies outside its call."""


class ComputePool:
    """Runs functions in child processes, each call within its own limits.

    Each child has a pool of one to itself, because children that share a pool share its
    pipes and locks: one that died holding a lock would stop them all. Children start at
    first use; one that did not end its call in order is replaced.
    """

    def __init__(self, workers: int, *, preload: Sequence[str] = ()) -> None:
        """Allow `workers` calls at a time; children find the modules `preload` imported."""
        context = child_context(preload)
        self._children = [_Child(context) for _ in range(workers)]
        # Last in, first out: a quiet server keeps one child busy, not all of them.
        self._idle: LifoQueue[_Child] = LifoQueue()
        for one in self._children:
            self._idle.put(one)
        self._lock = threading.Lock()
        self._cpu_seconds = 0.0
        self._closed = False

    @property
    def cpu_seconds(self) -> float:
        """CPU time that finished calls took inside the children."""
        return self._cpu_seconds

    def run(self, function: Callable[..., Result], *args: object, limits: Limits) -> Result:
        """Return `function(*args)`, computed in a child; wait while all children are busy.

        The function and its arguments are pickled, so it stands at the top of a module.
        Its `RaglineError`s come through as they are.

        Raises:
            LimitExceeded: the call went past one of its limits.
            UnreadableFile: the child crashed.
            ComputeError: the function raised anything else.
            Overloaded: children were killed from outside, twice.
            Stopping: the pool is closed; this is no `Exception`.
        """
        request = pickle.dumps((function, args))
        one = self._idle.get()
        try:
            reply = self._call(one, request, limits)
        finally:
            self._idle.put(one)
        with self._lock:
            self._cpu_seconds += reply.cpu_seconds
        answer: Result = _opened(reply)
        return answer

    def close(self) -> None:
        """End all children; calls under way raise `Stopping`. Closing twice is allowed."""
        self._closed = True
        for one in self._children:
            one.close()

    def _call(self, one: _Child, request: bytes, limits: Limits) -> Reply:
        # A call has no effects outside its child, so it may be made twice.
        for _attempt in range(2):
            if self._closed:
                raise Stopping
            try:
                return one.call(request, limits)
            except _Interrupted:
                continue
        if self._closed:
            raise Stopping
        raise Overloaded(
            "The process that did this work could not be started, or was killed twice from "
            "outside, perhaps because the machine is short of memory; the log says more. Try "
            "again later, or lower RAGLINE_COMPUTE_WORKERS."
        )


class _Child:
    """One child process behind a pool of its own; used by one thread at a time."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._future: ProcessFuture[Reply] | None = None
        self._closed = False

    def call(self, request: bytes, limits: Limits) -> Reply:
        """Make one call; whatever is no orderly reply costs the child its life."""
        future = self._scheduled(request, limits)
        try:
            # The wall limit is the pool's, which counts from when the child takes the call.
            reply = future.result(limits.wall_seconds + START_SECONDS)
        except TimeoutError:
            self._discard()
            if future.done():
                raise limits.past_wall() from None
            raise _Interrupted from None
        except ProcessExpired as death:
            self._discard()
            raise _verdict(death.exitcode, limits) from None
        except (CancelledError, BrokenProcessPool):
            self._discard()
            raise _Interrupted from None
        if reply.worn_out:
            self._discard()
        return reply

    def close(self) -> None:
        """End the child and the call it is busy with, for good."""
        with self._lock:
            self._closed = True
            if self._future is not None:
                self._future.cancel()  # type: ignore[no-untyped-call]  # pebble's own
        self._discard()

    def _scheduled(self, request: bytes, limits: Limits) -> ProcessFuture[Reply]:
        with self._lock:
            if self._closed:
                raise _Interrupted
            if self._pool is None:
                self._pool = ProcessPool(
                    max_workers=1,
                    max_tasks=CALLS_PER_CHILD,
                    initializer=child.start,
                    context=self._context,
                )
            try:
                self._future = self._pool.schedule(
                    child.call, args=(request, limits), timeout=limits.wall_seconds
                )
            except RuntimeError as error:  # the child died while it was idle, or never lived
                log.warning("compute.child_lost", error=repr(error), cause=repr(error.__context__))
                broken, self._pool = self._pool, None
                _stop(broken)
                raise _Interrupted from None
            return self._future

    def _discard(self) -> None:
        with self._lock:
            pool, self._pool, self._future = self._pool, None, None
        if pool is not None:
            _stop(pool)


def _stop(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]  # pebble's own
    pool.join()


def _verdict(exit_code: int, limits: Limits) -> Exception:
    """Say what the death of a child means for its call."""
    if exit_code == -signal.SIGXCPU:
        return limits.past_cpu()
    if -exit_code in SENT_FROM_OUTSIDE:
        return _Interrupted()
    how = signal.strsignal(-exit_code) if exit_code < 0 else f"exit code {exit_code}"
    return UnreadableFile(
        f"The reader crashed on this file ({how}); no other document is affected. The file "
        "is probably damaged: open it, save it anew and upload it again."
    )


def _opened(reply: Reply) -> Any:
    try:
        answer = pickle.loads(reply.body)  # noqa: S301 # our own child wrote it
    except Exception as error:
        raise ComputeError(
            f"The answer of a child process cannot be read: {type(error).__name__}: {error}."
        ) from error
    if isinstance(answer, ComputeError):
        log.error("compute.broken", notes=getattr(answer, "__notes__", []))
    if reply.succeeded:
        return answer
    assert isinstance(answer, RaglineError)
    raise answer
