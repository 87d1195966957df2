"""`ragline zotero`: follow libraries of Zotero, and have reading notes written."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from rich.table import Table

from ragline.cli import importing
from ragline.cli.connection import connected, find_project
from ragline.cli.exits import FAILED
from ragline.cli.job_views import print_table
from ragline.cli.output import Json, plain, say, write_json
from ragline.cli.watching import watch
from ragline.client import Client, Job, NotesPreview, SkippedNote, ZoteroLibrary, ZoteroNote
from ragline.errors import NotFound

KEY_VARIABLE = "ZOTERO_API_KEY"
"""Where the library's key is read; what stands in a command line, every process can see."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Connect libraries of Zotero, sync them, and write reading notes.",
)

ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id of the project.")]


@app.command("list")
def list_libraries(project: ProjectName, json: Json = False) -> None:
    """List the libraries connected to a project, oldest first."""
    with connected() as client:
        found = client.zotero_libraries(find_project(client, project).id)
    if json:
        write_json({"libraries": [library.model_dump(mode="json") for library in found]})
    elif not found:
        say("No libraries.")
    else:
        print_table(_libraries(found))


@app.command()
def add(
    library: Annotated[
        str, typer.Argument(help="users/ or groups/ and its number, such as users/123.")
    ],
    project: Annotated[
        str, typer.Option("--project", "-p", help="Name of the project; made if it is missing.")
    ],
    collections: Annotated[
        list[str] | None,
        typer.Option("--collection", help="Key of a collection to be taken; repeatable."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="What its reading notes should be like, in your words.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Anybody may read it: connect it without a key.")
    ] = False,
    json: Json = False,
) -> None:
    """Connect a library; its key is read from ZOTERO_API_KEY, or asked for."""
    key = None if public else os.environ.get(KEY_VARIABLE) or _asked_key()
    with connected() as client:
        made = client.connect_zotero(
            client.get_or_create_project(project).id,
            library,
            zotero_key=key,
            collections=collections or (),
            prompt=prompt,
        )
    if json:
        write_json(made.model_dump(mode="json"))
    else:
        say(f"{made.library} is connected: `ragline zotero sync` takes in what it holds.")


@app.command()
def sync(
    project: ProjectName,
    library: Annotated[
        str | None, typer.Argument(help="Name or id of a library; else all of the project.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until every document has been read.")] = True,
    json: Json = False,
) -> None:
    """Take in what changed in connected libraries since the last time."""
    with connected() as client:
        libraries = _chosen(client, find_project(client, project).id, library)
        jobs = [client.sync_zotero(each.project_id, each.id) for each in libraries]
        jobs = watch(client, jobs, quiet=json) if wait else jobs
    told = list(zip(libraries, jobs, strict=True))
    if json:
        syncs = [{"library": one.library} | importing.for_machines(job) for one, job in told]
        write_json({"syncs": syncs})
    for one, job in [] if json else told:
        _show_end(one.library, job)
    _end(jobs)


@app.command()
def notes(
    project: ProjectName,
    library: Annotated[
        str | None, typer.Argument(help="Name or id of the library, if there are several.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Have notes written and pushed, and wait for them.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what writing them would come to.")
    ] = False,
    items: Annotated[
        list[str] | None,
        typer.Option("--item", help="Key of a work to write for; repeatable. Else for all."),
    ] = None,
    push: Annotated[bool, typer.Option(help="Push them; else they stay here as previews.")] = True,
    model: Annotated[
        str | None, typer.Option(help="The model that writes; else the server's own.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Their language, such as en or fr; else the document's.")
    ] = None,
    json: Json = False,
) -> None:
    """List the reading notes of a library, or have them written."""
    how: dict[str, Any] = {"items": items or None, "model": model, "language": language}
    with connected() as client:
        one = _only(_chosen(client, find_project(client, project).id, library))
        if dry_run:
            _show_preview(client.preview_notes(one.project_id, one.id, **how), json=json)
        elif write:
            _write(client, one, how | {"push": push}, json=json)
        else:
            _show_notes(list(client.notes(one.project_id, one.id)), json=json)


