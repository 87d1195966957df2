"""Libraries of Zotero: connect, change and sync them, and have reading notes written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from ragline.client.calls.projects import KEPT, Kept
from ragline.client.calls.wishes import wishes
from ragline.client.listing import listing
from ragline.client.models import (
    BegunNotes,
    Job,
    JobAnswer,
    NotesPreview,
    Page,
    ZoteroLibraries,
    ZoteroLibrary,
    ZoteroNote,
)
from ragline.client.sending import ask, at, create, delete, get, given, patch, post, send
from ragline.client.steps import Flow, Series


def zotero_libraries(project_id: str) -> Flow[list[ZoteroLibrary]]:
    """Return the libraries connected to a project, oldest first."""
    return (yield from ask(get(_at(project_id)), ZoteroLibraries)).libraries


def zotero_library(project_id: str, library_id: str) -> Flow[ZoteroLibrary]:
    """Return a connected library, without its key."""
    return (yield from ask(get(_at(project_id, library_id)), ZoteroLibrary))


def connect_zotero(
    project_id: str,
    library: str,
    *,
    zotero_key: str | None = None,
    collections: Sequence[str] = (),
    prompt: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[ZoteroLibrary]:
    """Connect a library, such as `users/123`; without a key of Zotero it must be public.

    With `collections`, by their keys, works outside them are left alone; `prompt` is that of its
    reading notes. Raises `Conflict` where the library is connected to this project already.
    """
    body = given(
        library=library, api_key=zotero_key, collections=list(collections) or None, prompt=prompt
    )
    return (yield from ask(create(_at(project_id), body, key=idempotency_key), ZoteroLibrary))


def change_zotero(
    project_id: str,
    library_id: str,
    *,
    zotero_key: str | Literal[Kept.KEPT] | None = KEPT,
    collections: Sequence[str] | None = None,
    prompt: str | Literal[Kept.KEPT] | None = KEPT,
) -> Flow[ZoteroLibrary]:
    """Change fields of a connection; None clears key or prompt, no collections mean all."""
    body = given(collections=None if collections is None else list(collections))
    clearable = {"api_key": zotero_key, "prompt": prompt}
    body |= {name: value for name, value in clearable.items() if value is not KEPT}
    return (yield from ask(patch(_at(project_id, library_id), body), ZoteroLibrary))


def disconnect_zotero(project_id: str, library_id: str) -> Flow[None]:
    """Forget a library with its key; its documents stay."""
    yield from send(delete(_at(project_id, library_id)))


def sync_zotero(
    project_id: str, library_id: str, *, idempotency_key: str | None = None
) -> Flow[Job]:
    """Take in what changed in a library since the last time; return the job, or the open one."""
    request = create(_at(project_id, library_id, "sync"), key=idempotency_key)
    return (yield from ask(request, JobAnswer)).job


def write_notes(
    project_id: str,
    library_id: str,
    items: Sequence[str] | None = None,
    *,
    filter: Mapping[str, Any] | None = None,
    prompt: str | None = None,
    model: str | None = None,
    language: str | None = None,
    limit: int | None = None,
    push: bool = True,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Flow[BegunNotes]:
    """Write a reading note for each work and push it to the library, or keep it as a preview.

    The works are given by their keys, by a condition on metadata, such as
    `{"type": "eq", "key": "tags", "value": "to read"}`, or neither: then they are all.
    """
    chosen = _chosen(items, filter=filter, prompt=prompt, model=model, limit=limit)
    body = chosen | given(language=language, push=push) | wishes(priority, not_before, tags)
    request = create(_at(project_id, library_id, "notes"), body, key=idempotency_key)
    return (yield from ask(request, BegunNotes))


def preview_notes(
    project_id: str,
    library_id: str,
    items: Sequence[str] | None = None,
    *,
    filter: Mapping[str, Any] | None = None,
    prompt: str | None = None,
    model: str | None = None,
    language: str | None = None,
    limit: int | None = None,
) -> Flow[NotesPreview]:
    """Return what writing these notes would come to; nothing is asked of anybody."""
    chosen = _chosen(items, filter=filter, prompt=prompt, model=model, limit=limit)
    body = chosen | given(language=language, dry_run=True)
    request = post(_at(project_id, library_id, "notes"), body, repeatable=True)
    return (yield from ask(request, NotesPreview))


def _chosen(items: Sequence[str] | None, **said: Any) -> dict[str, Any]:
    """Return which works are meant and how notes of them are written, as far as it is said."""
    return given(items=None if items is None else list(items), **said)


def notes(
    project_id: str, library_id: str, *, limit: int | None = None, after: str | None = None
) -> Series[ZoteroNote]:
    """Yield the notes of a library by their works' keys; behind `after`, and at most `limit`."""
    path = _at(project_id, library_id, "notes")
    yield from listing(
        path, Page[ZoteroNote], limit=limit, after=after, place=lambda each: each.item_key
    )


def note(project_id: str, library_id: str, item_key: str) -> Flow[ZoteroNote]:
    """Return a work's note; a preview with its HTML."""
    return (yield from ask(get(_at(project_id, library_id, "notes", item_key)), ZoteroNote))


def _at(project_id: str, *parts: str) -> str:
    return at("projects", project_id, "zotero", *parts)
