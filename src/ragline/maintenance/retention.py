"""What is old: ended jobs, their events and steps, deliveries, keys and calls.

Failed jobs are dead letters: they are kept until they are dismissed. A document's latest job
is kept as long as the document, since it tells its status.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ragline.engine.retention import ended_before, forget
from ragline.engine.rows import OPEN, workflows
from ragline.maintenance.rules import Condition, Removed, Rule, delete_where, rule_of
from ragline.models import (
    Attempt,
    CachedAnswer,
    CachedAnswerProject,
    Document,
    Event,
    Executor,
    IdempotencyKey,
    Job,
    Project,
    ProviderCall,
    StoredResponse,
    WebhookDelivery,
)
from ragline.settings import Settings

# Each job takes its tags, attempts and last event along, each workflow about ten rows.
JOBS_BATCH = 100
WORKFLOWS_BATCH = 50
# Limits look back a minute; an hour is for those who look into trouble.
CALLS_KEPT = timedelta(hours=1)
EXECUTORS_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moments:
    """The present moment, and those before which things are old."""

    now: datetime
    jobs: datetime
    events: datetime
    deliveries: datetime
    keys: datetime
    answers: datetime


def moments(settings: Settings, now: datetime) -> Moments:
    """Return what is old at a moment; events and steps never outlive their job's time."""
    jobs = now - timedelta(days=settings.keep_jobs_days)
    return Moments(
        now=now,
        jobs=jobs,
        events=max(jobs, now - timedelta(days=settings.keep_events_days)),
        deliveries=now - timedelta(days=settings.keep_deliveries_days),
        keys=now - timedelta(hours=settings.idempotency_hours),
        answers=now - timedelta(hours=settings.cache_hours),
    )


def rules(old: Moments) -> list[Rule]:
    """Return the rules in the order in which they are applied: jobs go last."""
    ended_call = sa.func.coalesce(ProviderCall.ended, ProviderCall.expires)
    return [
        rule_of(
            "provider_calls",
            ProviderCall,
            (ProviderCall.id,),
            ended_call < (old.now - CALLS_KEPT).timestamp(),
        ),
        rule_of(
            "executors",
            Executor,
            (Executor.id,),
            Executor.heartbeat < (old.now - EXECUTORS_KEPT).timestamp(),
        ),
        rule_of(
            "idempotency_keys",
            IdempotencyKey,
            (IdempotencyKey.tenant_id, IdempotencyKey.key),
            IdempotencyKey.created_at < old.keys,
        ),
        rule_of(
            "webhook_deliveries",
            WebhookDelivery,
            (WebhookDelivery.id,),
            WebhookDelivery.ended_at < old.deliveries,
        ),
        rule_of("cached_answers", CachedAnswer, (CachedAnswer.key,), _useless_answer(old)),
        rule_of("responses", StoredResponse, (StoredResponse.id,), _old_response(old)),
        steps(old),
        rule_of("events", Event, (Event.cursor,), _old_event(old)),
        _jobs(old),
    ]


def _old_response(old: Moments) -> Condition:
    """A response of OpenAI's interface as old as a job may be, unless it is being written."""
    being_written = sa.exists().where(Job.id == StoredResponse.job_id, Job.outcome.is_(None))
    return sa.and_(StoredResponse.created_at < old.jobs, ~being_written)


def _useless_answer(old: Moments) -> Condition:
    """A kept answer that is too old, or whose documents have changed: nobody asks for it again."""
    rests_on, project = aliased(CachedAnswerProject), aliased(Project)
    current = sa.exists().where(
        project.id == rests_on.project_id,
        project.content_version == rests_on.content_version,
        project.deleted_at.is_(None),
    )
    changed = sa.exists().where(rests_on.key == CachedAnswer.key, ~current)
    return sa.or_(CachedAnswer.created_at < old.answers, changed)


def _jobs(old: Moments) -> Rule:
    child = aliased(Job)
    childless = ~sa.exists().where(child.parent_id == Job.id)

    def delete(session: Session, among: Condition) -> Removed:
        # Locked, so that none of them is retried between its last judgement and its end.
        going = sa.select(Job.id).where(among, due_job(Job, old), childless)
        ids = session.scalars(going.with_for_update(of=Job)).all()
        ended = _ended_attempts(session, ids)
        return Removed(delete_where(session, Job, Job.id.in_(ids)), ended)

    return Rule(
        "jobs",
        (Job.id,),
        due_job(Job, old),
        delete,
        order=(Job.parent_id.is_(None),),
        batch=JOBS_BATCH,
    )


