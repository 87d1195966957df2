"""What OpenAI's requests for answers share, and a request for a chat completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt, model_validator

from ragline.accounts.schemas import CleanText, RequestModel

MOST_MESSAGES = 1000
MOST_CHARACTERS = 100_000
"""Of one message; questions have a bound of their own."""
MOST_TOKENS = 100_000

ModelName = Annotated[CleanText, Field(min_length=1, max_length=300)]
Words = Annotated[CleanText, Field(max_length=MOST_CHARACTERS)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TokenCount = Annotated[StrictInt, Field(ge=1, le=MOST_TOKENS)]
Label = Annotated[CleanText, Field(max_length=200)]
Metadata = Annotated[
    dict[
        Annotated[CleanText, Field(min_length=1, max_length=64)],
        Annotated[CleanText, Field(max_length=512)],
    ],
    Field(max_length=16),
]
"""Up to 16 pairs of texts, as OpenAI takes them."""


def without(values: Any, neutral: Mapping[str, tuple[Any, ...]]) -> Any:
    """Return a request without parameters that ask for nothing: null, or what is done anyway."""
    if not isinstance(values, dict):
        return values
    return {
        name: value
        for name, value in values.items()
        if value is not None and not any(_same(value, known) for known in neutral.get(name, ()))
    }


def _same(value: Any, known: Any) -> bool:
    # 1 and 1.0 are the same number to clients, but True is not 1.
    return isinstance(value, bool) == isinstance(known, bool) and bool(value == known)


class TextPart(RequestModel):
    """A part of a message; only words are taken."""

    type: Literal["text"]
    text: Words


def in_parts(content: Any) -> Any:
    """Return a message's words as the one part that they are short for."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


Parts = Annotated[
    list[TextPart], BeforeValidator(in_parts), Field(min_length=1, max_length=MOST_MESSAGES)
]


class ChatMessage(RequestModel):
    """What somebody says; an earlier answer is taken as it was received."""

    role: Literal["user", "assistant", "system", "developer"]
    content: Parts
    annotations: list[dict[str, Any]] = Field(default=[])

    @model_validator(mode="before")
    @classmethod
    def _as_received(cls, values: Any) -> Any:
        return without(values, {})

    @property
    def text(self) -> str:
        """All of its words."""
        return "\n".join(part.text for part in self.content)


class StreamOptions(RequestModel):
    """What a stream tells beside the answer."""

    include_usage: StrictBool = False
    include_obfuscation: Literal[False] = False


_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "parallel_tool_calls": (True,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_p": (1,),
}


class CompletionRequest(RequestModel):
    """A conversation whose last message is the question."""

    model: ModelName
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    temperature: Temperature | None = None
    max_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    stream: StrictBool = False
    stream_options: StreamOptions | None = None
    user: Label | None = None
    metadata: Metadata | None = None

    @model_validator(mode="before")
    @classmethod
    def _asked_for(cls, values: Any) -> Any:
        return without(values, _NEUTRAL)

    @property
    def most_tokens(self) -> int | None:
        """The most tokens of the answer, by the newer name or the older one."""
        return self.max_completion_tokens or self.max_tokens


class Completion(BaseModel):
    """A chat completion, for the page that describes this interface; see `completions_objects`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any]
