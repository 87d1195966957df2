"""Servers of reranking: Cohere, Jina, and any that speaks as they do.

cohere    {"model", "query", "documents", "top_n"} → {"results": [{"index", "relevance_score"}]};
          Cohere https://docs.cohere.com/reference/rerank, Jina https://api.jina.ai/redoc, vLLM
          and Infinity alike
llamacpp  the same, with scores before the last function of the model
          https://github.com/ggml-org/llama.cpp/tree/master/tools/server
tei       {"query", "texts", "truncate"} → [{"index", "score"}]
          https://huggingface.github.io/text-embeddings-inference/
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, ClassVar

from pydantic import AliasChoices, BaseModel, Field, TypeAdapter, ValidationError

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import Reranked, Usage
from ragline.providers.llms.exchange import Exchange
from ragline.providers.llms.server_errors import Place, Unusable, reported
from ragline.providers.prices import cost_of
from ragline.settings import Settings

# Rounding of the servers' own.
SLACK = 1e-3


class _Result(BaseModel):
    index: int
    score: float = Field(validation_alias=AliasChoices("relevance_score", "score"))


class _Usage(BaseModel):
    total_tokens: int | None = None


class _Answer(BaseModel):
    results: list[_Result] | None = None
    model: str | None = None
    usage: _Usage | None = None
    error: Any = None


_RESULTS: TypeAdapter[list[_Result]] = TypeAdapter(list[_Result])


class EndpointReranker:
    """Asks a server once for each call; contract `Reranker`."""

    adapter: ClassVar[str] = "endpoint"
    url: ClassVar[str | None] = None
    model: ClassVar[str | None] = None
    provider: str | None = "reranker"

    def __init__(self, settings: Settings) -> None:
        """Read address, key, model, form and price from the settings `reranker_*`."""
        secret = settings.reranker_api_key
        key = secret.get_secret_value().strip() if secret else ""
        url = settings.reranker_base_url or self.url
        self._form = settings.reranker_form if self.url is None else "cohere"
        self._model = settings.reranker_model or self.model or ""
        if url is None or not (self._model or self._form == "tei"):
            raise ConfigurationError(
                "The reranker `endpoint` needs RAGLINE_RERANKER_BASE_URL, the address of a server "
                "such as http://127.0.0.1:8081/v1, and RAGLINE_RERANKER_MODEL, its model."
            )
        if not key and url == self.url:
            raise ConfigurationError(
                f"The reranker {self.adapter!r} needs a key: set RAGLINE_RERANKER_API_KEY."
            )
        self._exchange = Exchange(
            Place(
                url=url,
                key=key,
                seconds=settings.reranker_timeout_seconds,
                url_setting="RAGLINE_RERANKER_BASE_URL",
                key_setting="RAGLINE_RERANKER_API_KEY",
                model_setting="RAGLINE_RERANKER_MODEL",
                seconds_setting="RAGLINE_RERANKER_TIMEOUT_SECONDS",
                url_hint=", without /rerank at its end",
            )
        )
        self._call_price = settings.reranker_call_price
        self._prices = settings.token_prices
        self.passages_per_call = settings.reranker_per_call
        self.name = f"{self.adapter}:{self._model or self._form}"

    def prepare(self) -> None:
        """Nothing is slow to load: the model is elsewhere."""

    def rerank(self, question: str, passages: Sequence[str]) -> Reranked:
        """Return the scores of one call; the server cuts what is too long for its model."""
        if not passages:
            return Reranked(())
        body = self._body(question, passages)
        asked = self._asked(body, len(passages))
        (reranked,) = self._exchange.ours(asked, model=self._model)
        return reranked

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def _body(self, question: str, passages: Sequence[str]) -> dict[str, Any]:
        if self._form == "tei":
            return {"query": question, "texts": list(passages), "truncate": True}
        return {
            "model": self._model,
            "query": question,
            "documents": list(passages),
            "top_n": len(passages),
        }

    def _asked(self, body: Mapping[str, Any], count: int) -> Iterator[Reranked]:
        with closing(self._exchange.lines("POST", "rerank", body)) as lines:
            answer = self._read(b"\n".join(lines))
        if answer.error is not None:
            raise reported(answer.error)
        tokens = (answer.usage and answer.usage.total_tokens) or 0
        model = answer.model or self._model
        cost = cost_of(Usage(model=model, prompt_tokens=tokens), self._prices) + self._call_price
        scores = self._scores(answer.results or (), count)
        yield Reranked(scores, model=model, tokens=tokens, cost=cost)

    def _read(self, content: bytes) -> _Answer:
        try:
            if self._form == "tei":
                return _Answer(results=_RESULTS.validate_json(content))
            return _Answer.model_validate_json(content)
        except ValidationError:
            raise Unusable("The reranker's answer is no list of scores.") from None

    def _scores(self, results: Sequence[_Result], count: int) -> tuple[float, ...]:
        """Return the scores in the passages' order; each passage must have exactly one."""
        given = {each.index: each.score for each in results}
        if sorted(each.index for each in results) != list(range(count)):
            raise Unusable(f"The reranker's answer does not score each of {count} passages once.")
        scores = [given[place] for place in range(count)]
        if not all(map(math.isfinite, scores)):
            raise Unusable("The reranker's answer has scores that are no numbers.")
        if self._form == "llamacpp":
            return tuple(0.5 * (1 + math.tanh(score / 2)) for score in scores)
        if not all(-SLACK <= score <= 1 + SLACK for score in scores):
            raise PermanentProviderError(
                "The reranker gives scores that are not between 0 and 1. Where the server is "
                "llama.cpp's, set RAGLINE_RERANKER=endpoint and RAGLINE_RERANKER_FORM=llamacpp."
            )
        return tuple(min(1.0, max(0.0, score)) for score in scores)


class CohereReranker(EndpointReranker):
    """Cohere's own service, or one that speaks as it does."""

    adapter = "cohere"
    url = "https://api.cohere.com/v2"
    model = "rerank-v3.5"
    provider = "cohere"


class JinaReranker(EndpointReranker):
    """Jina's own service, or one that speaks as it does."""

    adapter = "jina"
    url = "https://api.jina.ai/v1"
    model = "jina-reranker-v2-base-multilingual"
    provider = "jina"
