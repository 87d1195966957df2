"""Run workflows in this process until told to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragline.bootstrap import Runtime
from ragline.chat import workflow as chat
from ragline.doctor import workflow as doctor
from ragline.engine import queues
from ragline.images import index as product_index
from ragline.images import parts
from ragline.images import undo as product_undo
from ragline.images import workflow as products
from ragline.imports import taking
from ragline.imports import workflow as imports
from ragline.indexes import workflow as indexes
from ragline.indexes.pump import FillingPump
from ragline.ingestion import undo
from ragline.ingestion import workflow as ingestion
from ragline.ingestion.restoring import restore
from ragline.jobs import sweeping, undoing
from ragline.jobs.cancellation import CancelWatch
from ragline.jobs.undoing import Undoing
from ragline.maintenance import service as maintenance
from ragline.projects import deletion
from ragline.reembedding import workflow as reembedding
from ragline.webhooks.delivery import Deliverer
from ragline.zotero import note_workflow as notes
from ragline.zotero import service as zotero

UNDOINGS: Mapping[str, Undoing] = {
    "ingest": undo.UNDOING,
    "import": taking.UNDOING,
    "image": product_undo.UNDOING,
    "delete": deletion.UNDOING,
    "chat": chat.UNDOING,
    "message": chat.UNDOING,
    "note": notes.UNDOING,
    "reembed": reembedding.UNDOING,
    "maintenance": maintenance.UNDOING,
}
"""How each kind of job is undone."""


def start(runtime: Runtime, *, listen: Sequence[str] = queues.NAMES) -> None:
    """Register all workflows and begin to take work; `Runtime.close` ends it."""
    runtime.open()
    restore(runtime)
    parts.check(runtime)
    product_index.restore(runtime)
    for feature in (
        ingestion,
        imports,
        products,
        chat,
        deletion,
        zotero,
        notes,
        indexes,
        reembedding,
        maintenance,
        doctor,
    ):
        feature.register(runtime)
    undoing.register(runtime, UNDOINGS)
    for helper in (CancelWatch(runtime), Deliverer(runtime), FillingPump(runtime)):
        helper.start()
        runtime.on_close(helper.stop)
    runtime.engine.start(
        listen=listen,
        on_recovered=lambda workflow_ids: sweeping.note_recovered(runtime, workflow_ids),
        on_sweep=lambda: sweeping.settle(runtime, UNDOINGS),
    )
