"""Better vectors before a version is found, where the settings want these first."""

from __future__ import annotations

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.indexes.better import chosen_better
from ragline.indexes.opening import Index
from ragline.indexes.passages import of_version
from ragline.indexes.putting import Work, put
from ragline.ingestion.subject import Subject, described
from ragline.jobs.turnstile import turnstile_of
from ragline.models import Project

GROUP = 64


def index_better_first(runtime: Runtime, subject: Subject) -> int:
    """Have the project's better index hold the version's passages; return how many.

    Nothing is done unless `RAGLINE_BETTER_VECTORS` is `first`. A second run embeds nothing again.
    """
    index = _wanted(runtime, subject)
    if index is None:
        return 0
    work = Work(
        job_id=subject.job_id,
        owner=subject.owner,
        turnstile=turnstile_of(runtime, subject.job_id, subject.workflow_id),
        fence=subject.fence,
    )
    total, after = 0, -1
    while True:
        with runtime.database.read() as session:
            passages = of_version(
                session,
                subject.document_id,
                subject.version,
                after=after,
                limit=GROUP,
                about=(subject.title, subject.metadata),
            )
        if not passages:
            return total
        total += put(runtime, index, passages, work)
        after = passages[-1].ordinal


def _wanted(runtime: Runtime, subject: Subject) -> Index | None:
    if runtime.settings.better_vectors != "first":
        return None
    with runtime.database.write() as session:
        subject.job_in(session)
        language = described(session, subject).language
        project = session.get_one(Project, subject.project_id, with_for_update=LOCKED)
        return chosen_better(runtime, session, project, language=language)
