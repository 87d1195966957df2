"""Ragline without one of its safeguards, for the test of the fault proof itself.

`python broken.py SAFEGUARD serve …` is the command line with that safeguard taken out. Nowhere
else is our own code patched.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ragline.cli import app
from ragline.engine.engine import Engine
from ragline.ingestion import chunk
from ragline.jobs import service
from ragline.providers.vectorstores.group_flush import GroupFlush

ENQUEUE_LATER_SECONDS = 1.0


def without_fence() -> None:
    """An attempt publishes whether or not it is still the current one."""
    service.is_current = lambda session, job, workflow_id: True  # type: ignore[assignment]


def without_common_transaction() -> None:
    """A job takes its place in the queue after the transaction that made it."""
    enqueue = Engine.enqueue

    def later(self: Engine, _session: Any, *args: Any, **options: Any) -> None:
        def run() -> None:
            time.sleep(ENQUEUE_LATER_SECONDS)
            with self._database.write() as session:
                enqueue(self, session, *args, **options)

        threading.Thread(target=run, daemon=True).start()

    Engine.enqueue = later  # type: ignore[method-assign]


def without_chunk_ids() -> None:
    """A passage has another id each time it is written."""
    chunk.chunk_id = lambda *_of: str(uuid.uuid4())


def without_flush() -> None:
    """What was written to the index is acknowledged before it is durable."""
    GroupFlush.wait = lambda self, write: None  # type: ignore[method-assign]


def keep_durable_copies() -> None:
    """Keep a copy of the index at each flush: what a loss of power would leave of it.

    A killed process loses nothing that it gave to the system, so killing cannot tell.
    """
    make = GroupFlush.__init__
    index = Path(os.environ["RAGLINE_DATA_DIR"]) / "index"

    def observed(self: GroupFlush, flush: Callable[[], None], *, pause: float) -> None:
        def flush_and_copy() -> None:
            flush()
            shutil.rmtree(index.with_name("index.durable"), ignore_errors=True)
            shutil.copytree(index, index.with_name("index.durable"))

        make(self, flush_and_copy, pause=pause)

    GroupFlush.__init__ = observed  # type: ignore[method-assign]


SAFEGUARDS = {
    "nothing": lambda: None,
    "fence": without_fence,
    "common transaction": without_common_transaction,
    "chunk ids": without_chunk_ids,
    "flush": without_flush,
}

if __name__ == "__main__":
    SAFEGUARDS[sys.argv.pop(1)]()
    keep_durable_copies()
    app()
