"""Servers of embeddings of texts, in OpenAI's form and in Ollama's, that fail on demand.

They keep to what is published: https://platform.openai.com/docs/api-reference/embeddings,
https://docs.mistral.ai/api/endpoint/embeddings and https://docs.ollama.com/api/embed. None of these
services was at hand to compare them with.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.ollama_server import Reply as OllamaReply
from tests.fakes.ollama_server import failure as ollama_failure
from tests.fakes.openai_server import FakeOpenAI, Reply, _Handler, failure

DIMENSIONS = 48
MOST_TEXTS = 2048
POISON = "unspeakable"
"""A text with this word is refused; one with `BREAKING` makes the server fail."""
BREAKING = "crashing"


def vector_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Return a bag of words as a vector that is not of length 1."""
    row = np.zeros(dimensions)
    row[0] = 0.5
    for word in re.findall(r"\w+", text.lower()):
        row[zlib.crc32(word.encode()) % dimensions] += 1.0
    return [float(each) for each in row]


class FakeTextEmbeddings(FakeOpenAI):
    """Answers `POST /v1/embeddings`; scripted replies go before."""

    def __init__(self, *, base64_known: bool = True, dimensions: int = DIMENSIONS) -> None:
        super().__init__()
        self.base64_known = base64_known
        self.dimensions = dimensions
        self.paths: list[str] = []
        self._server.RequestHandlerClass = type("Handler", (_TextsHandler,), {"fake": self})

    def record(self, headers: dict[str, str], body: bytes) -> Reply:
        """Keep a request and return the reply to it."""
        with self._lock:
            self.headers.append(headers)
            self.requests.append(json.loads(body))
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            if self.replies:
                return self.replies.pop(0)
            return self._judged(self.requests[-1])

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, in order."""
        return [text for request in self.requests for text in request["input"]]

    def _judged(self, request: dict[str, Any]) -> Reply:
        texts, form = request["input"], request.get("encoding_format", "float")
        if form == "base64" and not self.base64_known:
            return failure(400, "Unknown parameter: encoding_format")
        if not texts or len(texts) > MOST_TEXTS or not all(texts):
            return failure(400, "'$.input' is invalid.")
        if any(POISON in text for text in texts):
            return failure(400, "This input cannot be embedded.")
        if any(BREAKING in text for text in texts):
            return failure(500)
        wished = request.get("dimensions") or request.get("output_dimension") or self.dimensions
        rows = [vector_of(text, wished) for text in texts]
        tokens = sum(len(text.split()) for text in texts)
        return embeddings(rows, form=form, tokens=tokens, model=request["model"])


class _TextsHandler(_Handler):
    def do_POST(self) -> None:
        if self.path == "/v1/embeddings":
            self.path = "/v1/chat/completions"  # the one path that the parent lets through
        super().do_POST()


def embeddings(
    rows: Sequence[Sequence[float]],
    *,
    form: str = "float",
    tokens: int = 1,
    model: str = "fake-embedder",
    indexes: Sequence[int] | None = None,
    **changes: Any,
) -> Reply:
    """Return vectors, the last one first, since their order is not promised."""
    items = [
        {"object": "embedding", "index": number, "embedding": _written(row, form)}
        for number, row in zip(indexes or range(len(rows)), rows, strict=True)
    ]
    body = {
        "object": "list",
        "data": items[::-1],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return Reply(json.dumps(body).encode(), **changes)


def _written(row: Sequence[float], form: str) -> Any:
    if form != "base64":
        return list(row)
    return base64.b64encode(np.array(row, dtype="<f4").tobytes()).decode()


class FakeOllamaEmbeddings(FakeOllama):
    """Answers `POST /api/embed` for the models it holds; scripted replies go before."""

    def __init__(self) -> None:
        super().__init__()
        self.models = ["nomic-embed-text:latest"]

    def reply(self, path: str, body: dict[str, Any]) -> OllamaReply:
        """Keep a request and return the reply to it."""
        if path != "/api/embed":
            return super().reply(path, body)
        self.requests.append((path, body))
        if self.replies:
            return self.replies.pop(0)
        model = body["model"]
        if not {model, f"{model}:latest"} & set(self.models):
            return ollama_failure(404, f"model '{model}' not found")
        rows = [vector_of(text, body.get("dimensions") or DIMENSIONS) for text in body["input"]]
        answer = {"model": model, "embeddings": rows, "prompt_eval_count": len(rows) * 3}
        return OllamaReply(json.dumps(answer).encode())
