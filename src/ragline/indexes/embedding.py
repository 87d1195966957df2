"""Passages become vectors: here in children, or at a service, one paid call at a time.

Whoever asks stores each part before it takes the next, so that nothing is paid for twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple, cast

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.compute.pool import Owner
from ragline.errors import RefusedTexts, TemporaryProviderError
from ragline.jobs.costs import paid_call
from ragline.jobs.pump import Pump
from ragline.jobs.turnstile import LOOK_SECONDS, Turnstile
from ragline.models import new_id
from ragline.providers import tasks
from ragline.providers.contracts import Embedded, Embedder, RemoteEmbedder, Usage, Vectors
from ragline.providers.prices import cost_of
from ragline.settings import Settings

# A batch that failed so often is divided: one of its texts may be what the service fails at.
TRIES = 2
WAIT_SECONDS = 1.0
# Calls that a service may put off in a row before the step is tried again as a whole.
MOST_DELAYS = 5


class Part(NamedTuple):
    """The vectors of the texts at these places, and what their call took if it was paid for."""

    places: Sequence[int]
    vectors: Vectors
    paid: Usage | None


def groups(runtime: Runtime, embedder: Embedder, texts: Sequence[str]) -> list[slice]:
    """Divide texts into groups to be embedded at a time."""
    if embedder.provider is not None:
        return cast(RemoteEmbedder, embedder).in_calls(texts)
    size = runtime.settings.embed_batch
    return [slice(start, start + size) for start in range(0, len(texts), size)]


def embed_group(
    runtime: Runtime,
    spec: str,
    texts: Sequence[str],
    turnstile: Turnstile,
    *,
    owner: Owner | None = None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Part]:
    """Yield the vectors of a group in parts, as they are made.

    A service's call is ended by what `check` raises, which is asked every second. Texts that a
    service refuses are found by dividing the group; the others have their vectors before
    `RefusedTexts` is raised. Raises `TemporaryProviderError` where the service fails altogether.
    """
    if not texts:
        return
    embedder = runtime.embedder_for(spec)
    if embedder.provider is None:
        arguments = (runtime.settings, spec, list(texts))
        limits = limits_of(runtime.settings)
        vectors = runtime.compute.run(tasks.embed_passages, *arguments, limits=limits, owner=owner)
        yield Part(range(len(texts)), vectors, None)
        return
    asking = _Asking(runtime, cast(RemoteEmbedder, embedder), texts, turnstile, check)
    yield from asking.parts()


def limits_of(settings: Settings) -> Limits:
    """Return what embedding a group in a child may take, the model included."""
    return Limits(
        wall_seconds=300,
        cpu_seconds=240 * settings.embedder_threads,
        memory_bytes=settings.embedder_memory_mb * 1024**2,
        open_files=128,
        output_bytes=256 * 1024**2,
    )


def paid_embedding(
    runtime: Runtime, job_id: str, provider: str | None, usage: Usage
) -> dict[str, object]:
    """Return the call of a part as `note_paid` takes it."""
    return paid_call(
        new_id(),
        job_id=job_id,
        purpose="embed",
        provider=provider or "",
        model=usage.model,
        cost=cost_of(usage, runtime.settings.token_prices),
        prompt_tokens=usage.prompt_tokens,
    )


class _Asking:
    """Asks a service for one group, in smaller and smaller parts where it fails."""

    def __init__(
        self,
        runtime: Runtime,
        embedder: RemoteEmbedder,
        texts: Sequence[str],
        turnstile: Turnstile,
        check: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._embedder = embedder
        self._texts = texts
        self._turnstile = turnstile
        self._check = check
        self._failures = 0
        # On the way down to one bad text, no more halves than these fail one after another.
        self._most_failures = TRIES + math.ceil(math.log2(len(texts))) + 1

    def parts(self) -> Iterator[Part]:
        """Yield what the service gives; raise what stands in the way of the rest."""
        waiting: list[Sequence[int]] = [range(len(self._texts))]
        refused: RefusedTexts | TemporaryProviderError | None = None
        while waiting:
            places = waiting.pop()
            found = self._tried(places, tries=TRIES if len(places) == len(self._texts) else 1)
            if isinstance(found, Embedded):
                yield Part(places, found.vectors, found.usage)
            elif len(places) == 1:
                refused = found
            else:
                middle = len(places) // 2
                waiting += [places[middle:], places[:middle]]
        if refused is not None:
            raise refused

    def _tried(
        self, places: Sequence[int], *, tries: int
    ) -> Embedded | RefusedTexts | TemporaryProviderError:
        """Return the vectors, or what may be one text's fault; raise what is the service's."""
        texts = [self._texts[place] for place in places]
        delays = 0
        while True:
            self._runtime.engine.pause(0)
            try:
                found = self._called(texts)
            except (RefusedTexts, TemporaryProviderError) as error:
                if isinstance(error, TemporaryProviderError) and error.retry_after is not None:
                    # The provider's limits have the next call wait as long as it asks.
                    delays += 1
                    if delays > MOST_DELAYS:
                        raise
                    continue
                self._note_failure(error)
                tries -= 1
                if tries <= 0 or isinstance(error, RefusedTexts):
                    return error
                self._turnstile.pause(WAIT_SECONDS)
            else:
                self._failures = 0
                return found

    def _note_failure(self, error: RefusedTexts | TemporaryProviderError) -> None:
        self._failures += 1
        if self._failures >= self._most_failures:
            raise error

    def _called(self, texts: Sequence[str]) -> Embedded:
        """Make one call, as long as it is wanted."""

        def call() -> Generator[Embedded, None, None]:
            yield self._embedder.call(texts)

        provider = self._embedder.provider
        with self._turnstile.gate(self._runtime, provider, False), Pump(call()) as pump:
            while not pump.has_ended:
                found = pump.take(LOOK_SECONDS)
                if found is not None:
                    return found
                self._check()
        raise RuntimeError("A call ended without an answer.")
