"""Language models that answer from passages, or write."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved passage as an answering model sees it; `score` is its rank score (0–1)."""

    title: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an answer's source: `passage` is an index into the passages given."""

    passage: int
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call took: the model that answered, its tokens (0 for local rules), its adapter."""

    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with the quotes it rests on; no quotes means nothing was found.

    The marker `[k]` in `text` stands for the k-th quote. `truncated` says that the model was
    cut off, by its longest answer or a filter.
    """

    text: str
    quotes: tuple[Quote, ...]
    usage: Usage
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation before the question."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with all that decides its answer.

    `history` has the oldest turn first and is already cut to what the model takes.
    `instructions` are the agent's owner's, such as a tone or role: below our rules, above the
    documents. `language` is the ISO 639-1 code of the answer, None for the question's;
    `most_tokens` bounds the answer; what is None is left to the model.
    """

    question: str
    passages: Sequence[Passage] = ()
    history: Sequence[Turn] = ()
    instructions: str = ""
    language: str | None = None
    model: str | None = None
    most_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Searches for a question (≥ 1): the first stands alone, the others use other words."""

    queries: tuple[str, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Task:
    """Work on a text that is no question, such as to repair it.

    `instructions` are the operator's; `text` is data of unknown authors. What is None is left
    to the model; `most_tokens` bounds what it writes.
    """

    instructions: str
    text: str
    model: str | None = None
    most_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote, as it did (never empty); `truncated` says that it was cut off."""

    text: str
    usage: Usage
    truncated: bool = False


class LLM(Protocol):
    """Answers a question from passages only, and does other work on texts.

    `provider` is the name under which its calls are limited, None for rules that run here.
    `default_model` is asked where a request names none.
    A call is tried once: the caller decides when to try again, and keeps to the provider's
    limits. It raises `TemporaryProviderError` where a retry may help, else
    `PermanentProviderError`; `InvalidInput` where the question itself cannot be sent.
    """

    name: str
    provider: str | None

    @property
    def default_model(self) -> str:
        """The name of the model that is asked where a request names none."""
        ...

    def stream(self, ask: Ask) -> Generator[str | Answer, None, None]:
        """Yield pieces of text as they come (none empty), and last the whole answer.

        The pieces joined are `Answer.text`; its quotes stand word for word in their passages.
        Without passages nothing is asked of a provider. Nothing happens before the first
        piece is asked for; closing the generator ends the provider's call.
        """
        ...

    def answer(self, ask: Ask) -> Answer:
        """Return the whole answer at once."""
        ...

    def rewrite(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        other_words: bool = False,
        model: str | None = None,
    ) -> Rewrite:
        """Return searches for a question that may lean on what was said before it.

        With `other_words` there are further ones beside the first. Where there is nothing to
        rewrite, nothing is asked of a provider.
        """
        ...

    def write(self, task: Task) -> Written:
        """Return what the model writes; rules that run here raise `PermanentProviderError`."""
        ...

    def models(self) -> list[str]:
        """Return the names that `model` may take, the default first."""
        ...

    def close(self) -> None:
        """Release connections and processes; closing twice is allowed."""
        ...


def drained(pieces: Iterator[str | Answer]) -> Answer:
    """Return the answer that a stream ends with."""
    for piece in pieces:
        if isinstance(piece, Answer):
            return piece
    raise RuntimeError("A stream ended without its answer.")
