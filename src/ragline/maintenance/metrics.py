"""Figures for Prometheus, read from the database when they are asked for.

So every process gives the same ones, those of all processes together, and none is lost with
a process. Counters stand for what is kept plus the totals of what clean-ups removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from ragline.chat.cache.lookups import LOOKUPS, RESULTS
from ragline.database import Database
from ragline.engine import queues
from ragline.engine.rows import workflows
from ragline.maintenance import totals
from ragline.models import (
    Attempt,
    Executor,
    Job,
    ProviderCall,
    ProviderLimit,
    QueueState,
    WebhookDelivery,
)

Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)
OPEN = ("pending", "queued", "processing")


def text(database: Database, now: datetime, *, dead_after_seconds: float) -> bytes:
    """Return all figures in Prometheus' text format; a heart that is silent for longer is dead."""
    registry = CollectorRegistry()
    registry.register(_Figures(database, now, dead_after_seconds))
    return generate_latest(registry)


class _Figures(Collector):
    """All figures of one moment, in one look at the database."""

    def __init__(self, database: Database, now: datetime, dead_after_seconds: float) -> None:
        self._database = database
        self._now = now
        self._dead_after_seconds = dead_after_seconds

    def describe(self) -> Iterable[Metric]:
        """Name none: nothing else is in the registry."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give the figures."""
        with self._database.read() as session:
            yield from _jobs(session, self._now)
            yield from _queues(session)
            yield from _ended(session)
            yield from _cleanups(session)
            yield _lookups(session)
            yield _workers(session, self._now, self._dead_after_seconds)
            yield from _providers(session, self._now)
            yield _deliveries(session)


def _jobs(session: Session, now: datetime) -> Iterator[Metric]:
    """Open jobs that have a place in a queue; a parent's work is that of its children."""
    jobs = GaugeMetricFamily(
        "ragline_jobs", "Open jobs by queue and status.", labels=("queue", "status")
    )
    ages = GaugeMetricFamily(
        "ragline_oldest_job_age_seconds",
        "Seconds since the oldest open job was accepted; 0 without one.",
        labels=("queue", "status"),
    )
    counts: Counter[tuple[str, str]] = Counter()
    oldest: dict[tuple[str, str], datetime] = {}
    for queue, word, count, accepted in session.execute(_OPEN_JOBS):
        place = queue, _STATUS.get(word, "processing")
        counts[place] += count
        oldest[place] = min(accepted, oldest.get(place, accepted))
    for place in sorted({(queue, word) for queue in queues.NAMES for word in OPEN} | set(counts)):
        jobs.add_metric(place, counts[place])
        age = (now - oldest[place]).total_seconds() if place in oldest else 0.0
        ages.add_metric(place, max(age, 0.0))
    yield from (jobs, ages)
    waiting = GaugeMetricFamily(
        "ragline_jobs_waiting",
        "Running jobs that wait for something, by what they wait for.",
        labels=("waiting_for",),
    )
    yield _filled(waiting, session.execute(_WAITING))
    letters = GaugeMetricFamily(
        "ragline_dead_letters", "Failed jobs that nobody has dismissed.", labels=("kind",)
    )
    yield _filled(letters, session.execute(_DEAD_LETTERS))


def _queues(session: Session) -> Iterator[Metric]:
    paused = set(session.scalars(_PAUSED))
    family = GaugeMetricFamily(
        "ragline_queue_paused", "1 where an operator has paused the queue.", labels=("queue",)
    )
    yield _filled(family, [(queue, queue in paused) for queue in queues.NAMES])


def _ended(session: Session) -> Iterator[Metric]:
    """Each attempt counts, since an ended one never changes while its job may be retried."""
    ended = totals.read(session, totals.ENDED)
    for kind, outcome, count in session.execute(_ENDED):
        ended[f"{kind}/{outcome}"] += count
    family = CounterMetricFamily(
        "ragline_jobs_ended",
        "Attempts at jobs that have ended, by kind and outcome.",
        labels=("kind", "outcome"),
    )
    yield _filled(family, [(*name.split("/", 1), count) for name, count in ended.items()])


def _cleanups(session: Session) -> Iterator[Metric]:
    removed = CounterMetricFamily(
        "ragline_retention_removed",
        "Rows, files and vectors that clean-ups removed, by what they were.",
        labels=("what",),
    )
    yield _filled(removed, totals.read(session, totals.REMOVED).items())
    last = session.scalar(_LAST_CLEANUP)
    yield GaugeMetricFamily(
        "ragline_last_cleanup_timestamp_seconds",
        "When the last clean-up completed, in seconds since 1970; 0 before the first.",
        value=last.timestamp() if last else 0.0,
    )


