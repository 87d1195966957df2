"""A server of embeddings that takes pictures, in the three forms that such servers know.

vLLM: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, Infinity:
https://michaelfeil.eu/infinity/, Jina: https://api.jina.ai/redoc. A request in another form than
its own is refused, as theirs do.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image
from tests.fakes.openai_server import FakeOpenAI, Reply, _Handler, failure
from tests.tiny_clip import COLOURS

DIMENSIONS = 4


class FakeEmbeddings(FakeOpenAI):
    """Gives each picture its mean colour and a text the colour it names, as vectors."""

    def __init__(self, form: str = "vllm") -> None:
        super().__init__()
        self.form = form
        self._server.RequestHandlerClass = type("Handler", (_EmbeddingsHandler,), {"fake": self})

    def record(self, headers: dict[str, str], body: bytes) -> Reply:
        """Keep a request and return the reply to it."""
        with self._lock:
            self.headers.append(headers)
            self.requests.append(json.loads(body))
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            if self.replies:
                return self.replies.pop(0)
            request = self.requests[-1]
        try:
            picture, text = _asked(self.form, request)
        except (KeyError, TypeError, ValueError):
            return failure(422, "messages or input expected")
        return vectors(_of_picture(picture) if picture else _of_text(text))


class _EmbeddingsHandler(_Handler):
    path_asked = "/v1/embeddings"

    def do_POST(self) -> None:
        if self.path == self.path_asked:
            self.path = "/v1/chat/completions"  # the one path that the parent lets through
        super().do_POST()


def vectors(*rows: Any, **changes: Any) -> Reply:
    """Return an answer with these vectors."""
    body = {
        "object": "list",
        "model": "clip",
        "data": [
            {"object": "embedding", "index": number, "embedding": [float(v) for v in row]}
            for number, row in enumerate(rows)
        ],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
    return Reply(json.dumps(body).encode(), **changes)


def _asked(form: str, request: dict[str, Any]) -> tuple[str | None, str]:
    """Return the data URL of a picture, or a text; raise for what the form does not know."""
    if form == "vllm":
        if "messages" in request:
            [part] = request["messages"][0]["content"]
            return str(part["image_url"]["url"]), ""
        if not isinstance(request["input"], str):
            raise TypeError
        return None, request["input"]
    [given] = request["input"]
    if form == "jina":
        return given.get("image"), given.get("text", "")
    return (given, "") if request["modality"] == "image" else (None, given)


def _of_picture(url: str) -> Any:
    kind, _, content = url.partition(",")
    assert kind == "data:image/jpeg;base64", kind
    image = Image.open(io.BytesIO(base64.b64decode(content, validate=True)))
    assert max(image.size) <= 1024
    return [*np.asarray(image, dtype=float).mean(axis=(0, 1)) / 255 - 0.5, 0.1]


def _of_text(text: str) -> Any:
    named = [COLOURS[word] for word in text.lower().split() if word in COLOURS]
    return [*(np.mean(named or [(128, 128, 128)], axis=0) / 255 - 0.5), 0.1]
