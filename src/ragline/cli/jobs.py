"""`ragline jobs`: list jobs, look at one, watch, cancel and retry them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from ragline import errors
from ragline.cli.connection import connected, find_project
from ragline.cli.exits import FAILED
from ragline.cli.job_views import print_table, show_job, table_of
from ragline.cli.output import Json, say, write_json
from ragline.cli.watching import watch as watch_jobs
from ragline.client import Client, Conflict, InvalidInput, Job, NotFound

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List jobs, look at one, watch, cancel or retry them.",
)

OPEN = ("pending", "queued", "processing")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job.")]
JobIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of the jobs.")]
Kind = Annotated[str | None, typer.Option(help="Only jobs of this kind, such as ingest or import.")]
ProjectName = Annotated[
    str | None, typer.Option("--project", "-p", help="Only jobs of this project: name or id.")
]
Tag = Annotated[str | None, typer.Option(help="Only jobs with this tag.")]


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
    kind: Kind = None,
    project: ProjectName = None,
    tag: Tag = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only jobs made since then: 30m, 12h, 7d, or a date like 2026-11-22."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most jobs to show.")] = 20,
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    moment = _moment(since) if since is not None else None
    with connected() as client:
        project_id = find_project(client, project).id if project is not None else None
        found = list(
            client.jobs(
                status=status,
                kind=kind,
                project=project_id,
                tag=tag,
                created_after=moment,
                limit=limit,
            )
        )
    if json:
        _write(found)
    elif not found:
        say("No jobs.")
    else:
        print_table(table_of(found))


@app.command()
def show(job_id: JobId, json: Json = False) -> None:
    """Show one job with its attempts, cost, estimate, warnings and error."""
    with connected() as client:
        job = client.job(job_id)
    if json:
        write_json(job.model_dump(mode="json"))
    else:
        show_job(job)


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
        ended = watch_jobs(client, jobs, quiet=json, told=None if json else say)
    if json:
        _write(ended)
    elif not ended:
        say("No open jobs.")
    else:
        for job in ended:
            show_job(job)
    if any(job.status != "completed" for job in ended):
        raise typer.Exit(FAILED)


@app.command()
def cancel(job_ids: JobIds, json: Json = False) -> None:
    """Stop jobs and undo what they built; fails if one of them cannot be cancelled."""
    with connected() as client:
        _each(job_ids, client.cancel, "cancelling", json=json)


@app.command()
def retry(
    job_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of the jobs.")
    ] = None,
    status: Annotated[
        Status | None, typer.Option(help="Instead of ids: all jobs that are failed or cancelled.")
    ] = None,
    kind: Kind = None,
    project: ProjectName = None,
    tag: Tag = None,
    json: Json = False,
) -> None:
    """Retry failed or cancelled jobs where they stopped: those named, or all that fit."""
    if bool(job_ids) == (status is not None) or (job_ids and (kind or project or tag)):
        raise typer.BadParameter("name jobs by their ids, or choose them with --status.")
    with connected() as client:
        if job_ids:
            _each(job_ids, client.retry, "retried", json=json)
            return
        project_id = find_project(client, project).id if project is not None else None
        retried = list(_retry_all(client, status=status, kind=kind, project=project_id, tag=tag))
    if json:
        _write(retried)
        return
    for job in retried:
        say(f"{job.kind} {job.id}: retried")
    say(f"{len(retried)} retried." if retried else "No jobs to retry.")


@app.command()
def dismiss(job_ids: JobIds, json: Json = False) -> None:
    """Let failed jobs go at the next clean-up; fails if one of them has not failed."""
    with connected() as client:
        _each(job_ids, client.dismiss, "dismissed", json=json)


def _each(job_ids: list[str], act: Callable[[str], Job], done: str, *, json: bool) -> None:
    """Do something to each job, whatever becomes of the others; fail if one was refused."""
    jobs: list[Job] = []
    refused: dict[str, str] = {}
    for job_id in job_ids:
        try:
            jobs.append(act(job_id))
        except (NotFound, Conflict, InvalidInput) as problem:
            # Any other would be the same for the next job.
            refused[job_id] = problem.detail
            typer.secho(f"{job_id}: {problem.detail}", err=True, fg=typer.colors.RED)
            continue
        if not json:
            word = jobs[-1].status if jobs[-1].ended and done == "cancelling" else done
            say(f"{jobs[-1].kind} {job_id}: {word}")
    if json:
        shown = [job.model_dump(mode="json") for job in jobs]
        why = [{"job_id": job_id, "reason": reason} for job_id, reason in refused.items()]
        write_json({"jobs": shown, "refused": why})
    if refused:
        raise typer.Exit(FAILED)


def _retry_all(
    client: Client, *, status: str | None, kind: str | None, project: str | None, tag: str | None
) -> Iterable[Job]:
    """Retry jobs, part by part; one that has failed again meanwhile is left as it is."""
    seen: set[str] = set()
    while True:
        part = client.retry_jobs(status=status or "failed", kind=kind, project=project, tag=tag)
        fresh = [job for job in part.jobs if job.id not in seen]
        yield from fresh
        seen |= {job.id for job in fresh}
        if not part.has_more or not fresh:
            return


def _open_jobs(client: Client) -> list[Job]:
    """Return the jobs that have not ended, oldest first; a parent stands for its children."""
    found = [job for status in OPEN for job in client.jobs(status=status)]
    # A job that moves on between two of these calls is met twice.
    roots = {job.id: job for job in found if job.parent_id is None}
    return sorted(roots.values(), key=lambda job: job.created_at)


def _moment(text: str) -> datetime:
    """Return the point in time that an age or a date stands for; dates are local."""
    age = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    try:
        if age is not None:
            return datetime.now(UTC) - timedelta(**{UNITS[age[2]]: int(age[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise errors.InvalidInput(
            f"{text!r} is no time: give an age such as 30m, 12h or 7d, or a date such as "
            "2026-11-22 or 2026-11-22T14:30."
        ) from None


def _write(jobs: list[Job]) -> None:
    write_json({"jobs": [job.model_dump(mode="json") for job in jobs]})
