"""What is old goes, a few rows at a time; what anybody may still need stays."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.maintenance.rows import NOW, Rows, settings

from ragline.database import Database
from ragline.maintenance import retention, rules
from ragline.maintenance.rules import Removed, Rule
from ragline.models import (
    Attempt,
    Event,
    Executor,
    IdempotencyKey,
    Job,
    ProviderCall,
    StoredResponse,
    WebhookDelivery,
    WebhookEndpoint,
    new_id,
)


def old_rules() -> list[Rule]:
    """Return all rules of what is old."""
    return retention.rules(retention.moments(settings(), NOW))


def counted(database: Database) -> dict[str, int]:
    """Return what would be removed."""
    with database.read() as session:
        counts = {rule.what: rules.count(session, rule) for rule in old_rules()}
    return {what: count for what, count in counts.items() if count}


def removed(database: Database, **options: Any) -> dict[str, int]:
    """Remove what is old and return how much that was."""
    noted: dict[str, int] = {}

    def note(_session: Session, what: str, gone: Removed) -> None:
        noted[what] = noted.get(what, 0) + gone.count

    for rule in old_rules():
        rules.remove(database, rule, note=note, **options)
    return noted


@pytest.fixture
def everything(rows: Rows) -> Rows:
    """A database with old and young rows of every kind."""
    endpoint = new_id()
    rows.add(
        WebhookEndpoint(
            id=endpoint, tenant_id=rows.tenant_id, url="https://a", events=[], secret="s"
        )
    )
    for number, days in enumerate((1, 40)):
        rows.add(
            IdempotencyKey(
                tenant_id=rows.tenant_id,
                key=f"key {number}",
                fingerprint="0",
                answer={},
                created_at=rows.ago(days * 1.1),
            ),
            WebhookDelivery(
                id=new_id(),
                endpoint_id=endpoint,
                event_cursor=number,
                type="job.completed",
                body="{}",
                status="delivered",
                ended_at=rows.ago(days),
            ),
            ProviderCall(
                id=new_id(),
                provider="openai",
                asked=0.0,
                started=0.0,
                expires=rows.ago(days).timestamp(),
            ),
            Executor(
                id=new_id(),
                host="h",
                process=1,
                started=0.0,
                heartbeat=rows.ago(days / 2).timestamp(),
            ),
        )
    rows.add(
        WebhookDelivery(
            id=new_id(), endpoint_id=endpoint, event_cursor=9, type="t", body="{}", status="pending"
        )
    )
    rows.answer(days=1)
    rows.answer(days=8)
    rows.answer(days=1, versions={rows.project_id: 7})
    rows.answer(days=1, versions={rows.project_id: 0, "gone": 0})
    open_job = rows.job(None)
    for days, job_id in ((200, None), (200, open_job), (1, None)):
        rows.add(
            StoredResponse(
                id=new_id(),
                tenant_id=rows.tenant_id,
                job_id=job_id,
                request={},
                created_at=rows.ago(days),
            )
        )
    parent = rows.job(kind="import", workflow=False)
    for _ in range(3):
        rows.job(parent_id=parent, children=2)
    rows.job(days=50)
    rows.job(days=3)
    rows.job("failed", days=200)
    rows.job("failed", days=200, dismissed=100)
    rows.job("cancelled", days=100)
    rows.job("cancelled", days=50)
    rows.job(None)
    rows.workflow("sched-tick", "SUCCESS", days=40)
    return rows


def test_count_equals_removal(everything: Rows, database: Database) -> None:
    """What is counted beforehand is what is removed."""

    expected = counted(database)

    assert expected == removed(database)
    assert {
        "provider_calls": 2,
        "executors": 1,
        "idempotency_keys": 2,
        "webhook_deliveries": 1,
        # Too old, of a former version, and of a project that is gone.
        "cached_answers": 3,
        # Not the one that is being written.
        "responses": 1,
        # Three children of a parent with two batches each, and four jobs; the tick of a clock.
        "workflows": 3 * 3 + 3 + 1,
        "events": 9 * 2,
        "jobs": 6,
    } == expected


def test_counting_changes_nothing(everything: Rows, database: Database) -> None:
    """Counting leaves every row of every table as it is."""

    before = everything.snapshot()
    counted(database)

    assert before == everything.snapshot()


def test_second_run_removes_nothing(everything: Rows, database: Database) -> None:
    """Nothing is left for a second run at the same moment."""

    removed(database)

    assert {} == counted(database)
    assert {} == removed(database)


def test_dead_letters_survive_until_dismissed(rows: Rows, database: Database) -> None:
    """A failed job is kept, with its steps, until it was dismissed for long enough."""

    kept = {rows.job("failed", days=900), rows.job("failed", days=900, dismissed=80)}
    rows.job("failed", days=900, dismissed=91)
    removed(database)
    with database.read() as session:
        steps = session.scalars(sa.text("SELECT workflow_uuid FROM operation_outputs")).all()

    assert kept == rows.ids(Job)
    assert 1 == len(steps)


def test_running_job_is_untouched(rows: Rows, database: Database) -> None:
    """A job that has not ended keeps every row, however old it is."""

    rows.job(None, days=900, children=2)
    before = rows.snapshot()
    removed(database)

    assert before == rows.snapshot()


def test_job_whose_workflow_runs_is_untouched(rows: Rows, database: Database) -> None:
    """A job that has ended stays while the engine still works on it."""

    job = rows.job(days=900, workflow=False)
    rows.workflow(job, "PENDING", days=900)
    rows.add(Attempt(job_id=job, number=1, workflow_id=job))
    removed(database)

    assert {job} == rows.ids(Job)


def test_latest_job_of_a_document_stays(rows: Rows, database: Database) -> None:
    """A document keeps the job that tells its status; the ones before it go."""

    document = rows.document()
    rows.job("cancelled", days=300, document_id=document, version=1)
    latest = rows.job("cancelled", days=200, document_id=document, version=2)
    removed(database)

    assert {latest} == rows.ids(Job)


def test_jobs_of_a_deleted_document_go(rows: Rows, database: Database) -> None:
    """Where the document is gone, nothing needs its latest job."""

    rows.job(document_id=new_id(), version=1)
    removed(database)

    assert set() == rows.ids(Job)


def test_parent_stays_with_a_child_that_stays(rows: Rows, database: Database) -> None:
    """A parent is removed with the last of its children, not before."""

    parent = rows.job(kind="import", workflow=False)
    letter = rows.job("failed", parent_id=parent)
    rows.job(parent_id=parent)

    assert 1 == counted(database)["jobs"]
    removed(database)
    assert {parent, letter} == rows.ids(Job)


def test_last_event_stays(rows: Rows, database: Database) -> None:
    """Of a job that ended long ago the terminal event is left, under its number."""

    job = rows.job(days=40, events=5)
    removed(database)
    with database.read() as session:
        numbers = session.scalars(sa.select(Event.number).where(Event.job_id == job)).all()
        counted_events = session.get_one(Job, job).last_event

    assert [5] == numbers
    assert 5 == counted_events


def test_steps_of_a_cancelled_job_stay(rows: Rows, database: Database) -> None:
    """A cancelled job can go on from its steps as long as it is kept."""

    rows.job("cancelled", days=80, children=2)

    assert "workflows" not in removed(database)


def test_batches_are_small(rows: Rows, database: Database) -> None:
    """No transaction removes more than its share."""

    rows.job(days=40, events=1201)
    sizes: list[int] = []

    def note(_session: Session, _what: str, gone: Removed) -> None:
        sizes.append(gone.count)

    events = next(rule for rule in old_rules() if rule.what == "events")
    rules.remove(database, events, note=note)

    assert [500, 500, 200] == sizes


def test_failed_note_keeps_the_rows(rows: Rows, database: Database) -> None:
    """A removal and its entry on the receipt are one transaction."""

    rows.job()
    before = rows.snapshot()

    def note(_session: Session, _what: str, _gone: Removed) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        rules.remove(database, old_rules()[-1], note=note)

    assert before == rows.snapshot()


def test_ended_attempts_are_counted(rows: Rows, database: Database) -> None:
    """What counters need of jobs that are gone is told with their removal."""

    rows.job()
    rows.job("cancelled")
    ended: dict[str, int] = {}

    def note(_session: Session, _what: str, gone: Removed) -> None:
        ended.update(gone.ended)

    rules.remove(database, old_rules()[-1], note=note)

    assert {"ingest/completed": 1, "ingest/cancelled": 1} == ended