def _asked_key() -> str:
    return str(
        typer.prompt("Key of the library (zotero.org/settings/keys)", hide_input=True, err=True)
    )


def _chosen(client: Client, project_id: str, reference: str | None) -> list[ZoteroLibrary]:
    """Return the library with this name or id, or all of a project."""
    found = client.zotero_libraries(project_id)
    if reference is not None:
        found = [each for each in found if reference in (each.library, each.id)]
    if not found:
        raise NotFound(
            "There is no such library in this project: `ragline zotero add` connects one."
        )
    return found


def _only(libraries: list[ZoteroLibrary]) -> ZoteroLibrary:
    if len(libraries) > 1:
        names = ", ".join(each.library for each in libraries)
        raise typer.BadParameter(f"there are several libraries; name one of {names}.")
    return libraries[0]


def _write(client: Client, library: ZoteroLibrary, how: dict[str, Any], *, json: bool) -> None:
    """Have notes written, wait for them, and tell what became of each."""
    begun = client.write_notes(library.project_id, library.id, **how)
    jobs = watch(client, [begun.job], quiet=json)
    written = [client.note(library.project_id, library.id, key) for key in begun.items]
    if json:
        job = {"job": jobs[0].model_dump(mode="json")}
        write_json(job | _for_machines(written) | {"skipped": _plain_skipped(begun.skipped)})
    else:
        _show_notes(written, json=False)
        _show_skipped(begun.skipped)
        _show_end(f"Notes for {library.library}", jobs[0])
    _end(jobs)


def _show_end(name: str, job: Job) -> None:
    """Print how a job stands, what it counted, and what its owner should know."""
    counts = [f"{count} {what}" for what, count in (job.result or {}).items() if count]
    say(f"{name}: {', '.join([job.status, *counts])}.", "bold")
    if job.error:
        say(f"✗ {job.error.detail}", "red")
    for warning in job.warnings:
        item = f"{warning['item']}: " if warning.get("item") else ""
        say(f"! {item}{warning.get('message')}", "yellow")


def _end(jobs: list[Job]) -> None:
    if any(
        job.status in ("failed", "cancelled") or (job.children or {}).get("failed") for job in jobs
    ):
        raise typer.Exit(FAILED)


def _libraries(libraries: list[ZoteroLibrary]) -> Table:
    table = Table("id", "library", "items", "documents", "problems", "synced", box=None)
    table.columns[0].no_wrap = True
    for each in libraries:
        counts = (str(each.items), str(each.documents), str(len(each.problems)))
        synced = f"{each.synced_at.astimezone():%Y-%m-%d %H:%M:%S}" if each.synced_at else "-"
        table.add_row(each.id, each.library, *counts, synced)
    return table


def _show_notes(found: list[ZoteroNote], *, json: bool) -> None:
    if json:
        write_json(_for_machines(found))
        return
    if not found:
        say("No notes.")
        return
    table = Table("item", "status", "title", box=None)
    for each in found:
        table.add_row(each.item_key, each.status, plain(each.title or "-"))
    print_table(table)


def _show_preview(found: NotesPreview, *, json: bool) -> None:
    if json:
        write_json(found.model_dump(mode="json"))
        return
    say(f"{found.notes} notes, {found.unchanged} of them unchanged", "bold")
    say(f"  tokens: {found.prompt_tokens} read, {found.completion_tokens} written")
    say(f"  cost: {found.cost:g} USD")
    _show_skipped(found.skipped)


def _show_skipped(skipped: list[SkippedNote]) -> None:
    for each in skipped:
        say(f"- {each.item_key}: not written. {each.reason}", "yellow")


def _for_machines(found: list[ZoteroNote]) -> dict[str, Any]:
    return {"notes": [each.model_dump(mode="json") for each in found]}


def _plain_skipped(skipped: list[SkippedNote]) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in skipped]
