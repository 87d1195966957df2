"""The job contract under random histories, the same on SQLite and on PostgreSQL.

`RAGLINE_MACHINE_EXAMPLES=2000` plays that many histories, other ones each time; without it the
same few are played every time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.orm import Session
from tests.jobs.job_machine import JobMachine
from tests.jobs.job_world import Run, World, world
from tests.postgres import Postgres

from ragline.jobs.events import record
from ragline.models import Job

MORE = int(os.environ.get("RAGLINE_MACHINE_EXAMPLES", "0"))
HISTORIES = settings(
    max_examples=MORE or 60,
    stateful_step_count=30,
    deadline=None,
    derandomize=not MORE,
    # A step writes to two databases and reads all of both.
    suppress_health_check=[HealthCheck.too_slow],
)


def test_equal_histories(tmp_path: Path, postgres: Postgres) -> None:
    """Whatever clients, workers and the engine do, both databases show what the contract says."""

    with (
        world(World, "sqlite", tmp_path / "a") as small,
        world(World, "postgresql", tmp_path / "b", database_url=postgres.new_database()) as large,
    ):
        run_state_machine_as_test(lambda: JobMachine([small, large]), settings=HISTORIES)
