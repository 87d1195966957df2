"""Models asked in turn, each within its own limits."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from ragline.errors import (
    InvalidInput,
    Overloaded,
    PermanentProviderError,
    RaglineError,
    TemporaryProviderError,
)
from ragline.providers.chain import Chain
from ragline.providers.contracts import (
    Answer,
    Ask,
    Rewrite,
    Task,
    Turn,
    Usage,
    Written,
    drained,
)
from ragline.testing.llm import FOLLOW_UP, HISTORY, PASSAGES, QUESTION, LLMConformance

ASK = Ask(QUESTION, PASSAGES)
TEMPORARY = TemporaryProviderError("Too slow.", retry_after=7)
PERMANENT = PermanentProviderError("Bad key.")


@dataclass
class Scripted:
    """A model that says pieces, then fails or ends."""

    name: str
    pieces: Sequence[str] = ("Two", " years.")
    error: RaglineError | None = None
    asked: list[str | None] = field(default_factory=list)
    closed: int = 0

    @property
    def provider(self) -> str | None:
        return self.name

    def stream(self, ask: Ask) -> Generator[str | Answer, None, None]:
        self.asked.append(ask.model)
        yield from self.pieces
        if self.error:
            raise self.error
        yield Answer("".join(self.pieces), (), Usage("m", adapter=self.name))

    def answer(self, ask: Ask) -> Answer:
        return drained(self.stream(ask))

    def rewrite(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        other_words: bool = False,
        model: str | None = None,
    ) -> Rewrite:
        if self.error and history:
            raise self.error
        return Rewrite((question,), Usage("m", adapter=self.name))

    @property
    def default_model(self) -> str:
        return "small"

    def write(self, task: Task) -> Written:
        self.asked.append(task.model)
        if self.error:
            raise self.error
        return Written("".join(self.pieces), Usage("m", adapter=self.name))

    def models(self) -> list[str]:
        if self.error:
            raise self.error
        return ["small", "large"]

    def close(self) -> None:
        self.closed += 1


def failing(name: str, error: RaglineError = TEMPORARY, *, pieces: Sequence[str] = ()) -> Scripted:
    return Scripted(name, pieces, error)


class TestConformance(LLMConformance):
    """A chain passes the suite for all models."""

    @pytest.fixture
    def llm(self) -> Chain:
        return Chain([failing("a"), Scripted("b")])


@pytest.mark.parametrize("error", [TEMPORARY, PERMANENT, Overloaded("Full.")])
def test_next_one(error: RaglineError) -> None:
    """The next is asked where one fails before its first word, and the usage names it."""
    assert Chain([failing("a", error), Scripted("b")]).answer(ASK).usage.adapter == "b"


def test_failure_behind_the_first_word() -> None:
    """What was given out cannot be taken back: then an error is an error."""
    last = Scripted("b")
    pieces = Chain([failing("a", pieces=["Two"]), last]).stream(ASK)

    assert next(pieces) == "Two"
    with pytest.raises(TemporaryProviderError, match=r"^Too slow\.$"):
        next(pieces)
    assert last.asked == []


def test_error_of_everybody() -> None:
    """An error that the question causes is no reason to ask on."""
    last = Scripted("b")

    with pytest.raises(InvalidInput):
        Chain([failing("a", InvalidInput("Not plain text.")), last]).answer(ASK)
    assert last.asked == []


def test_all_fail() -> None:
    """If none answers, all reasons are told; it is worth a retry if one of them is."""
    with pytest.raises(TemporaryProviderError, match=r"a: Bad key\. b: Too slow\.") as caught:
        Chain([failing("a", PERMANENT), failing("b")]).answer(ASK)

    assert caught.value.retry_after == 7


def test_all_fail_for_good() -> None:
    """If no reason is worth a retry, none is made."""
    with pytest.raises(PermanentProviderError, match="RAGLINE_LLM"):
        Chain([failing("a", PERMANENT), failing("b", PERMANENT)]).answer(ASK)


def test_one_member_fails_as_itself() -> None:
    """A chain of one is that one, for limits and for errors."""
    chain = Chain([failing("a", PERMANENT)])

    with pytest.raises(PermanentProviderError) as caught:
        chain.answer(ASK)
    assert (caught.value, chain.name, chain.provider) == (PERMANENT, "a", "a")


def test_each_within_its_own_limits() -> None:
    """Each call is made within its provider's gate, which is left when the call has ended."""
    log: list[str] = []

    @contextmanager
    def gate(provider: str | None, has_others: bool) -> Iterator[None]:
        log.append(f"{provider} {has_others}")
        try:
            yield
        finally:
            log.append(f"{provider} left")

    chain = Chain([failing("a"), Scripted("b")])
    chain.answer(ASK, gate=gate)
    chain.answer(Ask(QUESTION), gate=gate)

    calls = ["a True", "a left", "b False", "b left"]
    assert log == [*calls, "None True", "None left", "None False", "None left"]


