"""Asking Zotero on behalf of a job: within limits, and never while it wants to be left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from ragline.bootstrap import Runtime
from ragline.engine.retry import Retry
from ragline.errors import TemporaryProviderError
from ragline.jobs.turnstile import Turnstile, turnstile_of
from ragline.models import ZoteroLibrary
from ragline.providers import registry
from ragline.providers.contracts import ReferenceLibrary

CALLS = Retry(attempts=6, first_wait=0.5)
"""About a minute in all. Waiting as Zotero asks is no try."""
MOST_WAITS = 30

T = TypeVar("T")


class _Rest(TemporaryProviderError):
    """An answer came, with the wish for a rest: whoever grants calls hears of it by this."""


class Asking:
    """Calls a library, one call after the other, with the waits that it asks for between them."""

    def __init__(self, runtime: Runtime, library: ReferenceLibrary, turnstile: Turnstile) -> None:
        self._runtime = runtime
        self._library = library
        self._turnstile = turnstile

    def __call__(self, call: Callable[[ReferenceLibrary], T]) -> T:
        """Return what a call gives, once Zotero takes it.

        Raises what the library raises; `Superseded` where the job is not wanted any more.
        """
        for _ in range(MOST_WAITS):
            try:
                return self._once(call)
            except TemporaryProviderError as error:
                if not error.retry_after:
                    raise
        return self._once(call)

    def _once(self, call: Callable[[ReferenceLibrary], T]) -> T:
        answers: list[T] = []
        with (
            suppress(_Rest),
            self._turnstile.gate(self._runtime, self._library.provider, False),
        ):
            answers.append(call(self._library))
            if self._library.rest:
                raise _Rest("Zotero asks for a rest.", retry_after=self._library.rest)
        return answers[0]


@contextmanager
def asking(
    runtime: Runtime, library: ZoteroLibrary, job_id: str, workflow_id: str
) -> Iterator[Asking]:
    """Give what asks a connected library for an attempt of a job."""
    opened = registry.reference_library(
        "zotero", runtime.settings, library=library.library, api_key=library.api_key
    )
    try:
        yield Asking(runtime, opened, turnstile_of(runtime, job_id, workflow_id))
    finally:
        opened.close()
