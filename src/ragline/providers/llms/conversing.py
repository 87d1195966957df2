"""What the adapters of chat models share: words as they come become answers and queries."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from ragline.errors import TemporaryProviderError
from ragline.providers.contracts import Answer, Ask, Rewrite, Task, Turn, Usage, Written
from ragline.providers.llms import prompt
from ragline.providers.llms.phrases import nothing_found
from ragline.providers.llms.prompt import Message
from ragline.providers.llms.queries import queries_of
from ragline.providers.llms.thoughts import Thoughts
from ragline.providers.llms.writing import Writing

QUERY_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What a call asks of a model beside the messages; None leaves it to the server."""

    model: str
    most_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """What a server tells at the end of its words; `model` is None where it names none."""

    model: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    truncated: bool = False


Say = Callable[[Sequence[Message], Wish], Generator[str | End, None, None]]
"""Asks a model: its words as they come, last the end; raises only our errors."""


def answered(
    ask: Ask, say: Say, *, adapter: str, default: str
) -> Generator[str | Answer, None, None]:
    """Yield a model's answer in pieces, and last as a whole.

    Without passages there is nothing to answer from, and nothing is asked or paid.
    """
    wish = Wish(ask.model or default, ask.most_tokens, ask.temperature)
    if not ask.passages:
        text = nothing_found(ask.question, ask.language)
        yield text
        yield Answer(text, (), Usage(wish.model, adapter=adapter))
        return
    writing = Writing(ask.question, ask.passages)
    end = End()
    with closing(say(prompt.messages(ask), wish)) as words:
        for piece in words:
            if isinstance(piece, End):
                end = piece
            elif shown := writing.add(piece):
                yield shown
    if rest := writing.end():
        yield rest
    if not writing.text:
        raise TemporaryProviderError("The model's answer is empty. It is asked again later.")
    yield Answer(writing.text, writing.quotes, _usage(end, wish, adapter), end.truncated)


def rewritten(
    question: str,
    history: Sequence[Turn],
    say: Say,
    *,
    other_words: bool,
    adapter: str,
    model: str,
) -> Rewrite:
    """Return a model's queries for a question; the question itself where it gives none."""
    wish = Wish(model, QUERY_TOKENS, 0.0)
    if not history and not other_words:
        return Rewrite((question,), Usage(model, adapter=adapter))
    words, end = _said(say(prompt.rewriting(question, history, other_words=other_words), wish))
    most = 1 + prompt.MOST_OTHER_QUERIES if other_words else 1
    found = queries_of(words, question, most=most)
    return Rewrite(found, _usage(end, wish, adapter))


def written(task: Task, say: Say, *, adapter: str, default: str) -> Written:
    """Return what a model writes for a task, without its thoughts."""
    wish = Wish(task.model or default, task.most_tokens, task.temperature)
    words, end = _said(say(prompt.working(task), wish))
    thoughts = Thoughts()
    # PostgreSQL takes no NUL in a text.
    text = (thoughts.feed(words.replace("\0", "")) + thoughts.end()).strip()
    if not text:
        raise TemporaryProviderError("The model wrote nothing. It is asked again later.")
    return Written(text, _usage(end, wish, adapter), end.truncated)


def _said(pieces: Iterator[str | End]) -> tuple[str, End]:
    """Return all that a model says, and the end."""
    end, words = End(), []
    for piece in pieces:
        if isinstance(piece, End):
            end = piece
        else:
            words.append(piece)
    return "".join(words), end


def _usage(end: End, wish: Wish, adapter: str) -> Usage:
    return Usage(end.model or wish.model, end.prompt_tokens, end.completion_tokens, adapter)
