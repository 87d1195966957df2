"""Faults at random under load violate nothing; `make faults` is the same at length."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.faults import faults, plan
from tests.faults.round import play

SEED = 20261122
SHORT_KILLS = 4
KILLS_ONLY: dict[faults.Inject, int] = {faults.kill_worker: 2, faults.kill_server: 1}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("setup", ["embedded", "scaled"])
def test_kills_under_load_violate_nothing(tmp_path: Path, setup: str) -> None:
    """After SIGKILLs that met work under way, all that Ragline guarantees holds."""
    report = play(setup, tmp_path, SEED, SHORT_KILLS, only=KILLS_ONLY)

    assert [] == report.violations
    assert SHORT_KILLS <= report.landed


def test_points_of_all_parts_are_known() -> None:
    """The driver finds the failpoints in the source, and knows what leads a process to each."""
    areas = {point.partition(".")[0] for point in faults.failpoints()}

    assert set(plan.REACHED_BY) == areas


@pytest.mark.parametrize("setup", ["embedded", "scaled"])
def test_each_round_has_each_named_kind(setup: str) -> None:
    """A round has a death at a point of each kind that seldom comes by chance."""
    must = [inject for lane in plan.lanes(setup, SEED) for inject in lane.must]
    points = [inject.point for inject in must if isinstance(inject, plan.DieAt)]

    assert [] == [name for name in plan.NAMED if not any(each.startswith(name) for each in points)]


@pytest.mark.parametrize("setup", ["embedded", "scaled"])
def test_rounds_come_to_all_points(setup: str) -> None:
    """What a round is led to begins elsewhere each time and in the end is every point."""
    points = set()
    for lane in plan.lanes(setup, SEED):
        coming = [*lane.must, *itertools.islice(lane.then, len(faults.failpoints()))]
        points |= {inject.point for inject in coming if isinstance(inject, plan.DieAt)}

    assert set(faults.failpoints()) == points
