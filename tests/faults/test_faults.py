"""Faults at random under load violate nothing; `make faults` is the same at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import faults
from tests.faults.driver import play

SEED = 20261122
SHORT_KILLS = 6
KILLS_ONLY: dict[faults.Inject, int] = {faults.kill_worker: 2, faults.kill_server: 1}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("setup", ["embedded", "scaled"])
def test_kills_under_load_violate_nothing(tmp_path: Path, setup: str) -> None:
    """After SIGKILLs that met work under way, all that Ragline guarantees holds."""
    report = play(setup, tmp_path, SEED, SHORT_KILLS, only=KILLS_ONLY)

    assert [] == report.violations
    assert SHORT_KILLS <= report.landed


def test_points_of_all_parts_are_known() -> None:
    """The driver finds the failpoints in the source, of accepting and of each kind of work."""
    areas = {point.partition(".")[0] for point in faults.failpoints()}

    assert {"accept", "ingest", "undo", "webhook", "cleanup", "sweep", "chat"} <= areas
