"""Having reading notes written: for which works, at what cost, as which jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.database import insert_missing
from ragline.engine import queues
from ragline.errors import InvalidInput, NotFound
from ragline.jobs import service as jobs
from ragline.jobs.ending import NOTE
from ragline.jobs.wishes import Wishes
from ragline.models import Document, Job, ZoteroItem, ZoteroLibrary, ZoteroNote, new_id, now
from ragline.providers.contracts import Filter, Usage
from ragline.providers.prices import cost_of
from ragline.zotero.note_asks import make_ask
from ragline.zotero.note_filters import fits
from ragline.zotero.note_pushing import key_of
from ragline.zotero.note_schemas import NotesPlan, NoteView, SkippedItem
from ragline.zotero.note_workflow import WRITE_NOTE
from ragline.zotero.rows import owned_library

NO_WRITER = (
    "Reading notes need a model that writes: name one in RAGLINE_LLM, such as 'openai' or 'ollama'."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notes are wanted, and how: `how` has prompt, model and language where given."""

    items: Sequence[str] | None
    filter: Filter | None
    how: Mapping[str, Any]
    limit: int
    push: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """The works that notes are written for, and those left out."""

    items: list[str]
    skipped: list[SkippedItem]


def plan(
    runtime: Runtime, caller: Caller, project_id: str, library_id: str, wanted: Wanted
) -> NotesPlan:
    """Return what writing notes would come to, and write nothing."""
    _refuse_without_writer(runtime)
    tokens = unchanged = 0
    with runtime.database.read() as session:
        library = owned_library(session, caller.tenant_id, project_id, library_id)
        choice = _chosen(session, library, wanted)
        for item_key in choice.items:
            ask = make_ask(runtime, session, library, item_key, wanted.how)
            note = session.get(ZoteroNote, (library.id, item_key))
            if note is not None and _is_there(note, ask.written_from):
                unchanged += 1
            else:
                tokens += ask.prompt_tokens
    to_write = len(choice.items) - unchanged
    written = to_write * runtime.settings.note_answer_tokens
    usage = Usage(_model_of(runtime, wanted), tokens, written)
    return NotesPlan(
        notes=len(choice.items),
        unchanged=unchanged,
        prompt_tokens=tokens,
        completion_tokens=written,
        cost=cost_of(usage, runtime.settings.token_prices),
        items=choice.items,
        skipped=choice.skipped,
    )


def accept(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    library_id: str,
    wanted: Wanted,
    wishes: Wishes,
) -> tuple[str, Choice]:
    """Queue the writing of notes; return the parent job's id and which works it is for."""
    _refuse_without_writer(runtime)
    with runtime.database.write() as session:
        library = owned_library(session, caller.tenant_id, project_id, library_id, lock=True)
        choice = _chosen(session, library, wanted)
        if not choice.items:
            reasons = " ".join(f"{each.item_key}: {each.reason}" for each in choice.skipped[:10])
            raise InvalidInput(f"There is no work that a note could be written for. {reasons}")
        parent = Job(
            id=new_id(),
            tenant_id=library.tenant_id,
            project_id=library.project_id,
            kind=NOTE,
            progress_unit="notes",
            progress_total=len(choice.items),
            inputs={"library_id": library.id, "library": library.library, **wanted.how},
        )
        jobs.accept_parent(session, parent, wishes=wishes)
        _queue(session, runtime, library, parent, choice.items, wanted, wishes)
    return parent.id, choice


def list_notes(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    library_id: str,
    *,
    limit: int,
    after: str | None,
) -> tuple[list[NoteView], bool]:
    """Return notes in the order of their items' keys, and whether there are more."""
    with runtime.database.read() as session:
        library = owned_library(session, caller.tenant_id, project_id, library_id)
        values = {"of_library": library.id, "after": after or "", "most": limit + 1}
        rows = session.execute(_NOTES, values).all()
    return [_view(note, data) for note, data in rows[:limit]], len(rows) > limit


def get_note(
    runtime: Runtime, caller: Caller, project_id: str, library_id: str, item_key: str
) -> NoteView:
    """Return a work's note, as a preview with its HTML."""
    with runtime.database.read() as session:
        library = owned_library(session, caller.tenant_id, project_id, library_id)
        note = session.get(ZoteroNote, (library.id, item_key))
        if note is None:
            raise NotFound(f"There is no note for the item {item_key!r}.")
        item = session.get(ZoteroItem, (library.id, item_key))
        return _view(note, item.data if item else None)


def _refuse_without_writer(runtime: Runtime) -> None:
    if not runtime.llm.can_write:
        raise InvalidInput(NO_WRITER)


