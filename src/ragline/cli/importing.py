"""Imports from the command line: what is sent, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich.filesize import decimal

from ragline.cli.outcomes import Outcome
from ragline.cli.output import progress_bar, say
from ragline.cli.packing import packed
from ragline.client import Client, ImportPreview, Job, Project
from ragline.client.uploads import Told, size_of

T = TypeVar("T")

IMPORTED = (".zip", ".csv", ".tsv", ".json", ".bib", ".bibtex", ".ris", ".nbib")
"""Files that hold documents instead of being one; files named beside them go with them."""
LEFT_OUT = ("unreadable-type", "nothing-to-read", "refused-entry", "unreadable-export")
"""Warnings that name a file of which nothing was taken."""


@dataclass(frozen=True)
class Wanted:
    """What the sender says of an import."""

    text_column: str | None = None
    id_column: str | None = None
    title_column: str | None = None
    prefix: str | None = None
    clean: bool | None = None
    on_server: bool = False
    products: bool | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The same, as the client takes it."""
        return {
            "text_column": self.text_column,
            "id_column": self.id_column,
            "title_column": self.title_column,
            "prefix": self.prefix,
            "products": self.products,
        }


@dataclass
class Imports:
    """What goes into imports: files that go together, and folders, each on its own."""

    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    @classmethod
    def among(cls, paths: Sequence[Path], *, every: bool) -> Imports:
        """Return which of these paths are imported; `every` takes plain files as well."""
        files = [path for path in paths if not path.is_dir()]
        if not every and not any(path.suffix.lower() in IMPORTED for path in files):
            files = []
        return cls(files, [path for path in paths if path.is_dir()])

    @contextmanager
    def parcels(self) -> Iterator[list[list[Path]]]:
        """Give what each request is to send until the block ends."""
        parcels = [self.files] if self.files else []
        yield from _with_folders(parcels, list(self.folders))


def _with_folders(parcels: list[list[Path]], folders: list[Path]) -> Iterator[list[list[Path]]]:
    if not folders:
        yield parcels
        return
    with packed(folders[0]) as archives:
        yield from _with_folders([*parcels, *([each] for each in archives)], folders[1:])


def send(
    client: Client, project: Project, imports: Imports, wanted: Wanted, *, quiet: bool
) -> list[Job]:
    """Send what is to be imported, drawing the bytes; return the jobs.

    Folders of the server are not sent: it reads them where they are.
    """
    options = {**wanted.options, "clean": wanted.clean}
    if wanted.on_server:
        return [client.import_folder(project.id, str(each), **options) for each in imports.folders]
    return list(
        _each_parcel(
            imports,
            "uploading",
            lambda parcel, told: client.import_files(project.id, parcel, told=told, **options),
            quiet=quiet,
        )
    )


def preview(
    client: Client, project: Project, imports: Imports, wanted: Wanted, *, quiet: bool
) -> list[ImportPreview]:
    """Ask what imports would do, drawing the bytes."""
    options = wanted.options
    if wanted.on_server:
        return [
            client.preview_import(project.id, folder=str(each), **options)
            for each in imports.folders
        ]
    return list(
        _each_parcel(
            imports,
            "looking",
            lambda parcel, told: client.preview_import(project.id, parcel, told=told, **options),
            quiet=quiet,
        )
    )


def _each_parcel(
    imports: Imports, doing: str, send_one: Callable[[list[Path], Told], T], *, quiet: bool
) -> Iterator[T]:
    """Send one parcel after the other, drawing the bytes; yield the answers."""
    with imports.parcels() as parcels, progress_bar(quiet=quiet) as bar:
        total = sum(size_of(path) for parcel in parcels for path in parcel)
        task = bar.add_task(doing, total=total, unit=decimal(total))
        for parcel in parcels:
            yield send_one(parcel, partial(bar.advance, task))


def outcomes_of(client: Client, project: Project, jobs: Sequence[Job]) -> list[Outcome]:
    """Return the documents of imports with the jobs that read them."""
    children = [child for job in jobs for child in client.jobs(parent=job.id)]
    if not children:
        return []
    known = {document.id: document for document in client.documents(project.id)}
    return [
        Outcome(known[child.document_id], child)
        for child in reversed(children)
        if child.document_id in known
    ]


def left_out(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Return the files of which nothing was taken, with the reasons."""
    return [
        (str(each.get("item", "")), str(each.get("message", "")))
        for job in jobs
        for each in job.warnings
        if each.get("code") in LEFT_OUT
    ]


def for_machines(job: Job) -> dict[str, Any]:
    """Return an import as plain values."""
    return {
        "job_id": job.id,
        "status": job.status,
        "result": job.result,
        "warnings": job.warnings,
        "error": job.error.model_dump(mode="json") if job.error else None,
    }


def show(job: Job) -> None:
    """Print what an import says of itself, besides its documents."""
    counts = job.result or {}
    said = [f"{counts[name]} {name}" for name in ("unchanged", "duplicate") if counts.get(name)]
    if said:
        say(f"= {', '.join(said)}", "dim")
    if job.error and not counts:
        say(f"✗ {job.error.detail}", "red")
    for warning in job.warnings:
        if warning.get("code") not in LEFT_OUT:
            item = f"{warning['item']}: " if warning.get("item") else ""
            say(f"! {item}{warning.get('message')}", "yellow")


def show_preview(found: ImportPreview) -> None:
    """Print what an import would do, and how that is known."""
    say(
        f"{found.documents} documents: {found.new} new, {found.changed} changed, "
        f"{found.again} again, {found.unchanged} unchanged, {found.duplicates} duplicates; "
        f"{found.missing_files} missing files",
        "bold",
    )
    cost = "unknown" if found.cost is None else f"{found.cost:g}"
    seconds = "unknown" if found.seconds is None else f"{found.seconds:g} s"
    for name, value in (
        ("pages", found.pages),
        ("tokens", found.tokens),
        ("cost", cost),
        ("seconds", seconds),
    ):
        say(f"  {name}: {value} ({found.basis.get(name, 'estimated')})")
    for warning in found.warnings:
        item = f"{warning['item']}: " if warning.get("item") else ""
        say(f"  ! {item}{warning.get('message')}", "yellow")
