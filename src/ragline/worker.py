"""Run workflows in this process until told to stop."""

from __future__ import annotations

from collections.abc import Mapping

from ragline.bootstrap import Runtime
from ragline.ingestion import workflow as ingestion
from ragline.ingestion.index import restore
from ragline.ingestion.undo import abandon
from ragline.jobs import service as jobs
from ragline.projects import deletion

UNDO: Mapping[str, jobs.Undo] = {"ingest": abandon, "delete": deletion.give_up}
"""How each kind of job is undone where the engine ended it alone."""


def start(runtime: Runtime) -> None:
    """Register all workflows and begin to take work; `Runtime.close` ends it."""
    runtime.open()
    restore(runtime)
    ingestion.register(runtime)
    deletion.register(runtime)
    runtime.engine.start(
        on_recovered=lambda workflow_ids: jobs.note_recovered(runtime, workflow_ids),
        on_sweep=lambda: jobs.settle(runtime, UNDO),
    )