def _lookups(session: Session) -> Metric:
    counts = totals.read(session, LOOKUPS)
    family = CounterMetricFamily(
        "ragline_cache_lookups",
        "Looks for a kept answer, by what they gave; written about a second later.",
        labels=("result",),
    )
    return _filled(family, [(result, counts[result]) for result in RESULTS])


def _workers(session: Session, now: datetime, dead_after: float) -> Metric:
    alive = session.scalar(_ALIVE, {"since": now.timestamp() - dead_after})
    return GaugeMetricFamily("ragline_workers", "Workers whose heart beats.", value=alive or 0)


def _providers(session: Session, now: datetime) -> Iterator[Metric]:
    calls = GaugeMetricFamily(
        "ragline_provider_calls",
        "Calls to limited providers: under way, or waiting to be granted.",
        labels=("provider", "state"),
    )
    blocked = GaugeMetricFamily(
        "ragline_provider_blocked_seconds",
        "Seconds for which a provider asked not to be called; 0 if it may be.",
        labels=("provider",),
    )
    moment = now.timestamp()
    counts = {row.provider: row for row in session.execute(_CALLS, {"now": moment})}
    for provider, until in session.execute(_PROVIDERS):
        row = counts.get(provider)
        calls.add_metric((provider, "under_way"), row.under_way if row else 0)
        calls.add_metric((provider, "waiting"), row.waiting if row else 0)
        blocked.add_metric((provider,), max(until - moment, 0.0))
    yield from (calls, blocked)


def _deliveries(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "ragline_webhook_deliveries", "Deliveries of webhooks that are kept.", labels=("status",)
    )
    return _filled(family, session.execute(_DELIVERIES))


def _filled(family: Family, rows: Iterable[Any]) -> Family:
    """Return a family with a sample for each row: its labels, then its value."""
    for *labels, value in sorted(rows):
        family.add_metric([str(label) for label in labels], value)
    return family


_STATUS = {"DELAYED": "pending", "ENQUEUED": "queued"}
_OPEN_JOBS = (
    sa.select(Job.queue, workflows.c.status, sa.func.count(), sa.func.min(Job.created_at))
    .join(workflows, workflows.c.workflow_uuid == Job.workflow_id)
    .where(Job.outcome.is_(None), Job.queue.is_not(None))
    .group_by(Job.queue, workflows.c.status)
)
_WAITING = (
    sa.select(Job.waiting_for, sa.func.count())
    .where(Job.outcome.is_(None), Job.waiting_for.is_not(None))
    .group_by(Job.waiting_for)
)
_DEAD_LETTERS = (
    sa.select(Job.kind, sa.func.count())
    .where(Job.outcome == "failed", Job.dismissed_at.is_(None))
    .group_by(Job.kind)
)
_PAUSED = sa.select(QueueState.name).where(QueueState.paused_at.is_not(None))
_OUTCOME = sa.func.coalesce(Attempt.outcome, Job.outcome)
_ENDED = (
    sa.select(Job.kind, _OUTCOME, sa.func.count())
    .join(Attempt, Attempt.job_id == Job.id)
    .where(Attempt.ended_at.is_not(None), _OUTCOME.is_not(None))
    .group_by(Job.kind, _OUTCOME)
)
_LAST_CLEANUP = sa.select(sa.func.max(Job.finished_at)).where(
    Job.kind == "maintenance", Job.outcome == "completed"
)
_ALIVE = sa.select(sa.func.count()).where(
    Executor.heartbeat > sa.bindparam("since", type_=sa.Double)
)
_now = sa.bindparam("now", type_=sa.Double)
_CALLS = (
    sa.select(
        ProviderCall.provider,
        sa.func.count().filter(ProviderCall.started.is_not(None)).label("under_way"),
        sa.func.count().filter(ProviderCall.started.is_(None)).label("waiting"),
    )
    .where(ProviderCall.ended.is_(None), ProviderCall.expires > _now)
    .group_by(ProviderCall.provider)
)
_PROVIDERS = sa.select(ProviderLimit.provider, ProviderLimit.blocked_until)
_DELIVERIES = sa.select(WebhookDelivery.status, sa.func.count()).group_by(WebhookDelivery.status)