def _ended_attempts(session: Session, job_ids: Any) -> Counter[str]:
    """Count the ended attempts of jobs by kind and outcome."""
    outcome = sa.func.coalesce(Attempt.outcome, Job.outcome)
    rows = session.execute(
        sa.select(Job.kind, outcome, sa.func.count())
        .join(Attempt, Attempt.job_id == Job.id)
        .where(Job.id.in_(job_ids), Attempt.ended_at.is_not(None))
        .group_by(Job.kind, outcome)
    )
    return Counter({f"{kind}/{word}": count for kind, word, count in rows})


def due_job(job: Any, old: Moments) -> Condition:
    """A job that may go, together with its children."""
    child = aliased(Job)
    kept_child = sa.exists().where(child.parent_id == job.id, is_not(_due_alone(child, old)))
    return sa.and_(_due_alone(job, old), ~kept_child)


def is_not(condition: Condition) -> Condition:
    """Return what holds where a condition does not, or where it is unknown."""
    return ~sa.func.coalesce(condition, sa.false())


def _due_alone(job: Any, old: Moments) -> Condition:
    attempt = aliased(Attempt)
    works = sa.exists().where(
        attempt.job_id == job.id,
        workflows.c.workflow_uuid == attempt.workflow_id,
        workflows.c.status.in_(OPEN),
    )
    return sa.and_(
        job.outcome.is_not(None),
        sa.case((job.outcome == "failed", job.dismissed_at), else_=job.finished_at) < old.jobs,
        ~_is_latest_of_document(job),
        ~works,
    )


def _is_latest_of_document(job: Any) -> Condition:
    document, later = aliased(Document), aliased(Job)
    exists = sa.exists().where(document.id == job.document_id)
    replaced = sa.exists().where(
        later.document_id == job.document_id,
        later.kind == job.kind,
        sa.tuple_(later.created_at, later.id) > sa.tuple_(job.created_at, job.id),
    )
    return sa.and_(exists, ~replaced)


def _old_event(old: Moments) -> Condition:
    """An event of a job that ended long ago, but never its last one: that is its end."""
    job, last = aliased(Job), aliased(Job)
    ended = sa.select(job.id).where(job.outcome.is_not(None), job.finished_at < old.events)
    number = sa.select(last.last_event).where(last.id == Event.job_id).scalar_subquery()
    return sa.and_(Event.job_id.in_(ended.correlate(None)), Event.number < number)


def steps(old: Moments) -> Rule:
    """The engine's rows of attempts that nobody can go on from, and of all other workflows."""
    child = workflows.alias()
    childless = ~sa.exists().where(child.c.parent_workflow_id == workflows.c.workflow_uuid)
    due = sa.and_(ended_before(old.events), ~_still_needed(old), ~_has_open_child())

    def delete(session: Session, among: Condition) -> Removed:
        ids = session.scalars(sa.select(workflows.c.workflow_uuid).where(among, due, childless))
        return Removed(forget(session, ids.all()))

    return Rule(
        "workflows",
        (workflows.c.workflow_uuid,),
        due,
        delete,
        order=(workflows.c.parent_workflow_id.is_(None),),
        batch=WORKFLOWS_BATCH,
    )


def _has_open_child() -> Condition:
    child = workflows.alias()
    return sa.exists().where(
        child.c.parent_workflow_id == workflows.c.workflow_uuid, child.c.status.in_(OPEN)
    )


def _still_needed(old: Moments) -> Condition:
    """A workflow, or its parent, of a job that is open, ended lately, or can be retried."""
    # One look each: with both in one, no index would help.
    return sa.or_(
        _is_needed_attempt(workflows.c.workflow_uuid, old),
        _is_needed_attempt(workflows.c.parent_workflow_id, old),
    )


def _is_needed_attempt(workflow_id: Any, old: Moments) -> Condition:
    attempt, job = aliased(Attempt), aliased(Job)
    retriable = sa.or_(
        job.outcome == "cancelled", sa.and_(job.outcome == "failed", job.dismissed_at.is_(None))
    )
    return sa.exists().where(
        attempt.workflow_id == workflow_id,
        job.id == attempt.job_id,
        sa.or_(
            job.outcome.is_(None),
            job.finished_at >= old.events,
            sa.and_(retriable, is_not(due_job(job, old))),
        ),
    )
