"""Answers kept in Valkey or Redis, which forgets them by itself.

All names begin with `ragline:`. `answer:<key>` is a hash of an answer, its question and vector;
`scope:<hash>`, `project:<id>` and `tenant:<id>` are sorted sets of keys, by the moment at which
their answers were kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
import valkey
from valkey.backoff import NoBackoff
from valkey.retry import Retry

from ragline.database import Database
from ragline.errors import TemporaryProviderError
from ragline.models import now
from ragline.providers.contracts import KeptAnswer, KeptQuestion
from ragline.settings import Settings

MOST_OF_A_TENANT = 10_000
MOST_OF_A_SCOPE = 2_000
# Keys of one command: a long one would hold up all others of the server.
BATCH = 200
_FLOATS = np.dtype("<f4")


class ValkeyAnswerCache:
    """Keeps answers on another server; each call is one or two trips to it.

    A call is never tried again: who waits for an answer should not wait for the cache.
    """

    def __init__(
        self,
        url: str,
        *,
        hours: float,
        timeout_seconds: float,
        most_of_a_tenant: int = MOST_OF_A_TENANT,
    ) -> None:
        self._seconds = hours * 3600
        self._most = most_of_a_tenant
        self._client = valkey.Valkey.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )

    @classmethod
    def open(cls, settings: Settings, _database: Database) -> Self:
        """Return the cache behind `RAGLINE_CACHE_URL`."""
        assert settings.cache_url is not None, "it is chosen by its address"
        return cls(
            settings.cache_url.get_secret_value(),
            hours=settings.cache_hours,
            timeout_seconds=settings.cache_timeout_seconds,
        )

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer under a key; what is no answer counts as none."""
        with _translated():
            content: Any = self._client.hget(_answer(key), "answer")
        return _document(content)

    def newest(self, scope: str, *, since: datetime | None, limit: int) -> list[KeptQuestion]:
        """Return a scope's questions, newest first."""
        oldest = now().timestamp() - self._seconds
        first = max(oldest, since.timestamp()) if since else oldest
        with _translated():
            found: Any = self._client.zrange(
                _scope(scope),
                start="+inf",  # type: ignore[arg-type]  # a score, not a rank
                end=first,  # type: ignore[arg-type]  # as above
                desc=True,
                byscore=True,
                offset=0,
                num=limit,
                withscores=True,
            )
            questions: list[KeptQuestion] = []
            for start in range(0, len(found), BATCH):
                questions += self._questions(found[start : start + BATCH])
        return questions

    def put(self, kept: KeptAnswer) -> None:
        """Write the answer and its places in one transaction, and drop the oldest beyond many."""
        key, moment = kept.question.key, kept.question.kept_at.timestamp()
        seconds = max(1, int(self._seconds))
        owners = [_scope(kept.scope), _tenant(kept.tenant_id), *map(_project, kept.projects)]
        with _translated(), self._client.pipeline(transaction=True) as pipe:
            pipe.delete(_answer(key))
            pipe.hset(_answer(key), mapping=_fields(kept))
            pipe.expire(_answer(key), seconds)
            for owner in owners:
                pipe.zadd(owner, {key: moment})
                pipe.zremrangebyscore(owner, "-inf", now().timestamp() - self._seconds)
                pipe.expire(owner, seconds)
            pipe.zremrangebyrank(owners[0], 0, -MOST_OF_A_SCOPE - 1)
            pipe.zrange(_tenant(kept.tenant_id), 0, -self._most - 1)
            *_, crowded = pipe.execute()  # type: ignore[no-untyped-call]  # theirs
            for start in range(0, len(crowded), BATCH):
                self._remove(_tenant(kept.tenant_id), crowded[start : start + BATCH])

    def forget(self, project_id: str) -> int:
        """Remove a project's answers; a second run goes on where the first one failed."""
        removed = 0
        with _translated():
            while True:
                keys: Any = self._client.zrange(_project(project_id), 0, BATCH - 1)
                if not keys:
                    return removed
                removed += self._remove(_project(project_id), keys)

    def remove(self, keys: Sequence[str]) -> int:
        """Remove answers by their keys; what lists them forgets them with time."""
        removed = 0
        with _translated():
            for start in range(0, len(keys), BATCH):
                gone: Any = self._client.unlink(*map(_answer, keys[start : start + BATCH]))
                removed += int(gone)
        return removed

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]  # theirs

    def _remove(self, owner: str, keys: Sequence[bytes]) -> int:
        with self._client.pipeline(transaction=True) as pipe:
            pipe.unlink(*(_answer(key.decode()) for key in keys))
            pipe.zrem(owner, *keys)
            removed, _ = pipe.execute()  # type: ignore[no-untyped-call]  # theirs
        return int(removed)

    def _questions(self, found: Sequence[tuple[bytes, float]]) -> Iterator[KeptQuestion]:
        """Read questions of keys; those whose answer is gone are left out."""
        with self._client.pipeline(transaction=False) as pipe:
            for key, _ in found:
                pipe.hmget(_answer(key.decode()), ["question", "vector"])
            rows = pipe.execute()  # type: ignore[no-untyped-call]  # theirs
        for (key, moment), (question, vector) in zip(found, rows, strict=True):
            if question is not None and vector is not None and len(vector) % _FLOATS.itemsize == 0:
                yield KeptQuestion(
                    key.decode(),
                    question.decode(errors="replace"),
                    np.frombuffer(vector, _FLOATS),
                    datetime.fromtimestamp(moment, UTC),
                )


def _fields(kept: KeptAnswer) -> dict[str | bytes, bytes | float | int | str]:
    return {
        "answer": json.dumps(kept.answer, ensure_ascii=False),
        "question": kept.question.text,
        "vector": kept.question.vector.astype(_FLOATS).tobytes(),
    }


def _document(content: bytes | None) -> dict[str, Any] | None:
    try:
        document = json.loads(content or "null")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _answer(key: str) -> str:
    return f"ragline:answer:{key}"


def _scope(scope: str) -> str:
    return f"ragline:scope:{scope}"


def _project(project_id: str) -> str:
    return f"ragline:project:{project_id}"


def _tenant(tenant_id: str) -> str:
    return f"ragline:tenant:{tenant_id}"


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except (valkey.ValkeyError, OSError) as error:
        raise TemporaryProviderError(
            f"The cache behind RAGLINE_CACHE_URL did not answer well: {error}"
        ) from error
