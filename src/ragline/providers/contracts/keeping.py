"""Answers that are kept to be given again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self

from ragline.database import Database
from ragline.providers.contracts.embedding import Vectors
from ragline.settings import Settings


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question whose answer is kept under `key`, with its vector, since a moment in UTC."""

    key: str
    text: str
    vector: Vectors
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as JSON, with the question it is given to.

    `scope` is the hash of all that decides the answer beside the question's words, `projects`
    gives the content version of each project that was searched; `scope` covers both.
    """

    tenant_id: str
    scope: str
    question: KeptQuestion
    projects: Mapping[str, int]
    answer: Mapping[str, Any]


class AnswerCache(Protocol):
    """Keeps answers for as long as `RAGLINE_CACHE_HOURS` says, and only so many of a tenant.

    It may lose any of them at any time. `TemporaryProviderError` means that it is away; it
    answers or raises within about `RAGLINE_CACHE_TIMEOUT_SECONDS` a call where it is another
    server. Several threads use it at once.
    """

    @classmethod
    def open(cls, settings: Settings, database: Database) -> Self:
        """Return the cache that the settings name; nothing needs to answer yet."""
        ...

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer under a key, None where there is none that may still be given."""
        ...

    def newest(self, scope: str, *, since: datetime | None, limit: int) -> list[KeptQuestion]:
        """Return a scope's questions kept since a moment (included), newest first."""
        ...

    def put(self, kept: KeptAnswer) -> None:
        """Keep an answer in place of any under the same key."""
        ...

    def forget(self, project_id: str) -> int:
        """Remove all answers that rest on a project; return how many."""
        ...

    def remove(self, keys: Sequence[str]) -> int:
        """Remove the answers under these keys; return how many there were."""
        ...

    def close(self) -> None:
        """Release connections; closing twice is allowed."""
        ...
