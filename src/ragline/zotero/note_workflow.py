"""A reading note as a durable workflow: write, push, end.

What the model wrote is kept before anything uses it, under the hash of all that decided it, and
beyond the job: neither a crash nor another request for the same note pays for it again.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.engine.retry import LOCAL, Retry, cause_of
from ragline.failpoints import failpoint
from ragline.jobs import service as jobs
from ragline.jobs.costs import note_paid, paid_call
from ragline.jobs.event_hub import nudge
from ragline.jobs.pump import Pump
from ragline.jobs.turnstile import turnstile_of
from ragline.jobs.undoing import Undoing
from ragline.models import Job, ZoteroLibrary, ZoteroNote, new_id, now
from ragline.providers.contracts import Written
from ragline.providers.prices import cost_of
from ragline.zotero.asking import CALLS, asking
from ragline.zotero.note_asks import NoteAsk, ask_of
from ragline.zotero.note_html import note_html
from ragline.zotero.note_pushing import Pushed, look_at, push
from ragline.zotero.rows import library_of_job

WRITE_NOTE = "write_note"

# Waiting as a provider asks is no try.
WRITING = Retry(attempts=3, first_wait=1.0)
LOOK_SECONDS = 1.0
_UNTOUCHED = ("unchanged", "edited", "removed")


def register(runtime: Runtime) -> None:
    """Make the writing of notes known to the engine."""
    runtime.engine.register(WRITE_NOTE, lambda job_id: write_note(runtime, job_id))


def write_note(runtime: Runtime, job_id: str) -> None:
    """Write the note of a work and push it, or end its job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        outcome = engine.step(write_text, WRITING, runtime, job_id, attempt)
        if outcome == "written":
            outcome = engine.step(push_note, CALLS, runtime, job_id, attempt)
        engine.step(end_note, LOCAL, runtime, job_id, attempt, outcome)
    except jobs.Superseded:
        raise  # whoever superseded this attempt ends the job
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise
    finally:
        nudge(runtime, job_id)


def remove(_runtime: Runtime, _job: Job) -> dict[str, int]:
    """Take nothing away: a note is in its library or not."""
    return {}


UNDOING = Undoing(give_up=jobs.give_up, remove=remove)


def write_text(runtime: Runtime, job_id: str, workflow_id: str) -> str:
    """Have a note written and keep it; a second run finds the kept one.

    Returns `written`, or why there is nothing to write.
    """
    library = library_of_job(runtime, job_id)
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
        ask = ask_of(runtime, session, job)
        note = _note(session, library, ask.item_key)
    pushes = bool((job.inputs or {}).get("push"))
    if note.pushed_from == ask.written_from:
        return "unchanged"
    if note.written_from == ask.written_from and note.html is not None:
        return "written"
    if pushes and note.pushed_version is not None:
        # What cannot be pushed need not be paid for.
        with asking(runtime, library, job_id, workflow_id) as zotero:
            refusal = look_at(zotero, note)
        if refusal is not None:
            return refusal.outcome
    written = _written(runtime, job_id, workflow_id, ask)
    failpoint("note.answered")
    # A database that is away must not make the step begin anew: the note is paid for.
    runtime.engine.patiently(_keep_text, runtime, job_id, library, ask, written)
    failpoint("note.stored")
    return "written"


def push_note(runtime: Runtime, job_id: str, workflow_id: str) -> str:
    """Push the kept note where that is wished; a second run finds it in the library."""
    library = library_of_job(runtime, job_id)
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
        note = _note(session, library, str((job.inputs or {})["item_key"]))
    if not (job.inputs or {}).get("push"):
        return "preview"
    if note.html is None or note.written_from is None:
        return "unchanged"  # another request's job has pushed it meanwhile
    with asking(runtime, library, job_id, workflow_id) as ask:
        pushed = push(ask, note, note.html, note.written_from)
    with runtime.database.write() as session:
        jobs.open_job(session, job_id, workflow_id)
        _note_pushed(session, note, pushed)
        failpoint("note.committing")
    return pushed.outcome


def end_note(runtime: Runtime, job_id: str, workflow_id: str, outcome: str) -> None:
    """End the job with what became of the note; a second run finds it ended."""
    library = library_of_job(runtime, job_id)
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        if not jobs.is_current(session, job, workflow_id):
            return
        note = _note(session, library, str((job.inputs or {})["item_key"]))
        note.status, note.updated_at = outcome, now()
        job.progress_done = 1
        result = {"item_key": note.item_key, "note_key": note.note_key, "note": outcome}
        jobs.complete(session, job, result=result, warnings=_warnings(note, outcome))
    nudge(runtime, job_id)


def _written(runtime: Runtime, job_id: str, workflow_id: str, ask: NoteAsk) -> Written:
    """Return what the model writes; a job that was cancelled ends the call."""
    turnstile = turnstile_of(runtime, job_id, workflow_id)

    def call() -> Generator[Written, None, None]:
        yield runtime.llm.write(
            ask.task, gate=lambda provider, others: turnstile.gate(runtime, provider, others)
        )

    with Pump(call()) as pump:
        while not pump.has_ended:
            written = pump.take(LOOK_SECONDS)
            if written is not None:
                return written
            runtime.engine.pause(0)
            with runtime.database.read() as session:
                jobs.open_job(session, job_id, workflow_id)
    raise RuntimeError("A model ended without a note.")


def _keep_text(
    runtime: Runtime, job_id: str, library: ZoteroLibrary, ask: NoteAsk, written: Written
) -> None:
    html = note_html(
        written.text,
        ask.passages,
        item_key=ask.item_key,
        written_from=ask.written_from,
        language=ask.language,
    )
    usage = written.usage
    cost = cost_of(usage, runtime.settings.token_prices)
    call = paid_call(
        new_id(),
        job_id=job_id,
        purpose="note",
        provider=usage.adapter or runtime.llm.name,
        model=usage.model,
        cost=cost,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )
    with runtime.database.write() as session:
        note = _note(session, library, ask.item_key, lock=True)
        if note.written_from == ask.written_from and note.html is not None:
            return
        note.written_from, note.html, note.updated_at = ask.written_from, html, now()
        note.usage = {
            "model": usage.model,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": cost,
            "truncated": written.truncated,
        }
        note_paid(session, job_id, [call])


def _note_pushed(session: Session, note: ZoteroNote, pushed: Pushed) -> None:
    row = session.get_one(ZoteroNote, (note.library_id, note.item_key), with_for_update=LOCKED)
    if pushed.version is not None:
        row.pushed_version, row.pushed_hash = pushed.version, pushed.hash
        row.pushed_from = note.written_from
        # What it says of a document is to be found in the library from now on.
        row.html = None


def _note(
    session: Session, library: ZoteroLibrary, item_key: str, *, lock: bool = False
) -> ZoteroNote:
    locked: Any = LOCKED if lock else None
    return session.get_one(ZoteroNote, (library.id, item_key), with_for_update=locked)


def _warnings(note: ZoteroNote, outcome: str) -> list[dict[str, str]]:
    told = {
        "edited": "was changed by hand since it was written; it was left as it is.",
        "removed": "was removed from the library by hand; it was not written again.",
    }
    found = []
    if outcome in told:
        message = f"The note {note.note_key} of the item {note.item_key} {told[outcome]}"
        found.append({"code": f"note-{outcome}", "message": message, "item": note.item_key})
    if outcome not in _UNTOUCHED and (note.usage or {}).get("truncated"):
        message = "The model was cut off at RAGLINE_NOTE_ANSWER_TOKENS; the note may lack its end."
        found.append({"code": "note-truncated", "message": message, "item": note.item_key})
    return found
