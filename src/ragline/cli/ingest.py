"""`ragline ingest`: upload files and folders, archives, tables and libraries."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from ragline.cli import importing
from ragline.cli.connection import connected
from ragline.cli.exits import FAILED
from ragline.cli.outcomes import Outcome, summary
from ragline.cli.output import Json, progress_bar, say, write_json
from ragline.cli.watching import watch
from ragline.client import Client, Document, Job, Project, Upload, files_in
from ragline.client.uploads import size_of

app = typer.Typer(add_completion=False)


@dataclass
class Sent:
    """What the server took, with the jobs it opened, and what it refused with the reason."""

    documents: list[Document] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, upload: Upload) -> None:
        """Note what became of one request."""
        known = {document.id for document in self.documents}
        self.documents += [document for document in upload.documents if document.id not in known]
        if upload.job is not None:
            self.jobs.append(upload.job)
        self.refused += [(one.filename, one.problem.detail) for one in upload.rejected]


Clean = Annotated[
    bool | None,
    typer.Option(
        help="Have a model repair passages that were read badly, or not; the project's word "
        "holds where nothing is said."
    ),
]
OnServer = Annotated[
    bool,
    typer.Option(
        "--on-server",
        help="The paths are folders of the server, below a root that its operator allows: "
        "nothing is uploaded.",
    ),
]


@app.command()
def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Files and folders, ZIP archives, CSV tables, and exports of reference libraries "
            "(Zotero JSON, CSL-JSON, BibTeX, RIS) with their files; hidden files are skipped.",
        ),
    ],
    project: Annotated[
        str, typer.Option("--project", "-p", help="Name of the project; made if it is missing.")
    ],
    wait: Annotated[
        bool, typer.Option(help="Wait until every document is searchable or has failed.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing of it.")
    ] = False,
    text_column: Annotated[
        str | None, typer.Option(help="The column of tables that holds the texts.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="The column of tables that names their rows for good.")
    ] = None,
    title_column: Annotated[
        str | None, typer.Option(help="The column of tables that holds the titles.")
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(help="What stands before the external ids: another one for each source."),
    ] = None,
    clean: Clean = None,
    on_server: OnServer = False,
    json: Json = False,
) -> None:
    """Upload files and folders, archives, tables and reference libraries into a project."""
    imports = _imports(paths, every=dry_run, on_server=on_server)
    plain = [path for path in paths if path not in (*imports.files, *imports.folders)]
    wanted = importing.Wanted(text_column, id_column, title_column, prefix, clean, on_server)
    with connected() as client:
        target = client.get_or_create_project(project)
        if dry_run:
            _preview(client, target, imports, wanted, json=json)
            return
        sent = _send(client, target, plain, clean=clean, quiet=json)
        jobs = importing.send(client, target, imports, wanted, quiet=json)
        if wait:
            sent.jobs = watch(client, sent.jobs, quiet=json)
            jobs = watch(client, jobs, quiet=json)
        outcomes = _outcomes(client, sent) + importing.outcomes_of(client, target, jobs)
    refused = sent.refused + importing.left_out(jobs)
    _report(target, outcomes, refused, jobs, json=json)
    # What a folder happens to hold may be refused; what was asked for by name may not.
    missed = {path.name for path in paths} & {name for name, _ in refused}
    nothing = not outcomes and not jobs
    if missed or nothing or any(one.failed for one in outcomes) or _have_failed(jobs):
        raise typer.Exit(FAILED)


def _have_failed(jobs: list[Job]) -> bool:
    return any(job.status in ("failed", "cancelled") for job in jobs)


def _preview(
    client: Client,
    project: Project,
    imports: importing.Imports,
    wanted: importing.Wanted,
    *,
    json: bool,
) -> None:
    """Say what would become of each import."""
    found = importing.preview(client, project, imports, wanted, quiet=json)
    if json:
        imports_found = [each.model_dump(mode="json") for each in found]
        write_json({"project": project.model_dump(mode="json"), "imports": imports_found})
        return
    for each in found:
        importing.show_preview(each)
    if not found:
        say("There is nothing to upload.", "yellow")


def _imports(paths: list[Path], *, every: bool, on_server: bool) -> importing.Imports:
    """Return what is imported; each path must be there, unless it is one of the server."""
    if on_server:
        return importing.Imports(folders=list(paths))
    for path in paths:
        if not path.exists():
            raise typer.BadParameter(f"Path '{path}' does not exist.")
    return importing.Imports.among(paths, every=every)


def _send(
    client: Client, project: Project, paths: list[Path], *, clean: bool | None, quiet: bool
) -> Sent:
    """Upload files in batches, drawing the bytes."""
    sent = Sent()
    total = sum(size_of(path) for path in files_in(paths))
    with progress_bar(quiet=quiet) as bar:
        task = bar.add_task("uploading", total=total, unit=decimal(total))
        told = partial(bar.advance, task)
        for upload in client.upload_all(project.id, paths, told=told, clean=clean):
            sent.add(upload)
    return sent


def _outcomes(client: Client, sent: Sent) -> list[Outcome]:
    """Return each document with the job that reads it."""
    job_of: dict[str | None, Job] = {}
    for job in sent.jobs:
        children = [job] if job.document_id else client.jobs(parent=job.id)
        job_of |= {child.document_id: child for child in children}
    return [Outcome(document, job_of.get(document.id)) for document in sent.documents]


def _report(
    project: Project,
    outcomes: list[Outcome],
    refused: list[tuple[str, str]],
    jobs: list[Job],
    *,
    json: bool,
) -> None:
    if json:
        write_json(
            {
                "project": project.model_dump(mode="json"),
                "documents": [outcome.for_machines() for outcome in outcomes],
                "rejected": [{"filename": name, "reason": why} for name, why in refused],
                "imports": [importing.for_machines(job) for job in jobs],
            }
        )
        return
    for outcome in outcomes:
        outcome.show()
    for job in jobs:
        importing.show(job)
    for name, why in refused:
        say(f"- {name}: not taken. {why}", "yellow")
    say(f"Project {project.name!r}: {summary(outcomes, len(refused))}.", "bold")
