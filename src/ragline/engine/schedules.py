"""Workflows that begin by the clock, once a tick however many workers run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from croniter import croniter  # type: ignore[import-untyped]  # it ships no types
from dbos import DBOS

from ragline.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Schedule:
    """A registered workflow, the cron expression in UTC by which it begins, and its name."""

    name: str
    workflow: str
    cron: str


def checked(name: str, workflow: str, cron: str, *, setting: str) -> Schedule:
    """Return a schedule; raise `ConfigurationError` naming the setting that is no expression."""
    if not croniter.is_valid(cron):
        raise ConfigurationError(
            f"{setting} is not a cron expression: {cron!r}. Write minute, hour, day, month and "
            "weekday, such as '17 3 * * *' for every night at 3:17 UTC."
        )
    return Schedule(name, workflow, cron)


def apply(schedules: Mapping[str, Schedule], workflows: Mapping[str, Callable[..., Any]]) -> None:
    """Make schedules known to the running engine; `workflows` are its functions by name.

    Each worker may do so, at any time and with the same names: the row of a name is there
    once. A workflow is called with the time of its tick and None. Its id follows from the
    schedule's name and that time, so that each tick begins it once over all workers. It runs
    on the engine's own queue, since ours are shared out by tenant and a tick has none.
    """
    DBOS.apply_schedules(
        [
            {
                "schedule_name": schedule.name,
                "workflow_fn": workflows[schedule.workflow],
                "schedule": schedule.cron,
            }
            for schedule in schedules.values()
        ]
    )
