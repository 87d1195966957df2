"""Re-embedding of projects, and the doctor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragline.client.models import Diagnosis, Job, JobAnswer, PreviousRemoved, ProjectIndexes
from ragline.client.sending import ask, at, create, delete, get, given, post
from ragline.client.steps import Flow

LONG_SECONDS = 600.0
"""How much longer a look at a whole server may take."""


def reembed(
    project_id: str,
    *,
    embedder: str | None = None,
    vector_store: str | None = None,
    questions: int | None = None,
    overlap: float | None = None,
    eval: Sequence[Mapping[str, Any]] | None = None,
    force: bool = False,
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """Have a project searched with another model or in another store; what is None stays.

    The old index answers until the new one is full and was checked: with `questions` asked of
    both, of whose results the share `overlap` is to be the same, or with `eval`, questions of
    which it is known what answers them: `{"question": …, "documents": [id, …]}`. `force` swaps
    whatever the check says.
    """
    check = given(questions=questions, overlap=overlap, eval=None if eval is None else list(eval))
    body = given(embedder=embedder, vector_store=vector_store, check=check or None)
    body |= {"force": True} if force else {}
    request = create(at("projects", project_id, "reembed"), body, key=idempotency_key)
    return (yield from ask(request, JobAnswer)).job


def project_indexes(project_id: str) -> Flow[ProjectIndexes]:
    """Return what a project is searched with, and how full each of its indexes is."""
    return (yield from ask(get(at("projects", project_id, "reembed")), ProjectIndexes))


def roll_back_reembedding(project_id: str) -> Flow[ProjectIndexes]:
    """Search a project in its previous index again, at once."""
    # Not sent twice: a second one would go forward again.
    request = post(at("projects", project_id, "reembed", "rollback"))
    return (yield from ask(request, ProjectIndexes))


def remove_previous_index(project_id: str) -> Flow[PreviousRemoved]:
    """Remove the index that a project could go back to."""
    request = delete(at("projects", project_id, "reembed", "previous"))
    return (yield from ask(request, PreviousRemoved))


def doctor(*, project_id: str | None = None) -> Flow[Diagnosis]:
    """Compare rows, files and vectors, of a project or of all; needs an operator's key."""
    request = get(at("doctor"), patience=LONG_SECONDS, project_id=project_id)
    return (yield from ask(request, Diagnosis))


def repair(*, project_id: str | None = None) -> Flow[Job]:
    """Begin to repair what differs, or return the job that does; needs an operator's key."""
    body = given(project_id=project_id)
    request = post(at("doctor", "repair"), body, repeatable=True)
    return (yield from ask(request, JobAnswer)).job
