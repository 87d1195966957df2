"""Answers kept in the database, beside everything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
import sqlalchemy as sa

from ragline.database import Database, insert_missing
from ragline.errors import TemporaryProviderError
from ragline.models import CachedAnswer, CachedAnswerProject, now
from ragline.providers.contracts import KeptAnswer, KeptQuestion
from ragline.settings import Settings

MOST_OF_A_TENANT = 10_000
# So many go at once where there are too many, so that not every answer has to look for room.
ROOM = 500
_FLOATS = np.dtype("<f4")


class DatabaseAnswerCache:
    """Keeps answers as rows; one that is too old is not given, and removed by the clean-up."""

    def __init__(
        self, database: Database, *, hours: float, most_of_a_tenant: int = MOST_OF_A_TENANT
    ) -> None:
        self._database = database
        self._age = timedelta(hours=hours)
        self._most = most_of_a_tenant

    @classmethod
    def open(cls, settings: Settings, database: Database) -> Self:
        """Return the cache in this database."""
        return cls(database, hours=settings.cache_hours)

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer under a key, if it is young enough."""
        values = {"of_key": key, "since": now() - self._age}
        with _translated(), self._database.read() as session:
            return session.scalar(_ANSWER, values)

    def newest(self, scope: str, *, since: datetime | None, limit: int) -> list[KeptQuestion]:
        """Return a scope's questions, newest first."""
        oldest = now() - self._age
        values = {
            "of_scope": scope,
            "since": max(since, oldest) if since else oldest,
            "most": limit,
        }
        with _translated(), self._database.read() as session:
            return [
                KeptQuestion(key, question, np.frombuffer(vector, _FLOATS), kept_at)
                for key, question, vector, kept_at in session.execute(_NEWEST, values)
            ]

    def put(self, kept: KeptAnswer) -> None:
        """Write the answer and what it rests on, after room was made for it."""
        question = kept.question
        row = {
            "key": question.key,
            "tenant_id": kept.tenant_id,
            "scope": kept.scope,
            "question": question.text,
            "vector": question.vector.astype(_FLOATS).tobytes(),
            "answer": dict(kept.answer),
            "created_at": question.kept_at,
        }
        rests_on = [
            {"key": question.key, "project_id": project_id, "content_version": version}
            for project_id, version in kept.projects.items()
        ]
        with _translated():
            crowded = self._oldest_to_go(kept.tenant_id)
            with self._database.write() as session:
                gone = [*crowded, question.key]
                session.execute(_REMOVE, {"keys": gone})
                # Where two keep an answer to the same question at once, the first one stays.
                insert_missing(session, CachedAnswer, [row])
                insert_missing(session, CachedAnswerProject, rests_on)

    def forget(self, project_id: str) -> int:
        """Remove a project's answers, in the caller's transaction if it is in one."""
        with _translated(), self._database.write() as session:
            removed = session.execute(_FORGET, {"of_project": project_id})
            return int(removed.rowcount)  # type: ignore[attr-defined]  # a DELETE has one

    def remove(self, keys: Sequence[str]) -> int:
        """Remove answers by their keys, in the caller's transaction if it is in one."""
        with _translated(), self._database.write() as session:
            removed = session.execute(_REMOVE, {"keys": list(keys)})
            return int(removed.rowcount)  # type: ignore[attr-defined]  # a DELETE has one

    def close(self) -> None:
        """Leave the database to its owner."""

    def _oldest_to_go(self, tenant_id: str) -> list[str]:
        with self._database.read() as session:
            over = (session.scalar(_COUNT, {"of_tenant": tenant_id}) or 0) - self._most + 1
            if over <= 0:
                return []
            most = max(over, min(ROOM, self._most // 10))
            return list(session.scalars(_OLDEST, {"of_tenant": tenant_id, "most": most}))


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what a database raises that is away, or in which another was faster, into ours."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.IntegrityError, sa.exc.TimeoutError) as error:
        raise TemporaryProviderError(
            f"The database did not give or take a kept answer: {str(error).splitlines()[0]}."
        ) from error


_ANSWER = sa.select(CachedAnswer.answer).where(
    CachedAnswer.key == sa.bindparam("of_key"), CachedAnswer.created_at >= sa.bindparam("since")
)
_NEWEST = (
    sa.select(CachedAnswer.key, CachedAnswer.question, CachedAnswer.vector, CachedAnswer.created_at)
    .where(
        CachedAnswer.scope == sa.bindparam("of_scope"),
        CachedAnswer.created_at >= sa.bindparam("since"),
    )
    .order_by(CachedAnswer.created_at.desc())
    .limit(sa.bindparam("most"))
)
_COUNT = (
    sa.select(sa.func.count())
    .select_from(CachedAnswer)
    .where(CachedAnswer.tenant_id == sa.bindparam("of_tenant"))
)
_OLDEST = (
    sa.select(CachedAnswer.key)
    .where(CachedAnswer.tenant_id == sa.bindparam("of_tenant"))
    .order_by(CachedAnswer.created_at)
    .limit(sa.bindparam("most"))
)
_REMOVE = (
    sa.delete(CachedAnswer)
    .where(CachedAnswer.key.in_(sa.bindparam("keys", expanding=True)))
    .execution_options(synchronize_session=False)
)
_FORGET = (
    sa.delete(CachedAnswer)
    .where(
        CachedAnswer.key.in_(
            sa.select(CachedAnswerProject.key).where(
                CachedAnswerProject.project_id == sa.bindparam("of_project")
            )
        )
    )
    .execution_options(synchronize_session=False)
)
