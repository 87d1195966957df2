"""`ragline jobs`: list jobs, look at one, watch them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ragline.cli.connection import connected, find_project
from ragline.cli.exits import FAILED
from ragline.cli.output import Json, plain, say, write_json
from ragline.cli.watching import watch as watch_jobs
from ragline.client import Client, Job

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List jobs, look at one, or watch them until they end.",
)

PIPE_WIDTH = 200
OPEN = ("pending", "queued", "processing")
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job.")]


class Status(StrEnum):
    """Where a job can stand."""

    PENDING = "pending"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@app.command("list")
def list_jobs(
    status: Annotated[Status | None, typer.Option(help="Only jobs with this status.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only jobs of this kind, such as ingest or import.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Only jobs of this project: name or id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most jobs to show.")] = 20,
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    with connected() as client:
        project_id = find_project(client, project).id if project is not None else None
        found = list(client.jobs(status=status, kind=kind, project=project_id, limit=limit))
    if json:
        write_json({"jobs": [job.model_dump(mode="json") for job in found]})
    elif not found:
        say("No jobs.")
    else:
        console = Console()
        console.print(_table(found), width=None if console.is_terminal else PIPE_WIDTH)


@app.command()
def show(job_id: JobId, json: Json = False) -> None:
    """Show one job with its attempts, warnings and error."""
    with connected() as client:
        job = client.job(job_id)
    if json:
        write_json(job.model_dump(mode="json"))
    else:
        _show(job)


@app.command()
def watch(
    job_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Id of the job; without one, all open jobs."),
    ] = None,
    json: Json = False,
) -> None:
    """Watch a job, or all open ones, until the end; fails if one of them does."""
    with connected() as client:
        jobs = [client.job(job_id)] if job_id is not None else _open_jobs(client)
        ended = watch_jobs(client, jobs, quiet=json)
    if json:
        write_json({"jobs": [job.model_dump(mode="json") for job in ended]})
    elif not ended:
        say("No open jobs.")
    else:
        for job in ended:
            _show(job)
    if any(job.status != "completed" for job in ended):
        raise typer.Exit(FAILED)


def _open_jobs(client: Client) -> list[Job]:
    """Return the jobs that have not ended, oldest first; a parent stands for its children."""
    found = [job for status in OPEN for job in client.jobs(status=status)]
    # A job that moves on between two of these calls is met twice.
    roots = {job.id: job for job in found if job.parent_id is None}
    return sorted(roots.values(), key=lambda job: job.created_at)


def _table(jobs: list[Job]) -> Table:
    table = Table("id", "kind", "progress", "created", box=None)
    # An id that is cut cannot be copied.
    for column in table.columns:
        column.no_wrap = True
    table.add_column("status", overflow="fold")
    for job in jobs:
        note = job.status if job.error is None else f"{job.status}: {plain(job.error.detail)}"
        table.add_row(job.id, job.kind, _progress(job), _time(job.created_at), Text(note))
    return table


def _show(job: Job) -> None:
    say(f"{job.kind} {job.id}: {job.status}", "bold")
    say(f"  progress  {_progress(job)}")
    if job.queue_position is not None:
        say(f"  place in the queue  {job.queue_position}")
    if job.children:
        counts = ", ".join(f"{count} {status}" for status, count in job.children.items())
        say(f"  documents  {counts}")
    times = (("created", job.created_at), ("started", job.started_at), ("ended", job.finished_at))
    for name, moment in times:
        if moment is not None:
            say(f"  {name}  {_time(moment)}")
    if len(job.attempts) > 1:
        say(f"  attempts  {len(job.attempts)}")
    for warning in job.warnings:
        say(f"  ! {warning.get('message')}", "yellow")
    if job.error is not None:
        say(f"  {job.error.title}: {job.error.detail}", "red")


def _progress(job: Job) -> str:
    progress = job.progress
    total = "?" if progress.total is None else progress.total
    return f"{progress.done}/{total} {progress.unit}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
