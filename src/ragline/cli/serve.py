"""`ragline serve`: HTTP API and worker in one process."""

from __future__ import annotations

import signal
import socket
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
    workers: Annotated[
        int,
        typer.Option(min=1, max=64, help="Number of HTTP processes; several imply --no-worker."),
    ] = 1,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Serve only; `ragline worker` runs elsewhere.")
    ] = False,
    fd: Annotated[int | None, typer.Option(hidden=True, help="Open socket to serve.")] = None,
) -> None:
    """Start the server: HTTP API and worker in one process."""
    given = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    logs.configure(settings.log_level)
    if fd is not None:
        with socket.socket(fileno=fd) as inherited:
            _serve_one(settings, inherited, works=False, announce=False)
        return
    with bind(settings.host, settings.port) as bound:
        if workers > 1:
            build(settings, alone=False).close()  # what cannot work is said once, and at once
            number = scale.serve_many(bound, processes=workers, on_ready=_tell_ready)
            interrupted = number == signal.SIGINT
        else:
            interrupted = _serve_one(settings, bound, works=not no_worker, announce=True)
    log.info("server.stopped")
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _serve_one(settings: Settings, bound: socket.socket, *, works: bool, announce: bool) -> bool:
    """Serve in this process; return whether the end was asked for on the keyboard."""
    runtime = build(settings, alone=works)
    try:
        # A request changes threads several times, and may wait this long for the interpreter
        # at each change while workflows are busy; the default of 5 ms adds up.
        sys.setswitchinterval(SWITCH_SECONDS)
        _keep_uploads_on_disk(settings)
        _show_new_key(runtime)
        if works:
            worker.start(runtime)
        else:
            runtime.open()
        url = url_of(bound)
        app = create_app(runtime, works=works)
        server = Server(app, on_ready=lambda: _tell_ready(url) if announce else None)
        server.run(sockets=[bound])
    finally:
        runtime.close()
    return server.interrupted


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
