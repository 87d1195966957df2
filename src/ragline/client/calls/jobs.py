"""Jobs and queues: look, wait, cancel, retry, pause."""

from __future__ import annotations

import time
from datetime import datetime

from ragline.client.listing import listing
from ragline.client.models import Job, Page, Queue, QueueList, Retried
from ragline.client.problems import Forbidden, StillRunning
from ragline.client.sending import ask, at, create, get, given, post
from ragline.client.steps import Flow, Give, Series

FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS, SLOWER = 1.0, 15.0, 1.5


def job(job_id: str, *, wait: float = 0) -> Flow[Job]:
    """Return a job, after waiting up to `wait` seconds (at most 60) for its end."""
    request = get(at("jobs", job_id), wait=wait, patience=wait)
    return (yield from ask(request, Job))


def jobs(
    *,
    status: str | None = None,
    kind: str | None = None,
    project: str | None = None,
    parent: str | None = None,
    tag: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    dismissed: bool | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> Series[Job]:
    """Yield jobs, newest first: all that fit, or the first `limit` of them.

    `project` and `parent` are ids. The times need a zone.
    """
    yield from listing(
        at("jobs"),
        Page[Job],
        limit=limit,
        after=after,
        status=status,
        kind=kind,
        project=project,
        parent=parent,
        tag=tag,
        created_after=created_after and created_after.isoformat(),
        created_before=created_before and created_before.isoformat(),
        dismissed=dismissed,
    )


def wait_for(job_id: str, *, timeout: float | None = None) -> Series[Job]:
    """Yield a job at once and ever more seldom until it has ended; the last view is its end.

    The end is noticed when it comes, whatever the pauses. A server that restarts meanwhile is
    waited for: the job goes on when it is back.

    Raises `StillRunning` after `timeout` seconds.
    """
    looks = _Looks(timeout)
    while True:
        view = yield from job(job_id, wait=looks.seconds)
        yield Give(view)
        if view.ended:
            return
        looks.slower(view)


def wait_until_ended(job_id: str, *, timeout: float | None = None) -> Flow[Job]:
    """Return a job once it has ended, well or not; see `wait_for`."""
    looks = _Looks(timeout)
    while not (view := (yield from job(job_id, wait=looks.seconds))).ended:
        looks.slower(view)
    return view


def cancel(job_id: str) -> Flow[Job]:
    """Stop a job and undo what it built; its status may change only after this.

    Raises `Conflict` where it has completed or failed.
    """
    return (yield from ask(post(at("jobs", job_id, "cancel"), repeatable=True), Job))


def retry(job_id: str, *, idempotency_key: str | None = None) -> Flow[Job]:
    """Begin another attempt of a failed or cancelled job where the last one stopped."""
    return (yield from ask(create(at("jobs", job_id, "retry"), key=idempotency_key), Job))


def retry_jobs(
    *,
    status: str = "failed",
    kind: str | None = None,
    project: str | None = None,
    tag: str | None = None,
    limit: int | None = None,
) -> Flow[Retried]:
    """Retry the failed, or cancelled, jobs that fit, oldest first, as many as one call takes.

    `project` is an id. Ask again while `has_more`.
    """
    body = given(status=status, kind=kind, project=project, tag=tag, limit=limit)
    return (yield from ask(post(at("jobs", "retry"), body), Retried))


def dismiss(job_id: str) -> Flow[Job]:
    """Let a failed job go at the next clean-up."""
    return (yield from ask(post(at("jobs", job_id, "dismiss"), repeatable=True), Job))


def queues() -> Flow[QueueList]:
    """Return the numbers of all queues: over all tenants for an operator, else your own."""
    try:
        return (yield from all_queues())
    except Forbidden:
        return (yield from own_queues())


def own_queues() -> Flow[QueueList]:
    """Return the numbers of your own jobs by queue."""
    return (yield from ask(get(at("queues")), QueueList))


def all_queues() -> Flow[QueueList]:
    """Return the numbers of the jobs of all tenants by queue; needs an operator's key."""
    return (yield from ask(get(at("admin", "queues")), QueueList))


def pause_queue(name: str) -> Flow[Queue]:
    """Let no worker take work from a queue; needs an operator's key."""
    return (yield from ask(post(at("admin", "queues", name, "pause"), repeatable=True), Queue))


def resume_queue(name: str) -> Flow[Queue]:
    """Let workers take work from a queue again; needs an operator's key."""
    return (yield from ask(post(at("admin", "queues", name, "resume"), repeatable=True), Queue))


class _Looks:
    """How long each look at a job lasts, on the server, until the time is up."""

    def __init__(self, timeout: float | None) -> None:
        self.seconds = 0.0
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def slower(self, view: Job) -> None:
        """Let the next look last longer, as far as there is time."""
        longer = max(self.seconds * SLOWER, FIRST_LOOK_SECONDS)
        self.seconds = min(longer, LONGEST_LOOK_SECONDS)
        if self._deadline is None or self._timeout is None:
            return
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise StillRunning(view.id, view.status, self._timeout)
        self.seconds = min(self.seconds, left)
