"""What is asked of models for one question: searches, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from ragline.bootstrap import Runtime
from ragline.chat.answering import rewrite_from, usage_view
from ragline.chat.question import Question
from ragline.chat.schemas import UsageView
from ragline.errors import Overloaded, ProviderError
from ragline.jobs.turnstile import Turnstile
from ragline.providers.contracts import Ask, Turn

log = structlog.get_logger()

Make = Callable[[], tuple[tuple[str, ...], UsageView]]
"""Calls a model for searches; returns them with what the call took."""
Once = Callable[[bool, Make], tuple[str, ...]]
"""Makes a call for searches, or finds what it gave before; the flag tells the two calls apart."""


class Searches:
    """Turns a question into searches, by a model where there is something to rewrite."""

    def __init__(
        self,
        runtime: Runtime,
        question: Question,
        history: Sequence[Turn],
        turnstile: Turnstile,
        once: Once,
    ) -> None:
        self._runtime = runtime
        self._question = question
        self._history = history
        self._turnstile = turnstile
        self._once = once

    def __call__(self, other_words: bool) -> tuple[str, ...]:
        """Return a search that stands alone, with `other_words` such that ask differently too.

        Those are a help, not a need: none come where the model gives none.
        """
        if not other_words:
            if not self._history:
                return (self._question.text,)
            return self._once(False, lambda: self._ask(other_words=False))
        try:
            return self._once(True, lambda: self._ask(other_words=True))
        except (ProviderError, Overloaded) as error:
            log.warning("chat.no_other_words", error=error.message)
            return ()

    def _ask(self, *, other_words: bool) -> tuple[tuple[str, ...], UsageView]:
        rewrite = rewrite_from(
            self._runtime,
            self._question.text,
            self._history,
            self._turnstile,
            other_words=other_words,
            model=self._question.model,
        )
        return rewrite.queries, usage_view(self._runtime, rewrite.usage)


def ask_of(question: Question, history: Sequence[Turn]) -> Ask:
    """Return what the model is asked; its passages come with the sources."""
    return Ask(
        question.text,
        history=history,
        instructions=question.instructions,
        language=question.language,
        model=question.model,
        most_tokens=question.most_tokens,
        temperature=question.temperature,
    )
