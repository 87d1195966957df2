"""Embeddings from a server of Ollama, in its own protocol.

Source: https://docs.ollama.com/api/embed
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ragline.providers.embedders.prefixes import prefixes_of
from ragline.providers.embedders.remote import Answered, CallSize, ServiceEmbedder, floats
from ragline.providers.embedders.specs import named
from ragline.providers.llms.ollama import Puller, duration, place_of
from ragline.providers.llms.server_errors import Unusable
from ragline.settings import Settings

DEFAULT_MODEL = "nomic-embed-text"
# Ollama computes texts one after another; smaller calls end sooner where they are not wanted.
_SIZE = CallSize(texts=32, tokens=64_000, tokens_per_text=8000)


class _Answer(BaseModel):
    embeddings: list[list[float]] | None = None
    model: str | None = None
    prompt_eval_count: int | None = None
    error: str | None = None


class OllamaEmbedder(ServiceEmbedder):
    """Asks a model of Ollama, which may be fetched at its first use; it cuts texts itself."""

    adapter = "ollama"

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Read the settings `ollama_*`."""
        wanted = named(model, default=DEFAULT_MODEL, adapter="ollama")
        place = place_of(settings, model_setting="RAGLINE_EMBEDDER")
        self.set_up(
            place,
            model=wanted.model,
            dimensions=wanted.dimensions,
            prefixes=prefixes_of(wanted.model),
            size=_SIZE,
        )
        self._settings = settings
        self._puller = Puller(self.exchange, settings)

    def ask(self, texts: Sequence[str]) -> Answered:
        """Ask once, and once more where the model was fetched in between."""
        body: dict[str, Any] = {
            "model": self.model,
            "input": list(texts),
            "truncate": True,
            "keep_alive": duration(self._settings.ollama_keep_alive),
        }
        if self.wished is not None:
            body["dimensions"] = self.wished
        try:
            content = self.posted("api/embed", body)
        except Unusable as refusal:
            if refusal.status != 404 or not self._settings.ollama_pull:
                raise
            self._puller.pull(self.model)
            content = self.posted("api/embed", body)
        return self._read(content, len(texts))

    def _read(self, content: bytes, count: int) -> Answered:
        try:
            answer = _Answer.model_validate_json(content)
        except ValidationError:
            raise Unusable("The server's answer is none of Ollama's.") from None
        if answer.error is not None:
            raise Unusable("Ollama failed.", detail=" ".join(answer.error.split()))
        rows = answer.embeddings or []
        if len(rows) != count:
            raise Unusable(f"Ollama gave {len(rows)} vectors for {count} texts.")
        numbers = [floats(row) for row in rows]
        return Answered(numbers, answer.prompt_eval_count or 0, answer.model or self.model)
