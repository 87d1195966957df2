"""`ragline worker`: run queued work in a process of its own."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import structlog
import typer

from ragline import worker as workflows
from ragline.accounts.service import ensure_first_key
from ragline.bootstrap import build
from ragline.cli import logs
from ragline.cli.exits import INTERRUPTED
from ragline.cli.listening import STOP_SIGNALS
from ragline.engine import queues as known
from ragline.errors import ConfigurationError
from ragline.settings import load_settings

log = structlog.get_logger()
app = typer.Typer(add_completion=False)


@app.command()
def worker(
    queues: Annotated[
        str | None,
        typer.Option(
            help=f"Queues to take work from, separated by commas: {', '.join(known.NAMES)}. "
            "Default: all."
        ),
    ] = None,
) -> None:
    """Run queued work in a process of its own."""
    listen = _named(queues)
    settings = load_settings()
    logs.configure(settings.log_level)
    caught: list[int] = []
    stopping = threading.Event()

    def note(number: int, _frame: object) -> None:
        caught.append(number)
        stopping.set()

    runtime = build(settings, alone=False)
    try:
        for number in STOP_SIGNALS:
            signal.signal(number, note)
        ensure_first_key(runtime)
        workflows.start(runtime, listen=listen)
        log.info("worker.ready", queues=listen)
        typer.echo(f"Ragline works on {', '.join(listen)}")
        stopping.wait()
        # A second signal ends the process at once; unfinished work is resumed elsewhere.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
    finally:
        runtime.close()
    log.info("worker.stopped")
    if signal.SIGINT in caught:
        raise typer.Exit(INTERRUPTED)


def _named(queues: str | None) -> list[str]:
    if queues is None:
        return list(known.NAMES)
    names = [name.strip() for name in queues.split(",") if name.strip()]
    unknown = [name for name in names if name not in known.NAMES]
    if unknown or not names:
        raise ConfigurationError(
            f"--queues names {', '.join(unknown) or 'no queue'}; there are "
            f"{', '.join(known.NAMES)}."
        )
    return names
