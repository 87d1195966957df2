"""`ragline doctor`: compare rows, files and vectors, explain each difference, and repair."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from ragline import bootstrap, worker
from ragline.bootstrap import Runtime
from ragline.cli import logs
from ragline.cli.connection import connected
from ragline.cli.exits import FAILED
from ragline.cli.output import Json, say, write_json
from ragline.cli.watching import watch
from ragline.client import Client, Diagnosis
from ragline.doctor import service
from ragline.engine import queues
from ragline.models import Job
from ragline.settings import load_settings

LOOK_SECONDS = 0.2
app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what differs, then look again.")
    ] = False,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="Only the indexes of this project, by name or id."),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Look at the data directory itself; no server may run."),
    ] = False,
    json: Json = False,
) -> None:
    """Compare rows, files and vectors, explain each difference, and repair on request."""
    result, found = _offline(repair, project) if offline else _online(repair, project, quiet=json)
    if json:
        write_json({"repair": result, **found.model_dump(mode="json")})
    else:
        _say(result, found)
    if not found.healthy:
        raise typer.Exit(FAILED)


def _online(
    repair: bool, project: str | None, *, quiet: bool
) -> tuple[dict[str, Any] | None, Diagnosis]:
    with connected() as client:
        project_id = _id_of(client, project)
        result = None
        if repair:
            [job] = watch(client, [client.repair(project_id=project_id)], quiet=quiet)
            result = job.result or {"error": job.error.detail if job.error else job.status}
        return result, client.doctor(project_id=project_id)


def _id_of(client: Client, project: str | None) -> str | None:
    """Return a project's id; one of another tenant is given by its id."""
    if project is None:
        return None
    found = client.project_named(project)
    return found.id if found else project


def _offline(repair: bool, project: str | None) -> tuple[dict[str, Any] | None, Diagnosis]:
    with _runtime(works=repair) as runtime:
        result = None
        if repair:
            result = _ended(runtime, service.begin_repair(runtime, project_id=project).job.id)
        found = service.diagnose(runtime, project_id=project)
        return result, Diagnosis.model_validate(found.model_dump(mode="json"))


@contextmanager
def _runtime(*, works: bool) -> Iterator[Runtime]:
    """Give the runtime of the settings, with a worker for operators' jobs where one is needed."""
    settings = load_settings()
    logs.configure(settings.log_level)
    runtime = bootstrap.build(settings)
    try:
        if works:
            worker.start(runtime, listen=(queues.DEFAULT,))
        else:
            runtime.open()
        yield runtime
    finally:
        runtime.close()


def _ended(runtime: Runtime, job_id: str) -> dict[str, Any]:
    while True:
        with runtime.database.read() as session:
            job = session.get_one(Job, job_id)
        if job.outcome is not None:
            return dict(job.result or job.error or {})
        time.sleep(LOOK_SECONDS)


def _say(result: dict[str, Any] | None, found: Diagnosis) -> None:
    if result is not None:
        done = {**result.get("removed", {}), **result.get("repaired", {})}
        counts = ", ".join(f"{count} {kind}" for kind, count in done.items())
        say(f"Repaired: {counts or 'nothing'}.")
        if "error" in result:
            say(str(result["error"]), "red")
    for difference in found.differences:
        say(f"- {difference.message}", "" if difference.repairable else "yellow")
    looked = ", ".join(f"{count} {what}" for what, count in found.looked.items())
    say(f"Looked at {looked}.")
    if found.healthy:
        say("Everything is as it should be.", "green")
    else:
        repairable = sum(each.repairable for each in found.differences)
        more = f"; `ragline doctor --repair` acts on {repairable}" if repairable else ""
        say(f"{found.total} differences{more}.", "red")
