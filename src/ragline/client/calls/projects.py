"""Projects."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

from ragline.client.listing import listing
from ragline.client.models import Job, JobAnswer, Page, Project, Statistics
from ragline.client.problems import Conflict
from ragline.client.sending import ask, at, create, delete, get, given, patch
from ragline.client.steps import Flow, Series


class Kept(Enum):
    """Stands for a field that a change leaves as it is, where None would clear it."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


def projects(*, limit: int | None = None, after: str | None = None) -> Series[Project]:
    """Yield all projects, oldest first; behind the id `after`, and at most `limit`."""
    yield from listing(at("projects"), Page[Project], limit=limit, after=after)


def project(project_id: str) -> Flow[Project]:
    """Return a project."""
    return (yield from ask(get(at("projects", project_id)), Project))


def project_named(name: str) -> Flow[Project | None]:
    """Return the project of this name, if there is one."""
    page = yield from ask(get(at("projects"), name=name), Page[Project])
    return page.items[0] if page.items else None


def create_project(
    name: str,
    *,
    description: str | None = None,
    language: str | None = None,
    clean: bool | None = None,
    clean_prompt: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Project]:
    """Make a project; the language, as ISO 639-1 code, is that of most questions.

    `clean` has a model repair passages that were read badly, as `clean_prompt` tells it to.
    Raises `Conflict` where the name is taken.
    """
    body = given(
        name=name,
        description=description,
        language=language,
        clean=clean,
        clean_prompt=clean_prompt,
    )
    return (yield from ask(create(at("projects"), body, key=idempotency_key), Project))


def get_or_create_project(name: str) -> Flow[Project]:
    """Return the project of this name; make it if there is none."""
    found = yield from project_named(name)
    if found is not None:
        return found
    try:
        return (yield from create_project(name))
    except Conflict:
        # Someone else made it between the look and the call.
        found = yield from project_named(name)
        if found is None:
            raise
        return found


def change_project(
    project_id: str,
    *,
    name: str | None = None,
    description: str | Literal[Kept.KEPT] | None = KEPT,
    language: str | Literal[Kept.KEPT] | None = KEPT,
    clean: bool | Literal[Kept.KEPT] | None = KEPT,
    clean_prompt: str | Literal[Kept.KEPT] | None = KEPT,
) -> Flow[Project]:
    """Change fields of a project; None clears those that may be empty."""
    fields = {
        "description": description,
        "language": language,
        "clean": clean,
        "clean_prompt": clean_prompt,
    }
    body = given(name=name) | {key: value for key, value in fields.items() if value is not KEPT}
    return (yield from ask(patch(at("projects", project_id), body), Project))


def delete_project(project_id: str) -> Flow[Job]:
    """Delete a project with all it holds; the receipt is the `result` of this job."""
    return (yield from ask(delete(at("projects", project_id)), JobAnswer)).job


def project_statistics(project_id: str) -> Flow[Statistics]:
    """Count what a project holds."""
    return (yield from ask(get(at("projects", project_id, "stats")), Statistics))
