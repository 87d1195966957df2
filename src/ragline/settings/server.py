"""Where things are kept, what the server listens on, and how much it takes at once."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr


class ServerSettings(BaseModel):
    """Where things are kept, what the server listens on, and how much it takes at once."""

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
