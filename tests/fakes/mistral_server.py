"""A server that speaks Mistral's OCR and fails on demand.

It keeps to the published protocol (https://docs.mistral.ai/api/endpoint/ocr), and refuses what
Mistral refuses: an unknown field, a document without its data.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2
from tests.fakes.openai_server import FakeOpenAI, Reply, _Handler, failure

FIELDS = {
    "model",
    "id",
    "document",
    "pages",
    "include_image_base64",
    "image_limit",
    "image_min_size",
}
TEXT = "# A heading\n\nThe warranty of the kettle lasts two years, whatever page this is."


class FakeMistral(FakeOpenAI):
    """Answers a page of Markdown for each page that it is sent, or a scripted reply."""

    def __init__(self, text: Callable[[int], str] = lambda _index: TEXT) -> None:
        super().__init__()
        self.text = text
        self.pages_read = 0
        self._server.RequestHandlerClass = type("Handler", (_MistralHandler,), {"fake": self})
        self.respond = self._answer

    def wait_for_request(self, seconds: float = 30) -> None:
        """Return once a call is under way."""
        deadline = time.monotonic() + seconds
        while not self.under_way:
            assert time.monotonic() < deadline, "nobody asked"
            time.sleep(0.02)

    def _answer(self, request: dict[str, Any]) -> Reply:
        if request.keys() - FIELDS:
            return failure(422, f"Extra inputs are not permitted: {request.keys() - FIELDS}")
        count = pages_sent(request)
        if not count:
            return failure(422, "document: Field required")
        self.pages_read += count
        return ocr_answer([self.text(index) for index in range(count)])


class _MistralHandler(_Handler):
    def do_POST(self) -> None:
        # The parent lets one path through.
        self.path = "/v1/chat/completions" if self.path == "/v1/ocr" else "/nowhere"
        super().do_POST()


def pages_sent(request: dict[str, Any]) -> int:
    """Return how many pages a request holds, 0 if it is none."""
    document = request.get("document", {})
    kind = document.get("type")
    if kind == "image_url":
        return int(str(document.get("image_url")).startswith("data:image/"))
    head, _, content = str(document.get("document_url")).partition(",")
    if kind != "document_url" or head != "data:application/pdf;base64":
        return 0
    with pypdfium2.PdfDocument(base64.b64decode(content)) as pdf:
        return len(pdf)


def ocr_answer(
    texts: Sequence[str | None], *, processed: int | None = None, **changes: Any
) -> Reply:
    """Return an answer; pages whose text is None are left out."""
    pages = [
        {
            "index": index,
            "markdown": text,
            "images": [],
            "dimensions": {"dpi": 200, "height": 2200, "width": 1700},
        }
        for index, text in enumerate(texts)
        if text is not None
    ]
    usage = {"pages_processed": len(texts) if processed is None else processed}
    body = {
        "pages": pages,
        "model": "mistral-ocr-2505",
        "document_annotation": None,
        "usage_info": usage | {"doc_size_bytes": 1234},
    }
    return Reply(json.dumps(body).encode(), **changes)
