"""Jobs that are watched until they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.progress import Progress, TaskID

from ragline.cli.output import progress_bar
from ragline.client import Client, Event, Job

Told = Callable[[str], None]


def watch(
    client: Client, jobs: Sequence[Job], *, quiet: bool = False, told: Told | None = None
) -> list[Job]:
    """Wait for jobs in their order, drawing how far they are; return their ends.

    `told` receives a line for what their owner should know meanwhile.
    """
    with progress_bar(quiet=quiet) as bar:
        return [_watch(client, job.id, bar, told) for job in jobs]


def _watch(client: Client, job_id: str, bar: Progress, told: Told | None) -> Job:
    """Follow a job to its end, and further if it was retried meanwhile."""
    job = client.job(job_id)
    last: int | None = None
    task = bar.add_task(_title(job), total=None, unit=_state(job))
    while not job.ended:
        for event in client.events(job.id, after=last):
            last = event.number or last
            _draw(bar, task, event)
            line = _line(event)
            if told is not None and line is not None:
                told(f"{_title(job)}: {line}")
            if event.ends_job:
                break  # the job itself says whether this was the end
        job = client.job(job_id)
    bar.remove_task(task)
    return job


def _draw(bar: Progress, task: TaskID, event: Event) -> None:
    details = event.model_extra or {}
    if "done" not in details:
        if event.type != "job.queued":  # the place in the queue says more
            bar.update(task, unit=event.type.removeprefix("job."))
        return
    done, total, unit = details["done"], details.get("total"), details.get("unit", "")
    of = "" if total is None else f"/{total}"
    bar.update(task, completed=done, total=total, unit=f"processing, {done}{of} {unit}")


def _line(event: Event) -> str | None:
    """Return what an event means for the job's owner, if it is more than progress."""
    details = event.model_extra or {}
    if event.type == "job.recovered":
        return "its worker died; another one goes on"
    if event.type == "job.retrying":
        return f"attempt {details.get('attempt', '')} begins".replace("  ", " ")
    if event.type == "stream.gap":
        return "older events were removed"
    warning = details.get("warning")
    if isinstance(warning, dict):
        warning = warning.get("message")
    return f"! {warning}" if warning else None


def _title(job: Job) -> str:
    return f"{job.kind} {job.id[:8]}"


def _state(job: Job) -> str:
    if job.queue_position is not None:
        return f"queued, place {job.queue_position}"
    return job.status
