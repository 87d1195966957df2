"""Jobs as people read them: a table of many, a page of one."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ragline.cli.output import plain, say
from ragline.client import Attempt, Job

PIPE_WIDTH = 200


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or wide enough for a pipe."""
    console = Console()
    # What is printed can be made narrower, but never wider, than its console.
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table)


def table_of(jobs: list[Job]) -> Table:
    """Return a table with a line for each job."""
    table = Table("id", "kind", "progress", "created", box=None)
    # An id that is cut cannot be copied.
    for column in table.columns:
        column.no_wrap = True
    table.add_column("status", overflow="fold")
    for job in jobs:
        table.add_row(job.id, job.kind, _progress(job), _time(job.created_at), Text(_note(job)))
    return table


def show_job(job: Job) -> None:
    """Print one job with all that its owner may ask about it."""
    say(f"{job.kind} {job.id}: {job.status}", "bold")
    for name, value in _facts(job):
        say(f"  {name}  {value}")
    if len(job.attempts) > 1:
        for attempt in job.attempts:
            say(f"  attempt {attempt.number}  {_tried(attempt)}")
    for warning in job.warnings:
        say(f"  ! {warning.get('message')}", "yellow")
    if job.error is not None:
        say(f"  {job.error.title}: {job.error.detail}", "red")


def duration(seconds: float) -> str:
    """Return a length of time in its one or two largest units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part_size, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            rest = whole % size // part_size
            return f"{whole // size} {unit} {rest} {part}" if rest else f"{whole // size} {unit}"
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"


def _facts(job: Job) -> list[tuple[str, object]]:
    """Return what is known of a job, by its name, in the order of reading."""
    counts = ", ".join(f"{count} {status}" for status, count in (job.children or {}).items())
    facts = [
        ("progress", _progress(job)),
        ("waiting for", job.waiting_for),
        ("place in the queue", job.queue_position),
        ("expected to end in", _estimate(job)),
        ("documents", counts or None),
        ("tags", ", ".join(job.tags) or None),
        ("not before", job.not_before and _time(job.not_before)),
        ("created", _time(job.created_at)),
        ("started", job.started_at and _time(job.started_at)),
        ("cancelling since", _cancelling_since(job)),
        ("ended", job.finished_at and _time(job.finished_at)),
        ("tokens", job.tokens or None),
        ("cost", f"{job.cost:.4f}" if job.cost else None),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _estimate(job: Job) -> str | None:
    if job.eta_seconds is None:
        return None
    if job.eta_low_seconds is None or job.eta_high_seconds is None:
        return duration(job.eta_seconds)
    low, high = duration(job.eta_low_seconds), duration(job.eta_high_seconds)
    return f"{duration(job.eta_seconds)} ({low} to {high})"


def _cancelling_since(job: Job) -> str | None:
    if job.cancel_requested_at is None or job.ended:
        return None
    return _time(job.cancel_requested_at)


def _tried(attempt: Attempt) -> str:
    if attempt.started_at is None:
        return attempt.outcome or "waiting"
    text = f"{attempt.outcome or 'running'}, began {_time(attempt.started_at)}"
    if attempt.first_step > 1:
        text += f" at step {attempt.first_step}"
    if attempt.ended_at is not None:
        text += f", took {duration((attempt.ended_at - attempt.started_at).total_seconds())}"
    return text if attempt.error is None else f"{text}: {attempt.error.detail}"


def _note(job: Job) -> str:
    if job.error is not None:
        return f"{job.status}: {plain(job.error.detail)}"
    return job.status if job.waiting_for is None else f"{job.status}, waits for {job.waiting_for}"


def _progress(job: Job) -> str:
    progress = job.progress
    total = "?" if progress.total is None else progress.total
    return f"{progress.done}/{total} {progress.unit}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
