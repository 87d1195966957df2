"""A server of reranking in the forms of Cohere and Jina, llama.cpp, and TEI.

Cohere: https://docs.cohere.com/reference/rerank, Jina: https://api.jina.ai/redoc, TEI:
https://huggingface.github.io/text-embeddings-inference/. Results come best first, as theirs do; a
request in another form than its own is refused.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from tests.fakes.openai_server import FakeOpenAI, Reply, _Handler, failure


class FakeReranker(FakeOpenAI):
    """Scores a passage by the share of the question's words that it has."""

    def __init__(self, form: str = "cohere") -> None:
        super().__init__()
        self.form = form
        self._server.RequestHandlerClass = type("Handler", (_RerankHandler,), {"fake": self})

    def record(self, headers: dict[str, str], body: bytes) -> Reply:
        """Keep a request and return the reply to it."""
        with self._lock:
            self.headers.append(headers)
            self.requests.append(json.loads(body))
            self.under_way += 1
            if self.replies:
                return self.replies.pop(0)
            request = self.requests[-1]
        try:
            scores = _scores(request["query"], request[_PASSAGES[self.form]])
        except (KeyError, TypeError):
            return failure(422, "query and documents expected")
        return ranked(scores, form=self.form)


class _RerankHandler(_Handler):
    def do_POST(self) -> None:
        if self.path == "/v1/rerank":
            self.path = "/v1/chat/completions"  # the one path that the parent lets through
        super().do_POST()


def ranked(scores: list[float], *, form: str = "cohere", **changes: Any) -> Reply:
    """Return an answer with these scores of passages, best first."""
    if form == "llamacpp":
        scores = [math.log(max(score, 1e-4) / max(1 - score, 1e-4)) for score in scores]
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    name = "score" if form == "tei" else "relevance_score"
    results = [{"index": place, name: scores[place]} for place in order]
    body: Any = {"model": "rerank-1", "usage": {"total_tokens": 42}, "results": results}
    if form == "tei":
        body = results
    return Reply(json.dumps(body).encode(), **changes)


_PASSAGES = {"cohere": "documents", "llamacpp": "documents", "tei": "texts"}


def _scores(query: str, passages: list[str]) -> list[float]:
    words = _words(query)
    return [len(words & _words(passage)) / max(1, len(words)) for passage in passages]


def _words(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"\w+", text.lower())}
