"""Estimates: nothing is claimed that was not measured, and a range holds what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import at_rest, begin, end, queued, shown

from ragline.jobs.estimate import LEAST_MEASURED, Estimate, Measured, remaining
from ragline.models import Attempt, Job, now

SECONDS = st.floats(0, 1e5)
MEASURED = st.lists(
    st.builds(Measured, seconds=SECONDS, units=st.integers(0, 10_000), ended=st.floats(0, 1e9)),
    max_size=20,
)
STEADY = [Measured(seconds=10.0, units=5, ended=10.0 * number) for number in range(10)]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


def of(measured: list[Measured] = STEADY, **known: Any) -> Estimate:
    """Return the estimate of a job; by default it is next and nothing is known of it."""
    nothing: dict[str, Any] = {"ahead": 0, "done": 0, "total": None, "running_for": None}
    found = remaining(measured, **nothing | known)
    assert found is not None
    return found


@given(
    measured=MEASURED,
    ahead=st.integers(0, 100_000),
    done=st.integers(0, 500),
    total=st.none() | st.integers(0, 400),
    running_for=st.none() | SECONDS,
)
def test_range(
    measured: list[Measured], ahead: int, done: int, total: int | None, running_for: float | None
) -> None:
    """Whatever was measured, 0 ≤ low ≤ expected ≤ high."""
    found = remaining(measured, ahead=ahead, done=done, total=total, running_for=running_for)

    assert (found is None) == (len(measured) < LEAST_MEASURED)
    if found is not None:
        slack = 1e-6 * (1 + found.high)
        assert 0 <= found.low <= found.expected + slack
        assert found.expected <= found.high + slack


def test_next_in_line() -> None:
    """A job that is next takes what such jobs take."""

    assert Estimate(10.0, 10.0, 10.0) == of()


def test_line() -> None:
    """Each job ahead adds the time between two ends."""

    assert pytest.approx(10.0 + 7 * 10.0) == of(ahead=7).expected


def test_side_by_side() -> None:
    """Where several run at once, the line moves faster than each of them."""
    pairs = [Measured(10.0, 5, 10.0 * (number // 2)) for number in range(20)]

    assert of(pairs, ahead=10).expected < of(ahead=10).expected


def test_pause() -> None:
    """A night in which nothing was queued says nothing about the pace."""
    after_a_night = [*STEADY, Measured(10.0, 5, 40_000.0)]

    assert of(ahead=5).expected == of(after_a_night, ahead=5).expected


def test_size() -> None:
    """A job with more units takes longer."""

    assert 2 * of(total=5).expected == of(total=10).expected


def test_own_pace() -> None:
    """The further a job is, the more its own pace counts."""
    slow = [of(total=100, done=done, running_for=10.0 * done) for done in (1, 50, 99)]

    # Its pace is 10 s a page, that of others 2 s: at half of it, 50 pages take 6 s each.
    assert pytest.approx([99 * 2.08, 50 * 6, 9.92]) == [each.expected for each in slow]


def test_late() -> None:
    """A job that already takes longer than others is expected to end, not to have ended."""

    assert Estimate(0.0, 0.0, 0.0) == of(running_for=60.0)


def measured(server: InProcessServer, tenant: Tenant, project: str, count: int) -> None:
    """Have jobs of 100 pages and 10 chunks completed that took 20 s each, one after the other."""
    for number in range(count):
        job = queued(tenant, project, f"Measured {number} {now()}.")
        begin(server, job)
        end(server, job, "completed")
        with server.runtime.database.write() as session:
            row = session.get_one(Job, job)
            row.result = {"pages": 100, "chunks": 10}
            row.progress_total, row.progress_unit = 10, "chunks"
            row.finished_at = now() - timedelta(seconds=20 * number)
            attempt = session.get_one(Attempt, (job, 1))
            attempt.ended_at = row.finished_at
            attempt.started_at = row.finished_at - timedelta(seconds=20)


def estimates(job: dict[str, Any]) -> list[float | None]:
    """Return what a job tells of its end: low, expected, high."""
    return [job[f"eta_{each}seconds"] for each in ("low_", "", "high_")]


def test_over_http(server: InProcessServer, tenant: Tenant) -> None:
    """A job tells of its end once enough was measured; lists do not; an ended one does not."""
    project = tenant.project()
    job = queued(tenant, project, "Estimated.")
    before = estimates(shown(tenant, job))
    measured(server, tenant, project, LEAST_MEASURED + 2)
    low, expected, high = estimates(shown(tenant, job))

    assert [None] * 3 == before
    assert low is not None
    assert expected is not None
    assert high is not None
    assert 0 <= low <= expected <= high
    assert pytest.approx(20, abs=0.5) == expected
    listed = tenant.http.get("/v1/jobs", params={"status": "queued"}).json()["jobs"]
    assert [[None] * 3] == [estimates(one) for one in listed]
    end(server, job)
    assert [None] * 3 == estimates(shown(tenant, job))


def test_pages_are_measured_in_pages(server: InProcessServer, tenant: Tenant) -> None:
    """A document that is being read is measured by the pages of others, not by their passages."""
    project = tenant.project()
    measured(server, tenant, project, LEAST_MEASURED)
    job = queued(tenant, project, "Long.")
    begin(server, job)
    with server.runtime.database.write() as session:
        row = session.get_one(Job, job)
        row.progress_done, row.progress_total, row.progress_unit = 0, 200, "pages"

    assert pytest.approx(40, abs=5) == shown(tenant, job)["eta_seconds"]


def test_second_attempt(server: InProcessServer, tenant: Tenant) -> None:
    """A retried job is measured from the beginning of its attempt, not of its first one."""
    project = tenant.project()
    measured(server, tenant, project, LEAST_MEASURED)
    job = queued(tenant, project, "Again.")
    begin(server, job)
    end(server, job)
    tenant.http.post(f"/v1/jobs/{job}/retry")
    begin(server, job)
    with server.runtime.database.write() as session:
        session.execute(
            sa.update(Job).where(Job.id == job).values(started_at=now() - timedelta(days=2))
        )

    assert pytest.approx(20, abs=5) == shown(tenant, job)["eta_seconds"]
