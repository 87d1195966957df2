"""`ragline queue-status`: how much waits and runs, and pausing of queues."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from ragline.cli.connection import connected
from ragline.cli.job_views import duration, print_table
from ragline.cli.output import Json, say, write_json
from ragline.client import Queue, QueueList, ServerUnreachable

REFRESH_SECONDS = 2.0
COLUMNS = ("pending", "queued", "processing", "oldest age", "average time", "done", "failed")
app = typer.Typer(add_completion=False)


@app.command()
def queue_status(
    pause: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="First pause this queue: no work is taken from it."),
    ] = None,
    resume: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="First resume this queue.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Draw it again every two seconds, until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the queues in numbers; pause and resume them."""
    if watch and json:
        raise typer.BadParameter("--watch is for people; call --json again instead.")
    with connected() as client:
        for name in pause or ():
            client.pause_queue(name)
        for name in resume or ():
            client.resume_queue(name)
        found = client.queues()
        if json:
            write_json(found.model_dump(mode="json"))
            return
        if not watch:
            print_table(_table(found))
            _say_waiting(found)
            return
        with Live(_table(found), console=Console(), auto_refresh=False) as live:
            while True:
                time.sleep(REFRESH_SECONDS)
                try:
                    live.update(_table(client.queues()), refresh=True)
                except ServerUnreachable as error:
                    live.update(error.message, refresh=True)


def _table(found: QueueList) -> Table:
    whose = "all tenants" if found.scope == "all" else "your jobs"
    table = Table(
        box=None, title=f"Queues, {whose}; done and failed since midnight UTC", title_justify="left"
    )
    table.add_column("queue", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for queue in found.queues:
        table.add_row(f"{queue.name} (paused)" if queue.paused else queue.name, *_cells(queue))
    return table


def _cells(queue: Queue) -> list[str]:
    times = (queue.oldest_age_seconds, queue.average_seconds)
    return [
        *map(str, (queue.pending, queue.queued, queue.processing)),
        *("-" if seconds is None else duration(seconds) for seconds in times),
        *map(str, (queue.completed_today, queue.failed_today)),
    ]


def _say_waiting(found: QueueList) -> None:
    for queue in found.queues:
        for thing, count in queue.waiting_for.items():
            say(f"{queue.name}: {count} waiting for {thing}", "yellow")
