"""A request for a response in OpenAI's interface; what it cannot honour it refuses by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    Tag,
    model_validator,
)

from ragline.accounts.schemas import CleanText, RequestModel
from ragline.openai_api.completions_schemas import (
    MOST_CHARACTERS,
    MOST_MESSAGES,
    Label,
    Metadata,
    ModelName,
    Temperature,
    TokenCount,
    Words,
    without,
)
from ragline.search.schemas import AttributeFilter, bounded_filter

MOST_STORES = 50
MOST_RESULTS = 50
RESULTS = "file_search_call.results"
StoreId = Annotated[CleanText, Field(min_length=1, max_length=100)]


class InputPart(RequestModel):
    """A part of a message; only words are taken."""

    type: Literal["input_text", "output_text"]
    text: Words
    annotations: list[Any] = Field(default=[])
    logprobs: list[Any] = Field(default=[])

    @model_validator(mode="before")
    @classmethod
    def _as_received(cls, values: Any) -> Any:
        return without(values, {})


def _in_parts(content: Any) -> Any:
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


class InputMessage(RequestModel):
    """What somebody says; an earlier answer is taken as it was received."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Annotated[
        list[InputPart], BeforeValidator(_in_parts), Field(min_length=1, max_length=MOST_MESSAGES)
    ]
    id: CleanText | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_received(cls, values: Any) -> Any:
        return without(values, {})

    @property
    def text(self) -> str:
        """All of its words."""
        return "\n".join(part.text for part in self.content)


class InputSearch(RequestModel):
    """A search of an earlier response, as it was received: it tells nothing of the question."""

    type: Literal["file_search_call"]
    id: CleanText
    status: CleanText | None = None
    queries: list[CleanText] = Field(default=[])
    results: list[Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_received(cls, values: Any) -> Any:
        return without(values, {})


def _kind(item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else getattr(item, "type", None)
    return "search" if kind == "file_search_call" else "message"


InputItem = Annotated[
    Annotated[InputMessage, Tag("message")] | Annotated[InputSearch, Tag("search")],
    Discriminator(_kind),
]


def _in_items(given: Any) -> Any:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


class RankingOptions(RequestModel):
    """Which results count; the ranking itself is ours."""

    ranker: Literal["auto", "default-2024-11-15"] = "auto"
    score_threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _asked_for(cls, values: Any) -> Any:
        return without(values, {})


class FileSearch(RequestModel):
    """The one tool there is: a search of vector stores."""

    type: Literal["file_search"]
    vector_store_ids: Annotated[list[StoreId], Field(min_length=1, max_length=MOST_STORES)]
    max_num_results: Annotated[StrictInt, Field(ge=1, le=MOST_RESULTS)] | None = None
    filters: Annotated[AttributeFilter | None, BeforeValidator(bounded_filter)] = None
    ranking_options: RankingOptions | None = None


_SEARCH = {"type": "file_search"}
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "include": ([],),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto", "default"),
    "text": ({"format": {"type": "text"}}, {}),
    "tool_choice": ("auto", "required", _SEARCH),
    "tools": ([],),
    "top_logprobs": (0,),
    "top_p": (1,),
}


class ResponseStreamOptions(RequestModel):
    """What a stream holds beside its events: no padding is ever sent."""

    include_obfuscation: Literal[False] = False


class ResponseRequest(RequestModel):
    """A question, alone or at the end of a conversation, and how it is to be answered."""

    model: ModelName
    input: Annotated[
        list[InputItem], BeforeValidator(_in_items), Field(min_length=1, max_length=MOST_MESSAGES)
    ]
    instructions: Annotated[CleanText, Field(max_length=MOST_CHARACTERS)] | None = None
    previous_response_id: Annotated[CleanText, Field(max_length=100)] | None = None
    tools: Annotated[list[FileSearch], Field(max_length=1)] = Field(default=[])
    include: list[Literal["file_search_call.results"]] = Field(default=[])
    background: StrictBool = False
    store: StrictBool = True
    stream: StrictBool = False
    stream_options: ResponseStreamOptions | None = None
    temperature: Temperature | None = None
    max_output_tokens: TokenCount | None = None
    truncation: Literal["auto", "disabled"] = "disabled"
    metadata: Metadata | None = None
    user: Label | None = None

    @model_validator(mode="before")
    @classmethod
    def _asked_for(cls, values: Any) -> Any:
        return without(values, _NEUTRAL)

    @property
    def messages(self) -> list[InputMessage]:
        """What was said, without searches."""
        return [item for item in self.input if isinstance(item, InputMessage)]

    @property
    def search(self) -> FileSearch | None:
        """The search that is asked for, if it is."""
        return self.tools[0] if self.tools else None


class Response(BaseModel):
    """A response, for the page that describes this interface; see `responses_objects`."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any] | None
    error: dict[str, Any] | None
