"""What a retry takes over from the attempt before it.

Each attempt builds a version of its own, so that nothing which an earlier one still writes can
get into it; what is finished is copied, not made again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import insert_missing
from ragline.engine import attempts
from ragline.ingestion.subject import Subject, described, load_subject
from ragline.models import Attempt, Chunk, Page, chunk_id


def carry_over(runtime: Runtime, job_id: str) -> None:
    """Copy pages and passages of the attempt before into this one's version, once.

    Runs at each start of a retry, before its first step; a second run leaves what is there.
    Where something is missing, perhaps cleaned up since, no step counts as done.
    """
    subject = load_subject(runtime, job_id)
    with runtime.database.write() as session:
        subject.job_in(session)
        if session.scalar(_ATTEMPTS, {"of_job": job_id}) == 1 or _count(session, Page, subject):
            return
        # Versions before the job's first one are of other jobs, perhaps of another file.
        before = session.scalar(
            sa.select(sa.func.max(Page.version)).where(
                Page.document_id == subject.document_id,
                Page.version >= subject.first_version,
                Page.version < subject.version,
            )
        )
        for table in (Page, Chunk):
            rows = _rows(session, table, subject.document_id, before)
            insert_missing(session, table, [_moved(row, subject.version) for row in rows])
        if not _is_whole(session, subject):
            attempts.forget_steps(session, subject.workflow_id)


def _is_whole(session: Session, subject: Subject) -> bool:
    """Tell whether all is there that the steps before this attempt's first one have made."""
    made = attempts.outputs(session, subject.workflow_id)
    if made.keys() <= {"plan"}:
        return True
    pages = described(session, subject).page_count
    passages = made.get("build_chunks")
    return _count(session, Page, subject) == pages and (
        passages is None or _count(session, Chunk, subject) == int(passages)
    )


def _count(session: Session, table: type[Page] | type[Chunk], subject: Subject) -> int:
    mine = sa.and_(table.document_id == subject.document_id, table.version == subject.version)
    return session.scalar(sa.select(sa.func.count()).select_from(table).where(mine)) or 0


def _rows(
    session: Session, table: type[Page] | type[Chunk], document_id: str, version: int | None
) -> list[dict[str, Any]]:
    columns = table.__table__.c
    query = sa.select(table.__table__).where(
        columns.document_id == document_id, columns.version == version
    )
    return [dict(row) for row in session.execute(query).mappings()]


def _moved(row: dict[str, Any], version: int) -> dict[str, Any]:
    moved = row | {"version": version}
    if "ordinal" in row:
        moved["id"] = chunk_id(row["document_id"], version, row["ordinal"])
    return moved


_ATTEMPTS = (
    sa.select(sa.func.count()).select_from(Attempt).where(Attempt.job_id == sa.bindparam("of_job"))
)
