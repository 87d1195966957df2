"""Accepting documents: the row of each and its job in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ragline.accounts.ownership import owned_project
from ragline.bootstrap import Runtime
from ragline.documents.intake import Intake
from ragline.documents.recognising import Library
from ragline.documents.schemas import Accepted
from ragline.documents.storing import Submission
from ragline.errors import RaglineError
from ragline.failpoints import failpoint
from ragline.http.idempotency import Once, once_each
from ragline.ingestion.files import ensure_files, lock_contents, remove_file

_AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError)


def accept(
    runtime: Runtime, tenant_id: str, project_id: str, submissions: Sequence[Submission]
) -> list[Accepted | Exception]:
    """Queue the ingestion of what requests to a project brought; return an answer for each.

    Content that the project already holds gives the existing document and no new job, unless
    its last job failed or was cancelled: then it is ingested again. What has changed under an
    external id becomes a newer version of its document. An idempotency key gives the same
    answer again. One transaction keeps all that came; where it fails, each request is
    tried in one of its own, so that none fails for its neighbour.
    """
    try:
        return [*_accept(runtime, tenant_id, project_id, submissions)]
    except _AWAY as error:
        # It may have been kept all the same: trying again could hide that from the senders.
        failure: Exception = error
    except Exception as error:  # noqa: BLE001  # it is the answer to the one who sent this
        failure = error
        if len(submissions) > 1:
            return [accept(runtime, tenant_id, project_id, [each])[0] for each in submissions]
    _forget(runtime, submissions)
    return [failure] * len(submissions)


def _accept(
    runtime: Runtime, tenant_id: str, project_id: str, submissions: Sequence[Submission]
) -> list[Accepted]:
    requests = [
        Once(tenant_id, each.key, ("upload", project_id, *_asked(each))) for each in submissions
    ]
    kept: list[int] = []
    dropped: set[str] = set()

    def keep(numbers: Sequence[int]) -> list[Accepted]:
        chosen = [submissions[number] for number in numbers]
        accepted = keep_all(runtime, tenant_id, project_id, chosen, dropped=dropped)
        kept.extend(numbers)
        return accepted

    answers = once_each(runtime.database, requests, Accepted, keep)
    _forget(runtime, [each for number, each in enumerate(submissions) if number not in kept])
    _remove(runtime, dropped)
    return answers


def _asked(submission: Submission) -> tuple[Any, ...]:
    """Return what decides an upload's effect; a form's boundaries differ from time to time."""
    if submission.key is None:
        return ()
    files = [
        {
            "content": item.blob.content_hash,
            "filename": item.upload.filename,
            "title": item.upload.title,
            "external_id": item.upload.external_id,
            "metadata": dict(item.upload.metadata or {}),
        }
        for item in submission.stored
    ]
    # Only where it was said, so that keys from before it could be are known again.
    said = [] if submission.clean is None else [{"clean": submission.clean}]
    return (files, [name for name, _ in submission.rejected], asdict(submission.wishes), *said)


def _forget(runtime: Runtime, submissions: Sequence[Submission]) -> None:
    """Remove files that were stored for nothing, unless a document has them.

    There is no such project, no room, or the request is a repetition.
    """
    _remove(runtime, (item.blob.content_hash for each in submissions for item in each.stored))


def _remove(runtime: Runtime, hashes: Iterable[str]) -> None:
    for content_hash in hashes:
        # The answer stands already, and the clean-up finds what stays.
        with suppress(*_AWAY, RaglineError, OSError):
            remove_file(runtime, content_hash)


def keep_all(
    runtime: Runtime,
    tenant_id: str,
    project_id: str,
    submissions: Sequence[Submission],
    *,
    dropped: set[str] | None = None,
) -> list[Accepted]:
    """Write documents, jobs and their places in the queue, in one transaction.

    Where it is part of the caller's, what it raises must end that one too. `dropped` is given
    the hashes of files that may be needed no more once that has ended.
    """
    stored = [item for each in submissions for item in each.stored]
    with runtime.database.write() as session:
        project = owned_project(session, tenant_id, project_id)
        hashes = {item.blob.content_hash for item in stored}
        external_ids = {item.upload.external_id for item in stored if item.upload.external_id}
        # The same content or name, sent to the same project twice at once, is one document.
        lock_contents(runtime, session, project.id, hashes, external_ids)
        ensure_files(runtime, session, [(item.blob, item.upload.stream) for item in stored])
        library = Library(session, project.id, hashes=hashes, external_ids=external_ids)
        intake = Intake(session, project, library)
        planned = [intake.plan(each) for each in submissions]
        intake.write(runtime)
        failpoint("accept.committing")
        answers = [intake.answer(each) for each in planned]
        if dropped is not None:
            dropped |= intake.dropped
    failpoint("accept.committed")
    return answers
