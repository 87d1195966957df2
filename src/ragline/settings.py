"""All settings, read once from `RAGLINE_*` variables or a `.env` file."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from ragline.errors import ConfigurationError

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
CACHE_SCHEMES = ("valkey", "valkeys", "redis", "rediss", "unix")


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


class Settings(BaseSettings):
    """Every setting with a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix="RAGLINE_", env_file=".env", extra="ignore")

    data_dir: Path = Field(
        default=Path.home() / ".ragline",
        description="Folder that holds the database, the files, the index and the first key.",
    )
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the database; unset means SQLite in the data directory.",
    )
    database_connections: int = Field(
        default=24, ge=4, le=1000, description="Connections that a process opens to the database."
    )
    files_url: str | None = Field(
        default=None,
        description="Where uploads are kept: file:///shared/folder or s3://bucket/prefix, the same "
        "for all processes; unset means a folder in the data directory.",
    )
    production: bool = Field(
        default=False, description="Refuse what is meant for tests only, such as failpoints."
    )
    failpoints: str | None = Field(
        default=None,
        description="Faults that tests inject at named points, such as "
        "`ingest.indexed=kill`; refused in production.",
    )
    host: str = Field(default="127.0.0.1", description="Address the HTTP server listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the HTTP server.")
    url: str = Field(
        default="http://127.0.0.1:8080", description="Server that the command line speaks to."
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="The first owner's key; unset means that the first start makes one.",
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Least severe log line that is written: debug, info, warning or error.",
    )
    max_upload_bytes: int = Field(
        default=512 * 1024**2, ge=1024, description="Largest body of an upload, in bytes."
    )
    max_text_bytes: int = Field(
        default=8 * 1024**2, ge=1024, description="Largest body of a JSON request, in bytes."
    )
    max_files_per_upload: int = Field(
        default=200, ge=1, le=1000, description="Most files in one upload."
    )

    http_threads: int = Field(
        default=16, ge=2, le=1000, description="Requests that are worked on at the same time."
    )
    chat_threads: int = Field(
        default=8, ge=1, le=1000, description="Questions that are answered at the same time."
    )

    max_active_sessions: int = Field(
        default=100,
        ge=1,
        description="Questions that may be in progress at once; more are answered with 503.",
    )
    max_backlog: int = Field(
        default=100_000,
        ge=1,
        description="Jobs that may wait or run at once; more are answered with 503.",
    )
    max_streams: int = Field(
        default=1000, ge=1, description="Event streams that one process serves at once."
    )
    idempotency_hours: float = Field(
        default=24,
        ge=24,
        description="Time for which the answer to a request with an Idempotency-Key is kept.",
    )

    embedder: str = Field(default="use", description="Name of the embedder adapter.")
    vector_store: str | None = Field(
        default=None,
        description="Name of the vector store adapter; unset means `qdrant_edge` beside SQLite "
        "and `pgvector` in PostgreSQL.",
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

    cache: bool = Field(
        default=True,
        description="Give a kept answer again while the documents it rests on have not changed.",
    )
    cache_hours: float = Field(
        default=168, gt=0, le=87_600, description="Hours for which answers are kept."
    )
    cache_similarity: float = Field(
        default=0.97,
        gt=0,
        le=1,
        description="Least cosine of two questions with one answer; their words must agree too.",
    )
    cache_url: SecretStr | None = Field(
        default=None,
        description="Where answers are kept: valkey:// or redis://host:6379/0, or valkeys:// or "
        "rediss:// for TLS; unset means the database.",
    )
    cache_timeout_seconds: float = Field(
        default=0.05,
        gt=0,
        le=5,
        description="Longest wait for the server behind `RAGLINE_CACHE_URL`; beyond it a "
        "question is answered anew.",
    )

    provider_limits: dict[str, CallLimits] = Field(
        default={},
        description="Limits by provider, over all workers, as JSON: "
        '`{"openai": {"concurrent": 4, "per_minute": 60}}`.',
    )

    compute_workers: int = Field(
        default=CORES, ge=1, le=256, description="Child processes for parsing and embedding."
    )
    parse_wall_seconds: float = Field(
        default=60, gt=0, description="Longest time a child may take for one batch of pages."
    )
    parse_cpu_seconds: int = Field(
        default=45, ge=1, description="Most CPU time a child may take for one batch of pages."
    )
    parse_memory_mb: int = Field(
        default=1536, ge=256, description="Most memory of a parsing child, in MiB."
    )
    parse_output_mb: int = Field(
        default=64, ge=1, description="Most text that one batch of pages may give, in MiB."
    )
    parse_open_files: int = Field(
        default=128, ge=32, description="Most files that a child may hold open."
    )
    pages_per_batch: int = Field(
        default=32, ge=1, description="Pages that a child reads at a time; the unit of resumption."
    )
    max_pages: int = Field(default=20_000, ge=1, description="Most pages of one document.")
    embed_batch: int = Field(
        default=64, ge=1, le=4096, description="Passages that a child embeds at a time."
    )

    chat_concurrency: int = Field(default=4, ge=1, description="Chat jobs run at once by a worker.")
    ingest_concurrency: int = Field(
        default=4 * CORES, ge=1, description="Documents ingested at once by a worker."
    )
    pages_concurrency: int = Field(
        default=CORES, ge=1, description="Page batches of large documents read at once by a worker."
    )
    default_concurrency: int = Field(
        default=2, ge=1, description="Other jobs run at once by a worker."
    )
    tenants_at_once: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="Tenants whose work a worker runs side by side, each with its own share of "
        "the places above.",
    )
    poll_seconds: float = Field(
        default=0.1, gt=0, description="Time between two looks at a queue that holds work."
    )
    idle_poll_seconds: float = Field(
        default=1.0, gt=0, description="Time between two looks at a queue that was empty."
    )
    chat_poll_seconds: float = Field(
        default=0.1,
        gt=0,
        description="Time between two looks at the queue of questions while some are asked.",
    )
    ingest_seconds: float = Field(
        default=3600, gt=0, description="Time limit of one attempt to ingest a document."
    )
    chat_seconds: float = Field(
        default=300, gt=0, description="Time limit of one attempt to answer a question."
    )
    job_seconds: float = Field(
        default=600, gt=0, description="Time limit of one attempt at any other job."
    )
    cancel_look_seconds: float = Field(
        default=0.5,
        gt=0,
        le=4,
        description="Time between two looks for jobs that were cancelled while they run.",
    )
    grace_seconds: float = Field(
        default=10, ge=0, description="Time that running steps are given to end at a stop."
    )
    max_idle_starts: int = Field(
        default=10,
        ge=1,
        description="Times an attempt may start without any progress before it fails as poison.",
    )
    heartbeat_seconds: float = Field(
        default=1.0, gt=0, description="Time between two heartbeats of a worker."
    )
    dead_after_seconds: float = Field(
        default=5.0, gt=0, description="Silence after which a worker counts as dead."
    )

    webhook_tries: int = Field(
        default=12, ge=10, le=50, description="Times that a webhook is tried before it fails."
    )
    webhook_seconds: float = Field(
        default=15, gt=0, le=60, description="Longest time that one try of a webhook may take."
    )
    webhook_response_bytes: int = Field(
        default=65536, ge=0, description="Most bytes that are read of a webhook's answer."
    )
    webhook_concurrency: int = Field(
        default=8, ge=1, le=1000, description="Webhooks that a worker sends at once."
    )
    webhook_private_addresses: bool = Field(
        default=False,
        description="Let webhooks go to loopback, private and link-local addresses too.",
    )

    keep_jobs_days: float = Field(
        default=90,
        gt=0,
        description="Days for which ended jobs are kept; failed ones are kept "
        "until they are dismissed.",
    )
    keep_events_days: float = Field(
        default=30, gt=0, description="Days for which the events of ended jobs are kept."
    )
    keep_deliveries_days: float = Field(
        default=30, gt=0, description="Days for which ended deliveries of webhooks are kept."
    )
    cleanup_schedule: str = Field(
        default="17 3 * * *",
        description="When old rows and stray files are removed, as a cron expression in UTC.",
    )

    @field_validator("cache_url")
    @classmethod
    def _known_cache(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what is no address of a cache, without repeating the password in it."""
        if url is None:
            return None
        scheme, _, rest = url.get_secret_value().partition("://")
        if scheme not in CACHE_SCHEMES or not rest:
            raise ValueError(f"write {', '.join(CACHE_SCHEMES)}, then ://host:port/number")
        try:
            _ = urlsplit(f"//{rest}").port
        except ValueError:
            raise ValueError("the port must be a number from 0 to 65535") from None
        return url

    @property
    def files_dir(self) -> Path:
        """Folder of stored files, named by content hash."""
        return self.data_dir / "files"

    @property
    def index_dir(self) -> Path:
        """Folder of the embedded vector store."""
        return self.data_dir / "index"

    @property
    def key_file(self) -> Path:
        """File that keeps the first owner's key, readable by its owner only."""
        return self.data_dir / "api_key"

    @property
    def vector_store_name(self) -> str:
        """The vector store in use: the one that was set, or the one that fits the database."""
        if self.vector_store is not None:
            return self.vector_store
        return "qdrant_edge" if self.sqlalchemy_url.startswith("sqlite") else "pgvector"

    @property
    def answer_cache_name(self) -> str:
        """The cache of answers in use."""
        return "database" if self.cache_url is None else "valkey"

    @property
    def sqlalchemy_url(self) -> str:
        """The database in use: the one that was set, or SQLite in the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / 'ragline.db'}"


def load_settings(**overrides: object) -> Settings:
    """Read the settings; an invalid one raises `ConfigurationError` that names it."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # overrides are validated here
    except ValidationError as error:
        first = error.errors()[0]
        name, *within = map(str, first["loc"])
        where = f" at {'.'.join(within)}" if within else ""
        raise ConfigurationError(
            f"The setting RAGLINE_{name.upper()} is not valid{where}: {first['msg']}. "
            "Correct it and start again."
        ) from None
    except SettingsError as error:
        # Its words name the field in quotes; the value, which may hold a key, is not repeated.
        name = str(error).partition('"')[2].partition('"')[0]
        raise ConfigurationError(
            f"The setting RAGLINE_{name.upper()} is no valid JSON. Correct it and start again."
        ) from None
