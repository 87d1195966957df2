"""Answers that are kept to be given again."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

CACHE_SCHEMES = ("valkey", "valkeys", "redis", "rediss", "unix")


class CachingSettings(BaseModel):
    """Answers that are kept to be given again."""

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
