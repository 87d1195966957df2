"""`ragline reembed`: another model or store for a project, which answers all the while."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from ragline.cli.connection import connected, find_project
from ragline.cli.exits import FAILED
from ragline.cli.output import Json, say, write_json
from ragline.cli.watching import watch
from ragline.client import Client, Job, ProjectIndex, ProjectIndexes

app = typer.Typer(add_completion=False)


@app.command()
def reembed(
    project: Annotated[str, typer.Argument(help="Name or id of the project.")],
    embedder: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Model, such as openai:NAME; else the same.")
    ] = None,
    vector_store: Annotated[
        str | None, typer.Option(metavar="NAME", help="Vector store; else the same.")
    ] = None,
    questions: Annotated[
        int | None, typer.Option(min=1, max=500, help="Questions asked of both indexes.")
    ] = None,
    check: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SHARE", help="Least share of equal results."),
    ] = None,
    eval: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help='JSON lines {"question": …, "documents": [id, …]}: they decide instead.',
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Swap whatever the check says.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back to the previous index at once.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Only show the project's indexes.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the end of the job.")] = True,
    json: Json = False,
) -> None:
    """Search a project with another model or in another store; it answers all the while."""
    with connected() as client:
        found = find_project(client, project)
        if rollback or show or (embedder is None and vector_store is None):
            if not (rollback or show):
                raise typer.BadParameter("give --embedder, --vector-store, --rollback or --show.")
            _show_indexes(
                client.roll_back_reembedding(found.id)
                if rollback
                else client.project_indexes(found.id),
                json=json,
            )
            return
        job = client.reembed(
            found.id,
            embedder=embedder,
            vector_store=vector_store,
            questions=questions,
            overlap=check,
            eval=_known_answers(eval),
            force=force,
        )
        _end(client, job, wait=wait, json=json)


def _end(client: Client, job: Job, *, wait: bool, json: bool) -> None:
    if wait:
        [job] = watch(client, [job], quiet=json)
    if json:
        write_json(job.model_dump(mode="json"))
    elif not wait:
        say(f"The job {job.id} is queued: `ragline jobs watch {job.id}`.")
    else:
        _say_end(job)
    if wait and not (job.status == "completed" and (job.result or {}).get("swapped")):
        raise typer.Exit(FAILED)


def _say_end(job: Job) -> None:
    result = job.result or {}
    if job.status != "completed":
        say(f"{job.status}. {job.error.detail if job.error else ''}".strip(), "red")
        return
    for warning in job.warnings:
        say(
            str(warning.get("message", "")) if isinstance(warning, dict) else str(warning), "yellow"
        )
    if result.get("swapped"):
        check = result.get("check", {})
        say(
            f"Swapped; {check.get('overlap', 1):.0%} of the results of {check.get('questions', 0)} "
            "questions are the same. `--rollback` goes back."
        )


def _show_indexes(indexes: ProjectIndexes, *, json: bool) -> None:
    if json:
        write_json(indexes.model_dump(mode="json"))
        return
    named = {
        "searched in": indexes.main,
        "better": indexes.better,
        "being filled": indexes.filling,
        "previous": indexes.previous,
    }
    for name, index in named.items():
        if index is not None:
            say(f"{name}: {_described(index)}")
    if indexes.previous_until is not None:
        say(f"The previous index is kept until {indexes.previous_until:%Y-%m-%d %H:%M} UTC.")


def _described(index: ProjectIndex) -> str:
    return (
        f"{index.embedder} in {index.vector_store}, {index.dimensions} dimensions, "
        f"{index.chunks} of {index.of} passages"
    )


def _known_answers(path: Path | None) -> list[dict[str, Any]] | None:
    if path is None:
        return None
    try:
        lines = path.read_text("utf-8").splitlines()
        return [json_format.loads(line) for line in lines if line.strip()]
    except ValueError as error:
        raise typer.BadParameter(f"{path} holds no JSON lines: {error}.") from None
