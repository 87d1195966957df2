"""`ragline serve`: HTTP API and worker in one process."""

from __future__ import annotations

import sys
import tempfile
from typing import Annotated

import structlog
import typer

from ragline import worker
from ragline.accounts.service import ensure_first_key
from ragline.bootstrap import Runtime, build
from ragline.cli import logs, scale
from ragline.cli.exits import INTERRUPTED
from ragline.cli.listening import Server, bind, url_of
from ragline.main import create_app
from ragline.settings import Settings, load_settings

SWITCH_SECONDS = 0.001

log = structlog.get_logger()
app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default: RAGLINE_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 takes a free one. Default: RAGLINE_PORT."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of HTTP processes.")] = 1,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Serve only; workers run elsewhere.")
    ] = False,
) -> None:
    """Start the server: HTTP API and worker in one process."""
    scale.require_embedded(workers=workers, worker=not no_worker)
    given = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    logs.configure(settings.log_level)
    with bind(settings.host, settings.port) as bound:
        runtime = build(settings)
        try:
            server = _prepared(runtime, url_of(bound))
            server.run(sockets=[bound])
        finally:
            runtime.close()
    log.info("server.stopped")
    if server.interrupted:
        raise typer.Exit(INTERRUPTED)


def _prepared(runtime: Runtime, url: str) -> Server:
    """Start the work and return a server that is ready to run."""
    # A request changes threads several times, and may wait this long for the interpreter at
    # each change while workflows are busy; the default of 5 ms adds up to a tenth of a second.
    sys.setswitchinterval(SWITCH_SECONDS)
    _keep_uploads_on_disk(runtime.settings)
    _show_new_key(runtime)
    worker.start(runtime)
    return Server(create_app(runtime), on_ready=lambda: _tell_ready(url))


def _keep_uploads_on_disk(settings: Settings) -> None:
    """Let uploads wait where there is room for them: /tmp may be memory, or small."""
    incoming = settings.data_dir / "incoming"
    incoming.mkdir(exist_ok=True)
    tempfile.tempdir = str(incoming)


def _show_new_key(runtime: Runtime) -> None:
    key = ensure_first_key(runtime)
    if key is not None:
        typer.echo(f"Your API key, shown this once: {key}")
        typer.echo(f"It is kept in {runtime.settings.key_file}, where this command line finds it.")


def _tell_ready(url: str) -> None:
    log.info("server.ready", url=url)
    typer.echo(f"Ragline is ready at {url}")
