"""`ragline images`: products with their pictures; find them by picture and words."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from ragline.cli import importing
from ragline.cli.connection import connected, find_project
from ragline.cli.exits import FAILED
from ragline.cli.output import Json, say, write_json
from ragline.cli.watching import watch
from ragline.client import Job, ProductHit

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Send products with their pictures, find and delete them.",
)

ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id of the project.")]
ProductId = Annotated[str, typer.Argument(help="Your id of the product.")]
Picture = Annotated[
    Path | None, typer.Option("--image", "-i", exists=True, dir_okay=False, help="A picture.")
]


@app.command()
def add(
    project: Annotated[
        str, typer.Option("--project", "-p", help="Name of the project; made if it is missing.")
    ],
    product_id: ProductId,
    image: Picture = None,
    name: Annotated[str | None, typer.Option(help="The product's name.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is.")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object to filter by.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until it is searchable or has failed.")] = True,
    json: Json = False,
) -> None:
    """Send a product, or change one: what is not given stays as it is."""
    with connected() as client:
        sent = client.send_product(
            client.get_or_create_project(project).id,
            product_id,
            image,
            name=name,
            description=description,
            metadata=_object(metadata),
        )
        jobs = [] if sent.job is None else [sent.job]
        jobs = watch(client, jobs, quiet=json) if wait else jobs
    if json:
        shown = jobs[0].model_dump(mode="json") if jobs else None
        write_json({"product_id": product_id, "job": shown})
    elif not jobs:
        say(f"{product_id}: nothing has changed.")
    else:
        error = f" {jobs[0].error.detail}" if jobs[0].error else ""
        say(f"{product_id}: {jobs[0].status}.{error}")
    if any(job.status in ("failed", "cancelled") for job in jobs):
        raise typer.Exit(FAILED)


@app.command(name="import")
def import_products(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            exists=True,
            help="A ZIP archive or a folder with a CSV table of products and their pictures, or "
            "the table and the pictures themselves.",
        ),
    ],
    project: Annotated[
        str, typer.Option("--project", "-p", help="Name of the project; made if it is missing.")
    ],
    wait: Annotated[
        bool, typer.Option(help="Wait until every product is searchable or has failed.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing of it.")
    ] = False,
    id_column: Annotated[
        str | None, typer.Option(help="The column that holds your ids of the products.")
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="What stands before the ids.")] = None,
    json: Json = False,
) -> None:
    """Send many products at once; what is there already and is no different is left alone."""
    imports = importing.Imports.among(paths, every=True)
    wanted = importing.Wanted(id_column=id_column, prefix=prefix, products=True)
    with connected() as client:
        target = client.get_or_create_project(project)
        if dry_run:
            found = importing.preview(client, target, imports, wanted, quiet=json)
            if json:
                write_json({"imports": [each.model_dump(mode="json") for each in found]})
            for each in [] if json else found:
                importing.show_preview(each)
            return
        sent = importing.send(client, target, imports, wanted, quiet=json)
        jobs = watch(client, sent, quiet=json) if wait else sent
    _tell(jobs, json=json)


@app.command()
def reindex(
    project: ProjectName,
    wait: Annotated[bool, typer.Option(help="Wait until all products are built again.")] = True,
    json: Json = False,
) -> None:
    """Build products again whose vectors are an earlier model's."""
    with connected() as client:
        started = client.reindex_products(find_project(client, project).id)
        jobs = watch(client, [started], quiet=json) if wait else [started]
    _tell(jobs, json=json)


@app.command()
def search(
    project: ProjectName,
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    image: Picture = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most products to show.")] = 10,
    weights: Annotated[
        str | None,
        typer.Option(help="How much the parts count: 'image=0.6,text=0.3,keywords=0.1'."),
    ] = None,
    filter: Annotated[
        str | None,
        typer.Option(help='A condition as JSON: \'{"type": "lt", "key": "price", …}\'.'),
    ] = None,
    json: Json = False,
) -> None:
    """Find products by words, by a picture, or by both."""
    parts, condition = _weights(weights), _object(filter)
    with connected() as client:
        found = find_project(client, project)
        hits = client.search_products(
            found.id, query, image=image, limit=limit, weights=parts, filter=condition
        )
    if json:
        write_json({"hits": [hit.model_dump(mode="json") for hit in hits]})
    elif not hits:
        say(f"Nothing in {found.name!r} matches.")
    for rank, hit in enumerate([] if json else hits, start=1):
        _show(rank, hit)


@app.command()
def delete(project: ProjectName, product_id: ProductId, json: Json = False) -> None:
    """Delete a product everywhere, and tell what was removed."""
    with connected() as client:
        receipt = client.delete_product(find_project(client, project).id, product_id)
    if json:
        write_json(receipt.model_dump(mode="json"))
        return
    removed = ", ".join(f"{count} {what}" for what, count in receipt.removed.items())
    say(f"{product_id}: removed {removed}.")


def _tell(jobs: list[Job], *, json: bool) -> None:
    """Print what became of products, and fail where any job did."""
    if json:
        write_json({"imports": [importing.for_machines(job) for job in jobs]})
    for job in [] if json else jobs:
        counts = job.result or {}
        names = ("new", "changed", "again", "unchanged")
        said = ", ".join(f"{counts.get(name, 0)} {name}" for name in names)
        say(f"{job.status}: {said}.", "bold")
        importing.show(job)
    if any(job.status in ("failed", "cancelled") for job in jobs):
        raise typer.Exit(FAILED)


def _weights(text: str | None) -> dict[str, float] | None:
    """Return weights that are written as `part=number`, parted by commas."""
    if text is None:
        return None
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): float(number) for name, number in pairs}
    except ValueError:
        raise typer.BadParameter("must be like 'image=0.6,text=0.4'.") from None


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        read = json_format.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise typer.BadParameter("must be a JSON object, such as '{\"price\": 12}'.")
    return read


def _show(rank: int, hit: ProductHit) -> None:
    parts = {"image": hit.scores.image, "text": hit.scores.text, "keywords": hit.scores.keywords}
    shown = ", ".join(f"{part} {score:.2f}" for part, score in parts.items() if score is not None)
    say(f"{rank}. {hit.name} [{hit.product_id}]  ({hit.score:.3f}: {shown})", "bold")
    if hit.description:
        say("   " + " ".join(hit.description.split())[:200] + "\n")
