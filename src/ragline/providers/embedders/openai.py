"""Embeddings from any server that speaks OpenAI's `POST /embeddings`.

Source: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from ragline.providers.embedders.prefixes import Prefixes, prefixes_of
from ragline.providers.embedders.remote import Answered, CallSize, ServiceEmbedder, floats, in_order
from ragline.providers.embedders.specs import named
from ragline.providers.llms.openai import plain
from ragline.providers.llms.server_errors import Place, Unusable, reported
from ragline.settings import EmbedderEndpoint, Settings

DEFAULT_MODEL = "text-embedding-3-small"
# Of OpenAI's own models, in no need of being asked for.
_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
# A call of OpenAI's takes 2,048 texts and 300,000 tokens; smaller ones lose less by a failure.
_SIZE = CallSize(texts=128, tokens=100_000, tokens_per_text=8000)


class _Item(BaseModel):
    index: int
    embedding: str | list[float]


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Answer(BaseModel):
    data: list[_Item] | None = None
    model: str | None = None
    usage: _Usage | None = None
    error: Any = None


class OpenAIEmbedder(ServiceEmbedder):
    """Asks for numbers as base64, which is a third of their length, and takes either form."""

    adapter = "openai"

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Read base URL, key and time limit from the settings `openai_*`."""
        wanted = named(model, default=DEFAULT_MODEL, adapter="openai")
        place = Place(
            url=settings.openai_base_url,
            key=plain(settings.openai_api_key),
            seconds=settings.openai_timeout_seconds,
            url_setting="RAGLINE_OPENAI_BASE_URL",
            key_setting="RAGLINE_OPENAI_API_KEY",
            model_setting="RAGLINE_EMBEDDER",
            seconds_setting="RAGLINE_OPENAI_TIMEOUT_SECONDS",
            url_hint=", which usually ends in /v1",
        )
        self._set_up(place, wanted.model, wanted.dimensions, prefixes_of(wanted.model), _SIZE)

    @classmethod
    def named(cls, name: str, endpoint: EmbedderEndpoint) -> OpenAIEmbedder:
        """Return the adapter of one of `RAGLINE_EMBEDDER_ENDPOINTS`."""
        where = f"RAGLINE_EMBEDDER_ENDPOINTS ({name}:"
        place = Place(
            url=endpoint.base_url,
            key=plain(endpoint.api_key),
            seconds=endpoint.timeout_seconds,
            url_setting=f"{where} base_url)",
            key_setting=f"{where} api_key)",
            model_setting=f"{where} model)",
            seconds_setting=f"{where} timeout_seconds)",
            url_hint=", which usually ends in /v1",
        )
        usual = prefixes_of(endpoint.model)
        prefixes = Prefixes(
            usual.query if endpoint.query_prefix is None else endpoint.query_prefix,
            usual.passage if endpoint.passage_prefix is None else endpoint.passage_prefix,
        )
        size = CallSize(endpoint.texts_per_call, endpoint.tokens_per_call, endpoint.tokens_per_text)
        made = cls.__new__(cls)
        made._set_up(place, endpoint.model, None, prefixes, size, server=name)
        made._told = endpoint.dimensions
        return made

    def _set_up(
        self,
        place: Place,
        model: str,
        dimensions: int | None,
        prefixes: Prefixes,
        size: CallSize,
        *,
        server: str | None = None,
    ) -> None:
        self.set_up(
            place, model=model, dimensions=dimensions, prefixes=prefixes, size=size, server=server
        )
        self._told: int | None = None
        self._asks_for_base64 = True

    def known_dimensions(self) -> int | None:
        """Return what the settings say, or the length of vectors of OpenAI's own models."""
        return self._told or _DIMENSIONS.get(self.model)

    def ask(self, texts: Sequence[str]) -> Answered:
        """Ask once, or twice where the server does not know base64."""
        body: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if self.wished is not None:
            body["dimensions"] = self.wished
        if not self._asks_for_base64:
            return self._read(self.posted("embeddings", body), len(texts))
        try:
            content = self.posted("embeddings", body | {"encoding_format": "base64"})
        except Unusable as refusal:
            if refusal.status not in (400, 422) or not _is_about_form(refusal):
                raise
            self._asks_for_base64 = False
            content = self.posted("embeddings", body)
        return self._read(content, len(texts))

    def _read(self, content: bytes, count: int) -> Answered:
        try:
            answer = _Answer.model_validate_json(content)
        except ValidationError:
            raise Unusable("The server's answer is no list of vectors.") from None
        if answer.error is not None:
            raise reported(answer.error)
        items = in_order(((item.index, item.embedding) for item in answer.data or ()), count)
        usage = answer.usage or _Usage()
        tokens = usage.prompt_tokens or usage.total_tokens or 0
        return Answered([_numbers(item) for item in items], tokens, answer.model or self.model)


def _numbers(written: str | list[float]) -> NDArray[np.float32]:
    """Read a vector in either form: base64 is of 32-bit floats, little-endian."""
    if isinstance(written, list):
        return floats(written)
    try:
        return np.frombuffer(base64.b64decode(written, validate=True), dtype="<f4")
    except (binascii.Error, ValueError):
        raise Unusable("The server's vector is no base64 of 32-bit floats.") from None


def _is_about_form(refusal: Unusable) -> bool:
    return "encoding_format" in refusal.detail or "base64" in refusal.detail
