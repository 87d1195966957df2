"""A pool of child processes for code that can crash, hang or hog."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from ragline.compute import child
from ragline.compute.child import ComputeError, Reply
from ragline.compute.context import ChildContext, child_context
from ragline.compute.limits import Limits
from ragline.compute.turns import Turns
from ragline.errors import Overloaded, RaglineError, Stopping, UnreadableFile

__all__ = ["Cancelled", "ComputeError", "ComputePool", "Limits", "Owner"]

Result = TypeVar("Result")
log = structlog.get_logger()

# Libraries keep some memory of every file they read; a new child begins without it.
CALLS_PER_CHILD = 200
# Far more than a child needs to start on a busy machine: past it, the child is lost.
START_SECONDS = 60
# Sent by people, service managers and kernels short of memory, not by a bad file.
SENT_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Cancelled(RaglineError):
    """The job that a call was made for was cancelled; the child was killed."""


@dataclass(frozen=True, slots=True)
class Owner:
    """For which attempt, by its workflow, a call is made, and whose turn it takes."""

    workflow_id: str
    tenant_id: str


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
        self._turns = Turns(self._children)
        self._at_work: dict[_Child, Owner] = {}
        self._lock = threading.Lock()
        self._cpu_seconds = 0.0
        self._closed = False

    @property
    def cpu_seconds(self) -> float:
        """CPU time that finished calls took inside the children."""
        return self._cpu_seconds

    def run(
        self,
        function: Callable[..., Result],
        *args: object,
        limits: Limits,
        owner: Owner | None = None,
    ) -> Result:
        """Return `function(*args)`, computed in a child; wait while all children are busy.

        The function and its arguments are pickled, so it stands at the top of a module.
        Its `RaglineError`s come through as they are. Tenants take turns: whoever has the
        fewest children at work comes next.

        Raises:
            LimitExceeded: the call went past one of its limits.
            UnreadableFile: the child crashed.
            ComputeError: the function raised anything else.
            Overloaded: children were killed from outside, twice.
            Cancelled: the job that wanted it was cancelled meanwhile.
            Stopping: the pool is closed; this is no `Exception`.
        """
        request = pickle.dumps((function, args))
        one = self._turns.take(owner.tenant_id if owner else "")
        try:
            reply = self._call(one, request, limits, owner)
        finally:
            self._turns.give_back(one)
        with self._lock:
            self._cpu_seconds += reply.cpu_seconds
        answer: Result = _opened(reply)
        return answer

    def owners(self) -> list[str]:
        """Return the ids of the workflows that children are at work for."""
        with self._lock:
            return [owner.workflow_id for owner in self._at_work.values()]

    def cancel(self, workflow_id: str) -> None:
        """Kill the children at work for a workflow; their calls raise `Cancelled`."""
        with self._lock:
            children = [
                one for one, owner in self._at_work.items() if owner.workflow_id == workflow_id
            ]
        for one in children:
            one.interrupt(workflow_id)

    def close(self) -> None:
        """End all children; calls under way raise `Stopping`. Closing twice is allowed."""
        self._closed = True
        for one in self._children:
            one.close()

    def _call(self, one: _Child, request: bytes, limits: Limits, owner: Owner | None) -> Reply:
        # A call has no effects outside its child, so it may be made twice.
        for _attempt in range(2):
            if self._closed:
                raise Stopping
            try:
                with self._seen(one, owner):
                    return one.call(request, limits, owner.workflow_id if owner else None)
            except _Interrupted:
                continue
        if self._closed:
            raise Stopping
        raise Overloaded(
            "The process that did this work could not be started, or was killed twice from "
            "outside, perhaps because the machine is short of memory; the log says more. Try "
            "again later, or lower RAGLINE_COMPUTE_WORKERS."
        )

    @contextmanager
    def _seen(self, one: _Child, owner: Owner | None) -> Iterator[None]:
        """Let others see for which attempt a child is at work."""
        if owner is None:
            yield
            return
        with self._lock:
            self._at_work[one] = owner
        try:
            yield
        finally:
            with self._lock:
                del self._at_work[one]


class _Child:
    """One child process behind a pool of its own; used by one thread at a time."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._future: ProcessFuture[Reply] | None = None
        self._working_for: str | None = None
        self._unwanted = False
        self._closed = False

    def call(self, request: bytes, limits: Limits, workflow_id: str | None) -> Reply:
        """Make one call; whatever is no orderly reply costs the child its life."""
        future = self._scheduled(request, limits, workflow_id)
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
            unwanted = self._unwanted
            self._discard()
            if unwanted:
                raise Cancelled("The job was cancelled while a child was at work for it.") from None
            raise _Interrupted from None
        if reply.worn_out:
            self._discard()
        return reply

    def interrupt(self, workflow_id: str) -> None:
        """Kill the child if it is at work for this workflow."""
        with self._lock:
            if self._future is not None and self._working_for == workflow_id:
                self._unwanted = True
                self._future.cancel()  # type: ignore[no-untyped-call]  # pebble's own

    def close(self) -> None:
        """End the child and the call it is busy with, for good."""
        with self._lock:
            self._closed = True
            if self._future is not None:
                self._future.cancel()  # type: ignore[no-untyped-call]  # pebble's own
        self._discard()

    def _scheduled(
        self, request: bytes, limits: Limits, workflow_id: str | None
    ) -> ProcessFuture[Reply]:
        with self._lock:
            if self._closed:
                raise _Interrupted
            self._working_for, self._unwanted = workflow_id, False
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
            self._working_for, self._unwanted = None, False
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
