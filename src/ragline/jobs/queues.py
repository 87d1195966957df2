"""Queues in numbers, over all tenants or for one; pausing and resuming them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import sqlalchemy as sa
import structlog
from pydantic import BaseModel
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.database import insert_missing
from ragline.engine.queues import NAMES, PAGES
from ragline.engine.rows import STATUS_WORDS, workflows
from ragline.errors import NotFound
from ragline.jobs.states import Kind
from ragline.models import Attempt, Job, QueueState, now

AVERAGE_OVER = timedelta(hours=24)
log = structlog.get_logger()


class QueueView(BaseModel):
    """A queue; times are in seconds, and null where there is nothing to measure.

    `oldest_age_seconds` is how long the oldest queued job has waited, `average_seconds` how
    long the attempts took that completed or failed in the last 24 hours. Today begins at
    midnight UTC. `waiting_for` counts the open jobs that wait for something by its name.
    The queue `pages` holds parts of large documents, which are no jobs of their own.
    """

    name: str
    paused: bool
    paused_at: datetime | None
    pending: int = 0
    queued: int = 0
    processing: int = 0
    oldest_age_seconds: float | None = None
    average_seconds: float | None = None
    completed_today: int = 0
    failed_today: int = 0
    waiting_for: dict[str, int] = {}


class QueueList(BaseModel):
    """All queues; `scope` says whose jobs are counted."""

    scope: Literal["all", "tenant"]
    queues: list[QueueView]


class _Seconds(sa.sql.functions.GenericFunction[float]):
    """A point in time as seconds since a fixed one."""

    type = sa.Double()
    inherit_cache = True
    name = "seconds_of"


@compiles(_Seconds, "sqlite")
def _julian(element: _Seconds, compiler: Any, **options: Any) -> str:
    return f"(julianday({compiler.process(element.clauses, **options)}) * 86400.0)"


@compiles(_Seconds, "postgresql")
def _epoch(element: _Seconds, compiler: Any, **options: Any) -> str:
    return f"extract(epoch FROM {compiler.process(element.clauses, **options)})"


# A delayed job begins to wait when its time has come.
_WAITS_SINCE = sa.func.coalesce(workflows.c.delay_until_epoch_ms, workflows.c.created_at)
_OPEN = (
    sa.select(
        Job.queue,
        workflows.c.status,
        sa.func.count(),
        sa.func.min(_WAITS_SINCE),
    )
    .join(workflows, workflows.c.workflow_uuid == Job.workflow_id)
    .where(Job.outcome.is_(None))
    .group_by(Job.queue, workflows.c.status)
)
_WAITING_FOR = (
    sa.select(Job.queue, Job.waiting_for, sa.func.count())
    .where(Job.outcome.is_(None), Job.waiting_for.is_not(None), Job.queue.is_not(None))
    .group_by(Job.queue, Job.waiting_for)
)
_TOOK = _Seconds(Attempt.ended_at) - _Seconds(Attempt.started_at)
_ENDED = (
    sa.select(
        Job.queue,
        Job.outcome,
        sa.func.count().filter(Job.finished_at >= sa.bindparam("midnight")),
        sa.func.count(_TOOK),
        sa.func.sum(_TOOK),
    )
    .join(Attempt, Attempt.workflow_id == Job.workflow_id)
    .where(
        # All there are; the index of ended jobs begins with their kinds.
        Job.kind.in_(get_args(Kind)),
        Job.outcome.in_(("completed", "failed")),
        Job.finished_at >= sa.bindparam("since"),
    )
    .group_by(Job.queue, Job.outcome)
)
# Written out, not bound: the engine's indices cover only rows with these very values.
_IS_OPEN = workflows.c.status.in_(
    [sa.literal_column(f"'{word}'") for word in ("DELAYED", "ENQUEUED", "PENDING")]
)
_OPEN_PARTS = (
    sa.select(
        workflows.c.queue_name, workflows.c.status, sa.func.count(), sa.func.min(_WAITS_SINCE)
    )
    .where(workflows.c.queue_name == PAGES, _IS_OPEN)
    .group_by(workflows.c.queue_name, workflows.c.status)
)
_ENDED_PARTS = (
    sa.select(
        workflows.c.queue_name,
        workflows.c.status,
        sa.func.count().filter(workflows.c.completed_at >= sa.bindparam("midnight_ms")),
        sa.func.count(workflows.c.started_at_epoch_ms),
        sa.func.sum((workflows.c.completed_at - workflows.c.started_at_epoch_ms) / 1000.0),
    )
    .where(
        workflows.c.queue_name == PAGES,
        workflows.c.status.in_(("SUCCESS", "ERROR")),
        workflows.c.completed_at >= sa.bindparam("since_ms"),
    )
    .group_by(workflows.c.queue_name, workflows.c.status)
)


def queue_views(
    runtime: Runtime, *, tenant_id: str | None = None, names: Sequence[str] = NAMES
) -> list[QueueView]:
    """Return queues with their numbers, those of one tenant or of all."""
    # As an expression, since the index by tenant would lead through the whole of its history.
    of_tenant = () if tenant_id is None else (Job.tenant_id.concat("") == tenant_id,)
    # What belongs to no job belongs to a tenant by its share of the queue.
    of_share = () if tenant_id is None else (workflows.c.queue_partition_key == tenant_id,)
    moment = now()
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    since = moment - AVERAGE_OVER
    with runtime.database.read() as session:
        views = _empty(session)
        for query in (_OPEN.where(*of_tenant), _OPEN_PARTS.where(*of_share)):
            _count_open(views, session.execute(query).all())
        for queue, thing, count in session.execute(_WAITING_FOR.where(*of_tenant)):
            if queue in views:
                views[queue].waiting_for[str(thing)] = count
        times = {"midnight": midnight, "since": since}
        ended = session.execute(_ENDED.where(*of_tenant), times).all()
        in_ms = {f"{name}_ms": int(time.timestamp() * 1000) for name, time in times.items()}
        parts = session.execute(_ENDED_PARTS.where(*of_share), in_ms).all()
    _count_ended(views, [*ended, *parts])
    return [views[name] for name in names]


def pause(runtime: Runtime, caller: Caller, name: str) -> QueueView:
    """Let no worker take work from a queue until it is resumed; what runs goes on to its end."""
    return _set_paused(runtime, caller, name, paused=True)


def resume(runtime: Runtime, caller: Caller, name: str) -> QueueView:
    """Let workers take work from a queue again."""
    return _set_paused(runtime, caller, name, paused=False)


def _set_paused(runtime: Runtime, caller: Caller, name: str, *, paused: bool) -> QueueView:
    if name not in NAMES:
        raise NotFound(f"There is no queue named {name!r}; the queues are {', '.join(NAMES)}.")
    with runtime.database.write() as session:
        insert_missing(session, QueueState, [{"name": name, "paused_at": None}])
        state = session.get_one(QueueState, name, with_for_update=True)
        if paused != (state.paused_at is not None):
            state.paused_at = now() if paused else None
            event = "queue.paused" if paused else "queue.resumed"
            log.info(event, queue=name, key_id=caller.key_id)
    return queue_views(runtime, names=[name])[0]


def _empty(session: Session) -> dict[str, QueueView]:
    states = {state.name: state.paused_at for state in session.scalars(sa.select(QueueState))}
    return {
        name: QueueView(name=name, paused=states.get(name) is not None, paused_at=states.get(name))
        for name in NAMES
    }


def _count_open(views: dict[str, QueueView], rows: Sequence[Any]) -> None:
    for queue, status, count, since in rows:
        view = views.get(queue)
        if view is None:
            continue
        word = STATUS_WORDS.get(status, "processing")
        if word == "pending":
            view.pending += count
        elif word == "queued":
            view.queued += count
            view.oldest_age_seconds = max(0.0, round(time.time() - since / 1000, 3))
        else:
            # Ended in the engine, its outcome still on its way: it is being worked on.
            view.processing += count


def _count_ended(views: dict[str, QueueView], rows: Sequence[Any]) -> None:
    measured: dict[str, tuple[int, float]] = {}
    for queue, word, today, count, seconds in rows:
        view = views.get(queue)
        if view is None:
            continue
        if word in ("completed", "SUCCESS"):
            view.completed_today += today
        else:
            view.failed_today += today
        before, so_far = measured.get(queue, (0, 0.0))
        measured[queue] = before + count, so_far + float(seconds or 0)
    for queue, (count, total) in measured.items():
        if count:
            views[queue].average_seconds = round(total / count, 3)
