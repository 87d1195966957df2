"""Jobs that are watched until they end."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.cli.output import progress_bar
from ragline.client import Client, Job


def watch(client: Client, jobs: Sequence[Job], *, quiet: bool = False) -> list[Job]:
    """Wait for jobs in their order, drawing how far they are; return their ends."""
    ended: list[Job] = []
    with progress_bar(quiet=quiet) as bar:
        for job in jobs:
            task = bar.add_task(_title(job), total=None, unit="")
            last = job
            for last in client.wait_for(job.id):
                progress = last.progress
                bar.update(task, completed=progress.done, total=progress.total, unit=_state(last))
            ended.append(last)
            bar.remove_task(task)
    return ended


def _title(job: Job) -> str:
    return f"{job.kind} {job.id[:8]}"


def _state(job: Job) -> str:
    if job.queue_position is not None:
        return f"queued, place {job.queue_position}"
    progress = job.progress
    total = "" if progress.total is None else f"/{progress.total}"
    return f"{job.status}, {progress.done}{total} {progress.unit}"
