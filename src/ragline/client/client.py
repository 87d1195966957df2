"""Calls to a Ragline server, one method each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ragline.client import models, uploads
from ragline.client.connection import TRIES, Connection, given, pause, read
from ragline.client.events import follow
from ragline.client.models import (
    Answer,
    Document,
    Event,
    Hit,
    Job,
    Project,
    Queue,
    QueueList,
    Retried,
    Upload,
)
from ragline.client.problems import ClientProblem, ServerUnreachable

PAGE = 200
LOOK_SECONDS = 1.0


class Client(Connection):
    """A connection to a server, with the key of one tenant; use it as a context manager.

    Every method raises `ClientProblem` where the server refuses and `ServerUnreachable`
    where it does not answer. While it is overloaded the same request is sent again.
    """

    def projects(self) -> Iterator[Project]:
        """Yield all projects, oldest first."""
        after: dict[str, str] = {}
        while True:
            page = self._get("/v1/projects", models.ProjectPage, limit=PAGE, **after)
            yield from page.projects
            if not page.has_more:
                return
            after = {"after": page.projects[-1].id}

    def project_named(self, name: str) -> Project | None:
        """Return the project of this name, if there is one."""
        page = self._get("/v1/projects", models.ProjectPage, name=name)
        return page.projects[0] if page.projects else None

    def project(self, project_id: str) -> Project:
        """Return a project."""
        return self._get(f"/v1/projects/{quote(project_id, safe='')}", Project)

    def create_project(
        self, name: str, *, description: str | None = None, language: str | None = None
    ) -> Project:
        """Make a project; the language, as ISO 639-1 code, is that of most questions."""
        body = given(name=name, description=description, language=language)
        return self._post("/v1/projects", body, Project)

    def get_or_create_project(self, name: str) -> Project:
        """Return the project of this name; make it if there is none."""
        found = self.project_named(name)
        if found is not None:
            return found
        try:
            return self.create_project(name)
        except ClientProblem as problem:
            # Someone else made it between the look and the call.
            found = self.project_named(name) if problem.status == 409 else None
            if found is None:
                raise
            return found

    def upload(
        self,
        project_id: str,
        paths: Sequence[Path],
        *,
        metadata: Mapping[str, Any] | None = None,
        told: uploads.Told | None = None,
    ) -> Upload:
        """Send files in one request, streamed from disk; `told` receives bytes as they go.

        Use `batches` for many files. A lone file that is refused raises; one among others
        is listed in `rejected`. The metadata holds for all of them.
        """
        fields = {"metadata": json.dumps(metadata)} if metadata else {}
        with uploads.opened(paths, told) as files:
            response = self._send(
                "POST",
                f"/v1/projects/{quote(project_id, safe='')}/documents",
                data=fields,
                files=[("file", file) for file in files],
            )
        return read(response, Upload)

    def add_text(
        self,
        project_id: str,
        text: str,
        *,
        title: str | None = None,
        external_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Upload:
        """Send a text as a document."""
        body = given(text=text, title=title, external_id=external_id, metadata=metadata)
        return self._post(f"/v1/projects/{quote(project_id, safe='')}/documents", body, Upload)

    def documents(self, project_id: str) -> Iterator[Document]:
        """Yield a project's documents, oldest first."""
        path = f"/v1/projects/{quote(project_id, safe='')}/documents"
        after: dict[str, str] = {}
        while True:
            page = self._get(path, models.DocumentPage, limit=PAGE, **after)
            yield from page.documents
            if not page.has_more:
                return
            after = {"after": page.documents[-1].id}

    def document(self, document_id: str) -> Document:
        """Return a document."""
        return self._get(f"/v1/documents/{quote(document_id, safe='')}", Document)

    def job(self, job_id: str, *, wait: float = 0) -> Job:
        """Return a job, after waiting up to `wait` seconds (at most 60) for its end."""
        return self._get(f"/v1/jobs/{quote(job_id, safe='')}", Job, wait=wait)

    def jobs(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        project: str | None = None,
        parent: str | None = None,
        tag: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Yield jobs, newest first: all that fit, or the first `limit` of them.

        The times need a zone.
        """
        wanted = given(status=status, kind=kind, project=project, parent=parent, tag=tag)
        for name, moment in (("after", created_after), ("before", created_before)):
            if moment is not None:
                wanted[f"created_{name}"] = moment.isoformat()
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            page = self._get("/v1/jobs", models.JobPage, limit=size, **wanted)
            yield from page.jobs
            if not page.has_more:
                return
            left = None if left is None else left - len(page.jobs)
            wanted["after"] = page.jobs[-1].id

    def wait_for(self, job_id: str) -> Iterator[Job]:
        """Yield a job about once a second until it has ended; the last view is its end.

        A server that restarts meanwhile is waited for: the job goes on when it is back.
        """
        silent = 0
        while True:
            try:
                job = self.job(job_id, wait=LOOK_SECONDS)
            except ServerUnreachable:
                silent += 1
                if silent > TRIES:
                    raise
                time.sleep(pause(silent, None))
                continue
            silent = 0
            yield job
            if job.ended:
                return

    def events(self, job_id: str, *, after: str | int | None = None) -> Iterator[Event]:
        """Yield a job's events, from the first or behind one, until it has ended.

        A dropped connection and a server that restarts are waited for; no event is lost or
        comes twice. Where the job was retried meanwhile, its next attempt follows.
        """
        path = f"/v1/jobs/{quote(job_id, safe='')}/events"
        return follow(self._http, self.url, path, after=None if after is None else str(after))

    def project_events(
        self, project_id: str, *, after: str | None = None, from_start: bool = False
    ) -> Iterator[Event]:
        """Yield the events of all jobs of a project, for ever: new ones, or those behind one.

        `from_start` begins with the first one that is kept.
        """
        path = f"/v1/projects/{quote(project_id, safe='')}/events"
        path += "?from=start" if from_start else ""
        return follow(self._http, self.url, path, after=after)

    def cancel(self, job_id: str) -> Job:
        """Stop a job and undo what it built; its status may change only after this."""
        return self._post(f"/v1/jobs/{quote(job_id, safe='')}/cancel", {}, Job)

    def retry(self, job_id: str) -> Job:
        """Begin another attempt of a failed or cancelled job."""
        return self._post(f"/v1/jobs/{quote(job_id, safe='')}/retry", {}, Job)

    def retry_jobs(
        self,
        *,
        status: str = "failed",
        kind: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
    ) -> Retried:
        """Retry the failed, or cancelled, jobs that fit, oldest first, as many as one call takes.

        `project` is an id.
        """
        body = given(status=status, kind=kind, project=project, tag=tag, limit=limit)
        return self._post("/v1/jobs/retry", body, Retried)

    def dismiss(self, job_id: str) -> Job:
        """Let a failed job go at the next clean-up."""
        return self._post(f"/v1/jobs/{quote(job_id, safe='')}/dismiss", {}, Job)

    def queues(self) -> QueueList:
        """Return the numbers of all queues: over all tenants for an operator, else your own."""
        try:
            return self._get("/v1/admin/queues", QueueList)
        except ClientProblem as problem:
            if problem.status != 403:
                raise
        return self._get("/v1/queues", QueueList)

    def pause_queue(self, name: str) -> Queue:
        """Let no worker take work from a queue; needs an operator's key."""
        return self._post(f"/v1/admin/queues/{quote(name, safe='')}/pause", {}, Queue)

    def resume_queue(self, name: str) -> Queue:
        """Let workers take work from a queue again; needs an operator's key."""
        return self._post(f"/v1/admin/queues/{quote(name, safe='')}/resume", {}, Queue)

    def search(
        self,
        project_id: str,
        query: str,
        *,
        limit: int = 10,
        mode: str = "hybrid",
        filter: Mapping[str, Any] | None = None,
    ) -> list[Hit]:
        """Find passages, best first; `mode` is hybrid, dense or lexical."""
        body = given(query=query, limit=limit, mode=mode, filter=filter)
        path = f"/v1/projects/{quote(project_id, safe='')}/search"
        return self._post(path, body, models.Hits).hits

    def chat(
        self, project_id: str, question: str, *, limit: int | None = None, model: str | None = None
    ) -> Answer:
        """Answer a question from at most `limit` passages of a project."""
        body = given(question=question, limit=limit, model=model)
        return self._post(f"/v1/projects/{quote(project_id, safe='')}/chat", body, Answer)
