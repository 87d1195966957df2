"""What a chat completion and its chunks look like in OpenAI's interface; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ragline.openai_api.responses_objects import Said

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class CompletionHead:
    """What all chunks of a completion repeat."""

    id: str
    created: int
    model: str

    def _named(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            **fields,
        }

    def completion(self, said: Said, metadata: Mapping[str, str] | None) -> dict[str, Any]:
        """Return the whole completion."""
        message = {
            "role": "assistant",
            "content": said.text,
            "refusal": None,
            "annotations": [dict(each) for each in said.annotations],
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": finish_reason(said),
        }
        kept = {} if metadata is None else {"metadata": dict(metadata)}
        return self._named("chat.completion", choices=[choice], usage=_usage(said), **kept)

    def chunk(self, delta: Mapping[str, Any], *, reason: str | None = None) -> bytes:
        """Return a piece of the completion."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return frame(self._named("chat.completion.chunk", choices=[choice]))

    def usage_chunk(self, said: Said) -> bytes:
        """Return the piece that tells the tokens it took."""
        return frame(self._named("chat.completion.chunk", choices=[], usage=_usage(said)))

    def begin(self) -> bytes:
        """Return the first piece, which says who speaks."""
        return self.chunk({"role": "assistant", "content": "", "refusal": None})

    def end(self, said: Said, *, include_usage: bool) -> Iterator[bytes]:
        """Yield what follows the last words."""
        if said.annotations:
            yield self.chunk({"annotations": [dict(each) for each in said.annotations]})
        yield self.chunk({}, reason=finish_reason(said))
        if include_usage:
            yield self.usage_chunk(said)
        yield DONE


def finish_reason(said: Said) -> str:
    """Return why the answer ended."""
    return "length" if said.truncated else "stop"


def frame(data: Mapping[str, Any], *, event: str | None = None) -> bytes:
    """Return one server-sent event."""
    named = f"event: {event}\n" if event else ""
    return f"{named}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _usage(said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
    }
