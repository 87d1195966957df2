"""Embeddings from Mistral.

Source: https://docs.mistral.ai/api/endpoint/embeddings
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragline.errors import ConfigurationError
from ragline.providers.embedders.openai import OpenAIEmbedder
from ragline.providers.embedders.prefixes import Prefixes
from ragline.providers.embedders.remote import Answered, CallSize
from ragline.providers.embedders.specs import named
from ragline.providers.llms.openai import plain
from ragline.providers.llms.server_errors import Place
from ragline.settings import Settings

DEFAULT_MODEL = "mistral-embed"
_DEFAULT_URL = str(Settings.model_fields["embedder_mistral_base_url"].default)
_DIMENSIONS = {"mistral-embed": 1024, "codestral-embed": 1536}
# A call takes 16,384 tokens in all, a text 8,192.
_SIZE = CallSize(texts=64, tokens=14_000, tokens_per_text=8000)


class MistralEmbedder(OpenAIEmbedder):
    """Asks in OpenAI's form, but for the names of two wishes."""

    adapter = "mistral"

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Read address, key and time limit from the settings `embedder_mistral_*`."""
        wanted = named(model, default=DEFAULT_MODEL, adapter="mistral")
        key = plain(settings.embedder_mistral_api_key)
        if not key and settings.embedder_mistral_base_url == _DEFAULT_URL:
            raise ConfigurationError(
                "The embedder 'mistral' needs RAGLINE_EMBEDDER_MISTRAL_API_KEY: set it, or choose "
                "another embedder in RAGLINE_EMBEDDER."
            )
        place = Place(
            url=settings.embedder_mistral_base_url,
            key=key,
            seconds=settings.embedder_mistral_timeout_seconds,
            url_setting="RAGLINE_EMBEDDER_MISTRAL_BASE_URL",
            key_setting="RAGLINE_EMBEDDER_MISTRAL_API_KEY",
            model_setting="RAGLINE_EMBEDDER",
            seconds_setting="RAGLINE_EMBEDDER_MISTRAL_TIMEOUT_SECONDS",
            url_hint=", which usually ends in /v1",
        )
        self._set_up(place, wanted.model, wanted.dimensions, Prefixes(), _SIZE)

    def known_dimensions(self) -> int | None:
        """Return the length of vectors of Mistral's models."""
        return _DIMENSIONS.get(self.model)

    def ask(self, texts: Sequence[str]) -> Answered:
        """Ask once."""
        body: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if self.wished is not None:
            body["output_dimension"] = self.wished
        return self._read(self.posted("embeddings", body), len(texts))
