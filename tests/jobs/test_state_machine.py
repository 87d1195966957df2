"""The job contract under random histories, the same on SQLite and on PostgreSQL.

`RAGLINE_MACHINE_EXAMPLES=2000` plays that many histories, others each time; without it the same
few are played every time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.orm import Session
from tests.jobs.job_machine import JobMachine
from tests.jobs.job_world import Order, Run, World, opened
from tests.postgres import Postgres

from ragline.jobs.events import record
from ragline.models import Attempt, Job

MORE = int(os.environ.get("RAGLINE_MACHINE_EXAMPLES", "0"))
HISTORIES = settings(
    max_examples=MORE or 45,
    stateful_step_count=30,
    deadline=None,
    derandomize=not MORE,
    database=None,
    # A step writes to two databases and reads from both.
    suppress_health_check=[HealthCheck.too_slow],
)
UNTIL_FOUND = settings(HISTORIES, max_examples=300, derandomize=True, phases=[Phase.generate])


@pytest.mark.timeout(0 if MORE else 300)
def test_equal_histories(tmp_path: Path, postgres: Postgres) -> None:
    """Whatever clients, workers and the engine do, both databases show what the contract says."""

    url = postgres.new_database()
    with (
        opened(World("sqlite", tmp_path / "a")) as small,
        opened(World("postgresql", tmp_path / "b", database_url=url)) as large,
    ):
        run_state_machine_as_test(lambda: JobMachine([small, large]), settings=HISTORIES)


class LateSteps(World):
    """Steps ask nobody whether their attempt is still the job's."""

    def open_job(self, session: Session, run: Run) -> Job:
        """Return the job, whoever asks."""
        return session.get_one(Job, run.job)


class SecondEnds(World):
    """A job is ended whether or not it has ended."""

    def complete(self, run: Run) -> bool:
        """End the job."""
        with self.database.write() as session:
            job = session.get_one(Job, run.job)
            job.outcome = "completed"
            record(session, job, "job.completed")
        return True


class SilentEnds(World):
    """A failure is not told."""

    def fail(self, run: Run) -> None:
        """End the attempt without an event."""
        with self.database.write() as session:
            ended = {"outcome": "failed"}
            session.execute(sa.update(Job).where(Job.id == run.job).values(ended))
            session.execute(sa.update(Attempt).where(Attempt.job_id == run.job).values(ended))


class LostHistory(World):
    """A retry forgets how the attempt before it ended."""

    def retry(self, job_id: str) -> None:
        """Retry a job and clear its attempts."""
        super().retry(job_id)
        with self.database.write() as session:
            mine = sa.update(Attempt).where(Attempt.job_id == job_id)
            session.execute(mine.values(outcome=None, ended_at=None))


class SecondAcceptances(World):
    """A request that is sent again is done again."""

    def accept(self, order: Order, key: str | None, asked: tuple[Any, ...]) -> str:
        """Accept a job under no key."""
        return super().accept(order, None, asked)


class LostWork(World):
    """Nobody takes over the work of the dead."""

    def sweep(self) -> list[str]:
        """Find nothing."""
        return []


@pytest.mark.parametrize(
    "broken", [LateSteps, SecondEnds, SilentEnds, LostHistory, SecondAcceptances, LostWork]
)
def test_planted_fault_is_found(tmp_path: Path, broken: type[World]) -> None:
    """The machine finds a safeguard that is missing."""

    with opened(broken("broken", tmp_path)) as world, pytest.raises(AssertionError):
        run_state_machine_as_test(lambda: JobMachine([world]), settings=UNTIL_FOUND)
