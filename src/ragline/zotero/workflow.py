"""A sync as a durable workflow: look, read, take, end.

Each step works on what the rows say is left, a portion at a time, so that whoever takes a sync
up goes on where it was. The library's version moves at the end.
"""

from __future__ import annotations

from ragline.bootstrap import Runtime
from ragline.engine.retry import LOCAL, cause_of
from ragline.imports import taking as imports
from ragline.jobs import service as jobs
from ragline.jobs.event_hub import nudge
from ragline.models import ZoteroLibrary, now
from ragline.zotero.asking import CALLS
from ragline.zotero.looking import look
from ragline.zotero.reading import read_some
from ragline.zotero.rows import library_of_job
from ragline.zotero.taking import take_some

SYNC = "sync_library"


def sync(runtime: Runtime, job_id: str) -> None:
    """Take in what changed in a connected library; the job ends with its last document's."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        version = engine.step(look, CALLS, runtime, job_id, attempt)
        while engine.step(read_some, CALLS, runtime, job_id, attempt):
            pass
        while engine.step(take_some, CALLS, runtime, job_id, attempt):
            pass
        engine.step(end_sync, LOCAL, runtime, job_id, attempt, version)
        engine.step(end_taking, LOCAL, runtime, job_id, attempt)
    except jobs.Superseded:
        raise  # whoever superseded this attempt ends the job
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise
    finally:
        nudge(runtime, job_id)


def end_sync(runtime: Runtime, job_id: str, workflow_id: str, version: int) -> None:
    """Note that all up to a version was taken; a second run notes the same."""
    library_id = library_of_job(runtime, job_id).id
    with runtime.database.write() as session:
        jobs.open_job(session, job_id, workflow_id)
        library = session.get_one(ZoteroLibrary, library_id)
        library.version = max(library.version, version)
        library.synced_at = now()


def end_taking(runtime: Runtime, job_id: str, workflow_id: str) -> None:
    """Leave the job to its documents; a second run finds it so."""
    imports.finish(runtime, job_id, workflow_id)
