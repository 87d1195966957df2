"""Uploads: files, folders and texts on their way into a project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ragline.client.calls.wishes import wishes
from ragline.client.models import Problem, Rejected, Upload
from ragline.client.problems import ClientProblem, UnreadablePath
from ragline.client.sending import ask, at, create, given
from ragline.client.steps import Flow, Give, Series, Work
from ragline.client.uploads import (
    Batch,
    Form,
    NamedContent,
    Sent,
    Source,
    Told,
    batches,
    files_in,
    name_of,
)
from ragline.errors import RaglineError

MOST_WAIT_SECONDS = 60
REFUSALS = (400, 413, 415, 422)


def upload(
    project_id: str,
    sources: Sequence[Path | NamedContent],
    *,
    title: str | None = None,
    external_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    clean: bool | None = None,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    wait: int | None = None,
    told: Told | None = None,
    idempotency_key: str | None = None,
) -> Flow[Upload]:
    """Send files in one request, streamed from disk; `told` receives bytes as they go.

    Use `upload_all` for many files. A lone file that is refused raises; one among others is
    listed in `rejected`. The metadata, the title and the wishes hold for all of them; `clean`
    says whether a model repairs passages that were read badly. With
    `wait` the answer comes with the end of the job, or after so many seconds (60 at most).
    """
    fields = given(
        title=title, external_id=external_id, clean=clean, **wishes(priority, not_before, tags)
    )
    if metadata is not None:
        fields["metadata"] = json.dumps(metadata)
    request = create(
        at("projects", project_id, "documents"),
        key=idempotency_key,
        form=Form({name: _plain(value) for name, value in fields.items()}, sources, Sent(told)),
        **_waiting(wait),
    )
    return (yield from ask(request, Upload))


def upload_all(
    project_id: str,
    paths: Sequence[Path],
    *,
    metadata: Mapping[str, Any] | None = None,
    clean: bool | None = None,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    told: Told | None = None,
) -> Series[Upload]:
    """Send files, and folders with all that is below them, in batches; yield what became of each.

    `told` receives bytes as they go. A file that is refused, or cannot be read here, is listed
    in `rejected`, and its neighbours go on. Hidden files in folders are skipped.
    """
    files: list[Path] = yield Work(lambda: files_in(paths))
    sizes: list[Batch] = yield Work(lambda: list(batches(files)))
    for batch in sizes:
        left = [batch]
        while left:
            part = left.pop(0)
            try:
                became = yield from upload(
                    project_id,
                    part,
                    metadata=metadata,
                    clean=clean,
                    priority=priority,
                    not_before=not_before,
                    tags=tags,
                    told=told,
                )
            except (ClientProblem, UnreadablePath) as error:
                if error.status not in REFUSALS:
                    raise
                if len(part) > 1:
                    # The batch was refused as a whole: each file has a reason of its own.
                    left = [[path] for path in part] + left
                    continue
                became = _refused(part[0], error)
            yield Give(became)


def add_text(
    project_id: str,
    text: str,
    *,
    title: str | None = None,
    external_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    clean: bool | None = None,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    wait: int | None = None,
    idempotency_key: str | None = None,
) -> Flow[Upload]:
    """Send a text as a document; see `upload` for `wait`."""
    body = given(text=text, title=title, external_id=external_id, metadata=metadata, clean=clean)
    request = create(
        at("projects", project_id, "documents"),
        body | wishes(priority, not_before, tags),
        key=idempotency_key,
        **_waiting(wait),
    )
    return (yield from ask(request, Upload))


def _waiting(seconds: int | None) -> dict[str, Any]:
    """Return the parts of a request whose answer may take so long."""
    if seconds is None:
        return {}
    seconds = min(seconds, MOST_WAIT_SECONDS)
    return {"headers": {"Prefer": f"wait={seconds}"}, "patience": seconds}


def _plain(value: Any) -> Any:
    """Return a field as forms carry it: a text, or several of them."""
    return value if isinstance(value, list) else str(value)


def _refused(source: Source, error: RaglineError) -> Upload:
    """Return what the server would say of a file among others."""
    kind = error.type if isinstance(error, ClientProblem) else f"/problems/{error.slug}"
    problem = Problem(type=kind, title=error.title, detail=error.message)
    return Upload(
        job=None, documents=[], rejected=[Rejected(filename=name_of(source), problem=problem)]
    )
