"""The best passages read again, within limits; a reranker that fails costs no search."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.compute.pool import ComputePool
from ragline.errors import Overloaded, RaglineError, TemporaryProviderError
from ragline.jobs.turnstile import Turnstile, patience
from ragline.providers import tasks
from ragline.providers.contracts import Reranked, Reranker
from ragline.search.schemas import Hit, SearchWarning

CALLS = 3
"""How often a job asks a reranker that fails for a while."""
FIRST_WAIT_SECONDS = 1.0
OPEN_FILES = 128
OUTPUT_BYTES = 4 * 1024**2
_DESK = "reranking"

NONE_SET = SearchWarning(
    code="no-reranker",
    message="This server has no reranker: the passages are in the order of the search. "
    "RAGLINE_RERANKER names one.",
)
FAILED = SearchWarning(
    code="reranker-failed",
    message="The reranker could not be asked: the passages are in the order of the search. "
    "The server's log says why.",
)

log = structlog.get_logger()


class Desk:
    """A child of its own for the reranker that computes here: it does not wait behind files.

    The weights are in memory once, whatever number of children reads files.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Start nothing yet: the child starts with the first question."""
        self._settings = runtime.settings
        self._pool = ComputePool(1)
        self._free = threading.Lock()

    def rerank(self, reranker: Reranker, question: str, passages: Sequence[str]) -> Reranked:
        """Return the scores; `TemporaryProviderError` where others are before for too long."""
        with self._turn():
            return self._pool.run(
                tasks.rerank_here, reranker, question, passages, limits=self._limits()
            )

    def close(self) -> None:
        """End the child."""
        self._pool.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._free.acquire(timeout=self._settings.reranker_wait_seconds):
            raise TemporaryProviderError("The reranker is busy with other questions. Ask later.")
        try:
            yield
        finally:
            self._free.release()

    def _limits(self) -> Limits:
        settings = self._settings
        seconds = settings.reranker_wall_seconds
        return Limits(
            wall_seconds=seconds,
            cpu_seconds=max(1, round(seconds * settings.reranker_threads)),
            memory_bytes=settings.reranker_memory_mb * 1024**2,
            open_files=OPEN_FILES,
            output_bytes=OUTPUT_BYTES,
        )


def at_once(runtime: Runtime) -> Turnstile:
    """Return how a call waits for which someone waits: not long."""
    return Turnstile(patience(runtime.settings.reranker_wait_seconds))


def rescored(
    runtime: Runtime, question: str, passages: Sequence[str], turnstile: Turnstile, *, tries: int
) -> Reranked | None:
    """Return the reranker's scores, or None where it gives none, after so many tries.

    There must be one. Each call is made within its provider's limits. Whatever goes wrong is
    logged, and is no reason to give nothing back.
    """
    reranker = runtime.reranker
    assert reranker is not None, "asked where a reranker is set"
    size = reranker.passages_per_call
    try:
        parts = [
            _asked(runtime, reranker, question, passages[start : start + size], turnstile, tries)
            for start in range(0, len(passages), size)
        ]
    except RaglineError as error:
        log.warning("search.not_reranked", reranker=reranker.name, error=error.message)
        return None
    return Reranked(
        tuple(score for part in parts for score in part.scores),
        model=next((part.model for part in parts), ""),
        tokens=sum(part.tokens for part in parts),
        cost=sum(part.cost for part in parts),
    )


def text_of(hit: Hit) -> str:
    """Return what a reranker reads of a passage: its text under its title."""
    return f"{hit.title}\n{hit.text}"


def _asked(
    runtime: Runtime,
    reranker: Reranker,
    question: str,
    passages: Sequence[str],
    turnstile: Turnstile,
    tries: int,
) -> Reranked:
    wait = FIRST_WAIT_SECONDS
    for left in range(tries - 1, -1, -1):
        try:
            with turnstile.gate(runtime, reranker.provider, False):
                if reranker.provider is not None:
                    return reranker.rerank(question, passages)
                return _desk(runtime).rerank(reranker, question, passages)
        except TemporaryProviderError as error:
            if not left:
                raise
            # What the provider asks for is waited for at its gate.
            if not error.retry_after:
                turnstile.pause(wait)
            wait *= 2
    raise Overloaded("The reranker was asked as often as it may be.")


def _desk(runtime: Runtime) -> Desk:
    """Return the process's one desk, which is closed with the runtime."""
    if _DESK not in runtime.kept:
        made = Desk(runtime)
        # Of two made at once one is kept; neither has started anything.
        if runtime.kept.setdefault(_DESK, made) is made:
            runtime.on_close(made.close)
    desk: Desk = runtime.kept[_DESK]
    return desk
