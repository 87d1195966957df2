"""Which models embed, search and answer, and how they are reached."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ragline.settings.machine import CORES


class CallLimits(BaseModel):
    """How often a provider may be called, by all workers together; None means as one likes."""

    model_config = ConfigDict(extra="forbid")

    concurrent: int | None = Field(default=None, ge=1)
    per_minute: int | None = Field(default=None, ge=1)


class LLMEndpoint(BaseModel):
    """An OpenAI-compatible server with a name of its own."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    base_url: str
    model: str = Field(min_length=1)
    api_key: SecretStr | None = None
    timeout_seconds: float = Field(default=60, gt=0)


class TokenPrice(BaseModel):
    """USD for a million tokens of a model: of what it reads, and of what it writes."""

    model_config = ConfigDict(extra="forbid")

    prompt: float = Field(default=0, ge=0)
    completion: float = Field(default=0, ge=0)


class ModelSettings(BaseModel):
    """Which models embed, search and answer, and how they are reached."""

    vector_store: str | None = Field(
        default=None,
        description="Where vectors live: `qdrant_edge`, `pgvector`, `qdrant`, `weaviate` or "
        "`pinecone`; unset means `qdrant_edge` beside SQLite and `pgvector` in PostgreSQL.",
    )
    llm: str = Field(
        default="extractive",
        description="What answers questions: `extractive`, `openai`, `ollama`, `local`, or a name "
        "of `RAGLINE_LLM_ENDPOINTS`. Several with commas between them are asked in turn where "
        "one fails before its first word.",
    )
    llm_endpoints: dict[str, LLMEndpoint] = Field(
        default={},
        description="OpenAI-compatible servers by name, as JSON: "
        '`{"mistral": {"base_url": "https://api.mistral.ai/v1", "api_key": "…", '
        '"model": "mistral-small-latest", "timeout_seconds": 60}}`.',
    )
    token_prices: dict[str, TokenPrice] = Field(
        default={},
        description="Prices by model in USD for a million tokens, as JSON: "
        '`{"gpt-4o-mini": {"prompt": 0.15, "completion": 0.6}}`; other models cost 0.',
    )
    openai_base_url: str = Field(
        default="https://api.openai.com/v1",
        description="Base URL of the OpenAI-compatible server behind the `openai` adapter.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None, description="Key sent to the OpenAI-compatible server."
    )
    openai_model: str = Field(
        default="gpt-4o-mini", description="Model asked for where a request names none."
    )
    openai_timeout_seconds: float = Field(
        default=60, gt=0, description="Time after which a call to the model is given up."
    )
    ollama_base_url: str = Field(
        default="http://127.0.0.1:11434", description="Address of the Ollama server."
    )
    ollama_api_key: SecretStr | None = Field(
        default=None, description="Key sent to the Ollama server; unset means none."
    )
    ollama_model: str = Field(
        default="llama3.2", description="Ollama's model asked for where a request names none."
    )
    ollama_pull: bool = Field(
        default=False, description="Have Ollama fetch a model that it does not hold yet."
    )
    ollama_pull_seconds: float = Field(
        default=3600, gt=0, description="Time after which the fetching of a model is given up."
    )
    ollama_keep_alive: str = Field(
        default="5m",
        pattern=r"^-?\d+(\.\d+)?(ms|s|m|h)?$",
        description="Time for which Ollama keeps a model in memory after a call; -1 means always.",
    )
    ollama_context: int = Field(
        default=8192,
        ge=512,
        description="Tokens that a question with its passages and answer may take with Ollama, "
        "which cuts off what is beyond.",
    )
    ollama_timeout_seconds: float = Field(
        default=120, gt=0, description="Time after which a call to Ollama is given up."
    )
    local_llm_path: Path | None = Field(
        default=None, description="GGUF file of the model behind the `local` adapter."
    )
    local_llm_context: int = Field(
        default=8192,
        ge=512,
        description="Tokens that a question with its passages and answer may take.",
    )
    local_llm_threads: int = Field(
        default=CORES, ge=1, description="Threads on which the local model computes."
    )
    local_llm_memory_mb: int = Field(
        default=8192,
        ge=256,
        description="Most memory of the local model's process beside the mapped file, in MiB.",
    )
    local_llm_timeout_seconds: float = Field(
        default=120, gt=0, description="Time after which a call to the local model is given up."
    )
    provider_limits: dict[str, CallLimits] = Field(
        default={},
        description="Limits by provider, over all workers, as JSON: "
        '`{"openai": {"concurrent": 4, "per_minute": 60}}`.',
    )