def test_closed_gate() -> None:
    """A provider whose limits make one wait too long is passed by."""
    first = Scripted("a")

    @contextmanager
    def gate(provider: str | None, _has_others: bool) -> Iterator[None]:
        if provider == "a":
            raise Overloaded("Its limits are reached.")
        yield

    assert Chain([first, Scripted("b")]).answer(ASK, gate=gate).usage.adapter == "b"
    assert first.asked == []


@pytest.mark.parametrize(
    ("model", "first", "second"),
    [
        (None, [None], [None]),
        ("large", ["large"], [None]),
        ("b/large", [], ["large"]),
        ("a/b/c", ["b/c"], [None]),
        ("c/large", ["c/large"], [None]),
    ],
)
def test_model(model: str | None, first: list[str | None], second: list[str | None]) -> None:
    """A model is named with its member, who is asked first; others are asked for their own."""
    a, b = failing("a"), Scripted("b")

    Chain([a, b]).answer(Ask(QUESTION, PASSAGES, model=model))

    assert (a.asked, b.asked) == (first, second)


def test_models() -> None:
    """Models bear their member's name; a member that does not answer is left out."""
    chain = Chain([Scripted("a"), failing("b"), Scripted("c")])

    assert chain.models() == ["a/small", "a/large", "c/small", "c/large"]


def test_models_of_one() -> None:
    """The models of a single member need no prefix."""
    assert Chain([Scripted("a")]).models() == ["small", "large"]


def test_rewrite() -> None:
    """Queries too come from the first that gives some."""
    assert Chain([failing("a"), Scripted("b")]).rewrite(FOLLOW_UP, HISTORY).usage.adapter == "b"


def test_closing_a_stream_closes_the_call() -> None:
    """The gate is left as soon as the stream is closed."""
    left: list[str | None] = []

    @contextmanager
    def gate(provider: str | None, _has_others: bool) -> Iterator[None]:
        try:
            yield
        finally:
            left.append(provider)

    pieces = Chain([Scripted("a")]).stream(ASK, gate=gate)
    next(pieces)
    pieces.close()

    assert left == ["a"]


def test_close() -> None:
    """All members are closed."""
    members = [Scripted("a"), Scripted("b")]

    Chain(members).close()

    assert [member.closed for member in members] == [1, 1]


def test_write_passes_over_who_cannot() -> None:
    """Work goes to the first model that can do it."""
    chain = Chain([failing("quoting", PERMANENT), Scripted("writing")])

    assert "Two years." == chain.write(Task("Mend.", "Tow years.")).text


def test_write_within_limits() -> None:
    """Each call waits at its own provider's gate."""
    asked: list[tuple[str | None, bool]] = []

    @contextmanager
    def gate(provider: str | None, has_others: bool) -> Iterator[None]:
        asked.append((provider, has_others))
        yield

    Chain([failing("a"), Scripted("b")]).write(Task("Mend.", "x", model="b/large"), gate=gate)

    assert [("b", True)] == asked


def test_write_fails() -> None:
    """Where nobody can do the work, the failures are told of."""
    with pytest.raises(TemporaryProviderError, match=r"a: .* b: "):
        Chain([failing("a"), failing("b", PERMANENT)]).write(Task("Mend.", "x"))


def test_default_models() -> None:
    """A chain's default names who is asked for which model."""
    assert "a/small,b/small" == Chain([Scripted("a"), Scripted("b")]).default_model