def _chosen(session: Session, library: ZoteroLibrary, wanted: Wanted) -> Choice:
    """Return the works of a library that have searchable files and are wanted."""
    ready: dict[str, dict[str, Any]] = {}
    for row in session.execute(_READY, {"of_library": library.id}):
        ready.setdefault(row.parent_key or row.key, row.metadata_)
    standing = set(session.scalars(_ALONE, {"of_library": library.id}))
    busy = set(session.scalars(_BUSY, {"of_library": library.id}))
    skipped: list[SkippedItem] = []
    items: list[str] = []
    for key in dict.fromkeys(wanted.items if wanted.items is not None else sorted(ready)):
        reason = _reason(key, ready, standing, busy)
        if reason is None and wanted.filter and not fits(wanted.filter, ready[key]):
            reason = "It does not fit the filter." if wanted.items is not None else ""
        if reason is None and len(items) < wanted.limit:
            items.append(key)
        elif reason:
            skipped.append(SkippedItem(item_key=key, reason=reason))
    return Choice(items, skipped)


def _reason(key: str, ready: Mapping[str, Any], standing: set[str], busy: set[str]) -> str | None:
    if key not in ready:
        return "It has no searchable document here; sync its file first."
    if key in standing:
        return "It is a file without a work, which can bear no note."
    return "A note for it is being written already." if key in busy else None


def _queue(
    session: Session,
    runtime: Runtime,
    library: ZoteroLibrary,
    parent: Job,
    items: Sequence[str],
    wanted: Wanted,
    wishes: Wishes,
) -> None:
    children = {key: _child(parent, library, key, push=wanted.push) for key in items}
    jobs.accept_all(
        session,
        runtime,
        [(job, wishes) for job in children.values()],
        workflow=WRITE_NOTE,
        queue=queues.DEFAULT,
        timeout_seconds=runtime.settings.job_seconds,
    )
    rows = [
        {
            "library_id": library.id,
            "item_key": key,
            "note_key": key_of(library.project_id, library.library, key),
            "status": "waiting",
            "updated_at": now(),
        }
        for key in items
    ]
    insert_missing(session, ZoteroNote, rows)
    for key, job in children.items():
        session.get_one(ZoteroNote, (library.id, key)).job_id = job.id


def _child(parent: Job, library: ZoteroLibrary, item_key: str, *, push: bool) -> Job:
    return Job(
        id=new_id(),
        tenant_id=parent.tenant_id,
        project_id=parent.project_id,
        parent_id=parent.id,
        kind=NOTE,
        progress_unit="notes",
        progress_total=1,
        inputs={"library_id": library.id, "item_key": item_key, "push": push},
    )


def _is_there(note: ZoteroNote, written_from: str) -> bool:
    kept = note.written_from == written_from and note.html is not None
    return kept or note.pushed_from == written_from


def _model_of(runtime: Runtime, wanted: Wanted) -> str:
    """Return the model by whose price an estimate is made: the first that is asked."""
    named = wanted.how.get("model") or runtime.llm.default_model.partition(",")[0]
    return str(named).partition("/")[2] or str(named)


def _view(note: ZoteroNote, data: Mapping[str, Any] | None) -> NoteView:
    title = (data or {}).get("title")
    return NoteView(
        item_key=note.item_key,
        note_key=note.note_key,
        title=str(title) if title else None,
        status=note.status,
        job_id=note.job_id,
        html=note.html,
        usage=note.usage,
        updated_at=note.updated_at,
    )


_of_library = ZoteroItem.library_id == sa.bindparam("of_library")
_READY = (
    sa.select(ZoteroItem.key, ZoteroItem.parent_key, Document.metadata_)
    .join(Document, Document.id == ZoteroItem.document_id)
    .where(_of_library, Document.published_version.is_not(None))
    .order_by(ZoteroItem.key)
)
_ALONE = sa.select(ZoteroItem.key).where(
    _of_library,
    ZoteroItem.parent_key.is_(None),
    ZoteroItem.data["itemType"].as_string() == "attachment",
)
_BUSY = (
    sa.select(ZoteroNote.item_key)
    .join(Job, Job.id == ZoteroNote.job_id)
    .where(ZoteroNote.library_id == sa.bindparam("of_library"), Job.outcome.is_(None))
)
_NOTES = (
    sa.select(ZoteroNote, ZoteroItem.data)
    .outerjoin(
        ZoteroItem,
        sa.and_(
            ZoteroItem.library_id == ZoteroNote.library_id,
            ZoteroItem.key == ZoteroNote.item_key,
        ),
    )
    .where(
        ZoteroNote.library_id == sa.bindparam("of_library"),
        ZoteroNote.item_key > sa.bindparam("after"),
    )
    .order_by(ZoteroNote.item_key)
    .limit(sa.bindparam("most"))
)
