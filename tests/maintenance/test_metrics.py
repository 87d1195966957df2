"""Figures for Prometheus: what they say, who may read them, and that all are documented."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from sqlalchemy.orm import Session
from tests.inprocess import InProcessServer, Tenant
from tests.maintenance.rows import NOW, Rows, settings

from ragline.database import Database
from ragline.maintenance import metrics, retention, rules, totals
from ragline.maintenance.rules import Removed
from ragline.models import Executor, ProviderCall, ProviderLimit, QueueState, new_id

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
Figures = dict[tuple[str, ...], float]


def parsed(text: str) -> Figures:
    """Return all samples by name and label values."""
    families = list(text_string_to_metric_families(text))
    return {_key(sample): sample.value for family in families for sample in family.samples}


def _key(sample: Sample) -> tuple[str, ...]:
    return (sample.name, *(value for _, value in sorted(sample.labels.items())))


def read(database: Database) -> Figures:
    """Return all figures of a database."""
    return parsed(metrics.text(database, NOW, dead_after_seconds=7).decode())


@pytest.fixture
def anyone(server: InProcessServer) -> Iterator[httpx2.Client]:
    """A client on this machine without a key."""
    with server.client() as http:
        yield http


def test_page_lists_what_is_given(anyone: httpx2.Client) -> None:
    """The page of metrics and the answer name the same figures, with type and labels."""

    text = anyone.get("/metrics").text
    given = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    row = r"^\| `(\w+)(?:\{[\w,]+\})?` \| (\w+) \|"
    listed = dict(re.findall(row, PAGE.read_text(), re.MULTILINE))

    assert given == listed


def test_labels_are_those_of_the_page(rows: Rows, database: Database) -> None:
    """Every sample has the labels that the page names."""

    rows.job("failed", days=1)
    rows.job(None, waiting_for="provider:openai")
    rows.add(ProviderLimit(provider="openai", blocked_until=0.0))
    pattern = r"^\| `(\w+)(?:\{([\w,]+)\})?`"
    listed = dict(re.findall(pattern, PAGE.read_text(), re.MULTILINE))
    text = metrics.text(database, NOW, dead_after_seconds=7).decode()
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]

    assert [] == [
        sample
        for sample in samples
        if {*sample.labels} != {*filter(None, listed[sample.name].split(","))}
    ]


def test_open_jobs_by_queue(rows: Rows, database: Database) -> None:
    """Open jobs are counted by queue and status, with the age of the oldest; others are 0."""

    rows.job(None, days=1)
    rows.job(None, days=2)
    rows.job("completed")
    figures = read(database)

    assert 2 == figures["ragline_jobs", "ingest", "processing"]
    assert 0 == figures["ragline_jobs", "chat", "queued"]
    assert 3 * 86400 == figures["ragline_oldest_job_age_seconds", "ingest", "processing"]


def test_dead_letters(rows: Rows, database: Database) -> None:
    """Failed jobs are counted until they are dismissed."""

    rows.job("failed", days=1)
    rows.job("failed", days=1, dismissed=0.5)

    assert 1 == read(database)["ragline_dead_letters", "ingest"]


def test_counters_survive_retention(rows: Rows, database: Database) -> None:
    """What has ended stays counted when its rows are removed, and the removal is counted."""

    rows.job(days=100)
    rows.job(days=1)
    before = read(database)
    jobs = retention.rules(retention.moments(settings(), NOW))[-1]

    def note(session: Session, what: str, removed: Removed) -> None:
        totals.add(session, what, removed)

    rules.remove(database, jobs, note=note)
    after = read(database)

    assert 2 == before["ragline_jobs_ended_total", "ingest", "completed"]
    assert 2 == after["ragline_jobs_ended_total", "ingest", "completed"]
    assert 1 == after["ragline_retention_removed_total", "jobs"]


def test_workers_queues_and_providers(rows: Rows, database: Database) -> None:
    """Live workers, paused queues and calls to providers are told."""

    moment = NOW.timestamp()
    rows.add(
        Executor(id="alive", host="h", process=1, started=0.0, heartbeat=moment - 1),
        Executor(id="dead", host="h", process=1, started=0.0, heartbeat=moment - 99),
        QueueState(name="pages", paused_at=NOW),
        ProviderLimit(provider="openai", blocked_until=moment + 5),
    )
    for started, expires, ended in (
        (moment, moment + 9, None),
        (None, moment + 9, None),
        (moment, moment + 9, moment),
        (moment - 9, moment - 1, None),
    ):
        rows.add(
            ProviderCall(
                id=new_id(),
                provider="openai",
                asked=moment,
                started=started,
                expires=expires,
                ended=ended,
            )
        )
    figures = read(database)

    assert 1 == figures["ragline_workers",]
    assert (1, 0) == (
        figures["ragline_queue_paused", "pages"],
        figures["ragline_queue_paused", "ingest"],
    )
    assert (1, 1) == (
        figures["ragline_provider_calls", "openai", "under_way"],
        figures["ragline_provider_calls", "openai", "waiting"],
    )
    assert 5 == figures["ragline_provider_blocked_seconds", "openai"]


def test_served_figures(anyone: httpx2.Client, tenant: Tenant) -> None:
    """A running server tells of its worker and of the jobs that it completed."""

    tenant.ingest_text(tenant.project(), f"Words about a lighthouse at {time.time()}.")
    answer = anyone.get("/metrics")
    figures = parsed(answer.text)

    assert answer.headers["content-type"].startswith("text/plain")
    assert 1 <= figures["ragline_workers",]
    assert 1 <= figures["ragline_jobs_ended_total", "ingest", "completed"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_proxied_callers_need_a_key(anyone: httpx2.Client, tenant: Tenant, header: str) -> None:
    """A caller behind a proxy on this machine is not on this machine."""

    headers = {header: "192.0.2.1"}

    assert 401 == anyone.get("/metrics", headers=headers).status_code
    assert 200 == tenant.http.get("/metrics", headers=headers).status_code
