"""A server that runs no work: what a test writes stays as it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from tests.inprocess import InProcessServer

from ragline import bootstrap
from ragline.accounts import service as accounts
from ragline.jobs.event_hub import EventHub
from ragline.main import create_app
from ragline.settings import load_settings

WAIT_SECONDS = 60


@contextmanager
def quiet(
    data_dir: Path, *, hub: dict[str, Any] | None = None, **settings: Any
) -> Iterator[InProcessServer]:
    """Serve a fresh runtime without a worker; `hub` are arguments of its event hub."""
    runtime = bootstrap.build(load_settings(_env_file=None, data_dir=data_dir, **settings))
    try:
        accounts.ensure_first_key(runtime)
        app = create_app(runtime)
        if hub is not None:
            most = runtime.settings.max_streams
            app.state.events = EventHub(runtime.database, **{"most": most, **hub})
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            while not server.started:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield InProcessServer(runtime, f"http://127.0.0.1:{port}")
        finally:
            server.should_exit = True
            thread.join()
    finally:
        runtime.close()
