"""What earlier jobs took: the rates that estimates are made from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models import Attempt, Document, Job, Page, now

MEASURED_DAYS = 7
MEASURED_JOBS = 200
MEASURED_PAGES = 2000


class Rates(NamedTuple):
    """Averages of the last week; None where nothing was measured.

    `pages_per_second` is that of the whole server, `cost_per_page` and `characters_per_page`
    are those of the tenant.
    """

    pages_per_second: float | None
    cost_per_page: float | None
    characters_per_page: float | None


def rates(session: Session, tenant_id: str) -> Rates:
    """Return what the documents that were ingested lately took."""
    since = now() - timedelta(days=MEASURED_DAYS)
    worked = session.execute(_WORKED, {"since": since}).all()
    busy = _union((started, ended) for started, ended, _ in worked)
    pages = sum(count or 0 for *_, count in worked)
    paid = session.execute(_PAID, {"since": since, "of_tenant": tenant_id}).all()
    paid_pages = sum(count or 0 for _, count in paid)
    lengths = session.scalars(_LENGTHS, {"of_tenant": tenant_id}).all()
    return Rates(
        pages / busy if busy and pages else None,
        sum(cost for cost, _ in paid) / paid_pages if paid_pages else None,
        sum(lengths) / len(lengths) if lengths else None,
    )


def _union(spans: Iterable[tuple[datetime | None, datetime | None]]) -> float:
    """Return the seconds in which at least one of these was going on."""
    total, until = 0.0, None
    for start, end in sorted((s, e) for s, e in spans if s is not None and e is not None):
        begin = start if until is None else max(start, until)
        if end > begin:
            total += (end - begin).total_seconds()
        until = end if until is None else max(until, end)
    return total


_INGESTED = sa.and_(
    Job.kind == "ingest",
    Job.outcome == "completed",
    Job.finished_at > sa.bindparam("since"),
    Job.progress_unit == "pages",
)
_WORKED = (
    sa.select(Attempt.started_at, Attempt.ended_at, Job.progress_total)
    .join(Attempt, Attempt.workflow_id == Job.workflow_id)
    .where(_INGESTED, Attempt.first_step == 1)
    .order_by(Job.finished_at.desc())
    .limit(MEASURED_JOBS)
)
_PAID = (
    sa.select(Job.cost, Job.progress_total)
    .where(_INGESTED, Job.tenant_id == sa.bindparam("of_tenant"))
    .order_by(Job.finished_at.desc())
    .limit(MEASURED_JOBS)
)
_LENGTHS = (
    sa.select(Page.characters)
    .join(Document, Document.id == Page.document_id)
    .where(
        Document.tenant_id == sa.bindparam("of_tenant"), Page.version == Document.published_version
    )
    .order_by(Document.created_at.desc())
    .limit(MEASURED_PAGES)
)
