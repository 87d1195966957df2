"""OpenAI's chat completions, as a stream of events or in one piece: bytes in, words out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import httpx2
from pydantic import BaseModel, Field, ValidationError

from ragline.providers.llms.conversing import End
from ragline.providers.llms.server_errors import Unusable, reported

_WORD = re.compile(r"\w")
_BROKEN = "The model's answer broke off before its end."


class _Part(BaseModel):
    type: str = "text"
    text: str = ""


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None

    @property
    def words(self) -> str:
        content = self.content
        if isinstance(content, list):
            content = "".join(part.text for part in content if part.type == "text")
        return content or self.refusal or ""


class _Choice(BaseModel):
    index: int = 0
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(BaseModel):
    """The fields that are used of an event or a whole completion; servers differ in all others.

    Source: https://platform.openai.com/docs/api-reference/chat-streaming
    """

    choices: list[_Choice] | None = None
    model: str | None = None
    usage: _Tokens | None = None
    error: Any = None
    kind: str | None = Field(default=None, alias="object")
    message: str | None = None
    code: Any = None


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


def pieces_of(lines: Iterator[bytes]) -> Iterator[str | End]:
    """Yield the words of an answer as its lines come, and last its end.

    An answer without an end was cut: `Unusable`. So is one that holds an error, whatever came
    before it. A server that does not stream answers in one piece, which is taken as well.
    """
    first = next((line for line in lines if line.strip()), b"")
    if first.lstrip().startswith(b"{"):
        yield from _whole(b"\n".join([first, *lines]))
        return
    yield from _streamed(chain([first], lines))


def models_of(body: bytes) -> list[str]:
    """Return the ids in a server's list of models."""
    try:
        return [model.id for model in _Models.model_validate_json(body).data]
    except ValidationError:
        raise Unusable("The model server's answer is no list of models.") from None


class _Reading:
    """What an answer has told so far."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._tokens = _Tokens()
        self._has_words = False
        self.finish: str | None = None

    def take(self, chunk: _Chunk) -> str:
        """Return the words of an event or of a whole answer."""
        self._model = self._model or chunk.model
        self._tokens = chunk.usage or self._tokens
        words = ""
        for choice in chunk.choices or []:
            message = choice.delta or choice.message
            if choice.index == 0:
                words += message.words if message else ""
                self.finish = choice.finish_reason or self.finish
        self._has_words = self._has_words or bool(_WORD.search(words))
        if self.finish == "error":
            raise Unusable(_BROKEN)
        return words

    def end(self) -> End:
        """Return the end of an answer that is there as a whole."""
        if self.finish == "content_filter" and not self._has_words:
            raise Unusable(status=422, detail="The provider's content filter took the answer.")
        return End(
            self._model,
            self._tokens.prompt_tokens or 0,
            self._tokens.completion_tokens or 0,
            truncated=self.finish in ("length", "content_filter"),
        )


def _whole(body: bytes) -> Iterator[str | End]:
    """Yield the words and the end of an answer that came in one piece."""
    reading, chunk = _Reading(), _parsed(body)
    if not chunk.choices:
        raise Unusable("The model server gave no answer.")
    if words := reading.take(chunk):
        yield words
    yield reading.end()


def _streamed(lines: Iterable[bytes]) -> Iterator[str | End]:
    """Yield the words of events and their end."""
    reading = _Reading()
    events = _events(lines)
    while True:
        try:
            event = next(events, None)
        except httpx2.HTTPError:
            if reading.finish is None:
                raise
            break  # what fails behind the last word is no loss
        if event is None and reading.finish is None:
            raise Unusable(_BROKEN)
        if event is None or event.strip() == b"[DONE]":
            break
        if words := reading.take(_parsed(event)):
            yield words
    yield reading.end()


def _events(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data of server-sent events; what is none makes the answer `Unusable`.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    data: list[bytes] = []
    for line in lines:
        name, _, value = line.partition(b":")
        if not line and data:
            yield b"\n".join(data)
            data = []
        elif name in (b"data", b"error"):
            data.append(value.removeprefix(b" "))
        elif line.strip() and name.strip() not in (b"", b"event", b"id", b"retry"):
            raise Unusable("The model server's answer is no chat completion.")
    if data:
        yield b"\n".join(data)


def _parsed(event: bytes) -> _Chunk:
    """Return an event's or answer's fields; raise what it reports."""
    try:
        chunk = _Chunk.model_validate_json(event)
    except ValidationError:
        raise Unusable("The model server's answer is no chat completion.") from None
    if chunk.error is not None:
        raise reported(chunk.error)
    if chunk.kind == "error" or (chunk.choices is None and chunk.message):
        raise reported({"message": chunk.message, "code": chunk.code})
    return chunk
