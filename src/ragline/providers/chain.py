"""Models asked in turn: the next one where one fails before its first word."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from typing import TypeVar

import structlog

from ragline.errors import (
    Overloaded,
    PermanentProviderError,
    ProviderError,
    RaglineError,
    TemporaryProviderError,
)
from ragline.providers.contracts import LLM, Answer, Ask, Rewrite, Task, Turn, Written, drained

T = TypeVar("T")

Gate = Callable[[str | None, bool], AbstractContextManager[None]]
"""Gives a block in which one call to a provider may be made.

The flag says that others can be asked instead, so that a long wait is better refused: with
`Overloaded`.
"""

log = structlog.get_logger()


def open_gate(_provider: str | None, _has_others: bool) -> AbstractContextManager[None]:
    """Grant every call at once."""
    return nullcontext()


class Chain:
    """Asks its members in turn, each within its own provider's limits.

    The next is asked where one fails before a piece of its answer was given out, or where its
    limits make it wait too long. An error that any member would give, such as a question that
    cannot be sent, is no reason to ask on. With several members a model is named
    `member/model`; a plain name means the first member's.
    """

    def __init__(self, members: Sequence[LLM]) -> None:
        """Take at least one member, in the order in which they are asked."""
        self.members = tuple(members)
        self.name = ",".join(member.name for member in members)
        self.provider = members[0].provider if len(members) == 1 else None

    def stream(self, ask: Ask, *, gate: Gate = open_gate) -> Generator[str | Answer, None, None]:
        """Yield the answer of the first member that gives one, in pieces and last as a whole."""
        failures: list[tuple[LLM, RaglineError]] = []
        for member, model, has_others in self._turns(ask.model):
            # Without passages nothing is asked of a provider, so there is nothing to wait for.
            provider = member.provider if ask.passages else None
            given_out = False
            try:
                with (
                    gate(provider, has_others),
                    closing(member.stream(replace(ask, model=model))) as pieces,
                ):
                    for piece in pieces:
                        given_out = True
                        yield piece
                return
            except (ProviderError, Overloaded) as error:
                if given_out:
                    raise
                self._note(failures, member, error)
        raise _joined(failures)

    def answer(self, ask: Ask, *, gate: Gate = open_gate) -> Answer:
        """Return the whole answer at once."""
        return drained(self.stream(ask, gate=gate))

    def rewrite(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        other_words: bool = False,
        model: str | None = None,
        gate: Gate = open_gate,
    ) -> Rewrite:
        """Return the queries of the first member that gives some."""
        failures: list[tuple[LLM, RaglineError]] = []
        for member, of_member, has_others in self._turns(model):
            provider = member.provider if history or other_words else None
            try:
                with gate(provider, has_others):
                    return member.rewrite(
                        question, history, other_words=other_words, model=of_member
                    )
            except (ProviderError, Overloaded) as error:
                self._note(failures, member, error)
        raise _joined(failures)

    @property
    def can_write(self) -> bool:
        """Whether a member does more than quote."""
        return any(member.provider is not None for member in self.members)

    @property
    def default_model(self) -> str:
        """The members' models that are asked where a request names none."""
        return ",".join(f"{member.name}/{member.default_model}" for member in self.members)

    def write(self, task: Task, *, gate: Gate = open_gate) -> Written:
        """Return what the first member that can do the work writes."""
        failures: list[tuple[LLM, RaglineError]] = []
        for member, model, has_others in self._turns(task.model):
            try:
                with gate(member.provider, has_others):
                    return member.write(replace(task, model=model))
            except (ProviderError, Overloaded) as error:
                self._note(failures, member, error)
        raise _joined(failures)

    def models(self) -> list[str]:
        """Return the members' models; those of a member that does not answer are left out."""
        if len(self.members) == 1:
            return self.members[0].models()
        return [name for member in self.members for name in self._models_of(member)]

    def close(self) -> None:
        """Close all members."""
        for member in self.members:
            member.close()

    def _turns(self, model: str | None) -> Iterator[tuple[LLM, str | None, bool]]:
        """Yield who is asked for which model, and whether others are left."""
        members = list(self.members)
        if model and len(members) > 1:
            name, slash, rest = model.partition("/")
            chosen = [member for member in members if slash and member.name == name]
            if chosen:
                members = [*chosen, *(each for each in members if each is not chosen[0])]
                model = rest
        for index, member in enumerate(members):
            yield member, model if index == 0 else None, index < len(members) - 1

    def _note(
        self, failures: list[tuple[LLM, RaglineError]], member: LLM, error: RaglineError
    ) -> None:
        failures.append((member, error))
        if len(self.members) > 1:
            log.warning("llm.failed", adapter=member.name, error=error.message)

    def _models_of(self, member: LLM) -> list[str]:
        try:
            return [f"{member.name}/{model}" for model in member.models()]
        except ProviderError as error:
            log.warning("llm.not_listed", adapter=member.name, error=error.message)
            return []


def _joined(failures: Sequence[tuple[LLM, RaglineError]]) -> RaglineError:
    """Return the one failure, or one that tells of all: worth a retry if any of them is."""
    if len(failures) == 1:
        return failures[0][1]
    told = " ".join(f"{member.name}: {error.message}" for member, error in failures)
    message = f"No model of RAGLINE_LLM gave an answer. {told}"
    if not any(error.retryable for _, error in failures):
        return PermanentProviderError(message)
    waits = [seconds for _, error in failures if (seconds := _retry_after(error))]
    return TemporaryProviderError(message, retry_after=min(waits, default=None))


def _retry_after(error: RaglineError) -> float | None:
    return getattr(error, "retry_after", None)
