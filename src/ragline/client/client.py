"""Calls to a Ragline server, one method each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from ragline.client import models, uploads
from ragline.client.models import Answer, Document, Hit, Job, Project, Upload
from ragline.client.problems import ClientProblem, ServerUnreachable, problem_of, stranger
from ragline.errors import ConfigurationError

PAGE = 200
LOOK_SECONDS = 1.0
TRIES = 6
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Model = TypeVar("Model", bound=BaseModel)


class Client:
    """A connection to a server, with the key of one tenant; use it as a context manager.

    Every method raises `ClientProblem` where the server refuses and `ServerUnreachable`
    where it does not answer. While it is overloaded the same request is sent again.
    """

    def __init__(self, url: str, api_key: str | None = None, *, timeout: float = 60) -> None:
        """Remember the server's URL, the key and the seconds to wait for an answer.

        Raises:
            ConfigurationError: the URL is none that this client can call.
        """
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"{url!r} is not the URL of a server: set RAGLINE_URL to something like "
                "http://127.0.0.1:8080."
            )
        headers = {b"Authorization": f"Bearer {api_key}".encode()} if api_key else {}
        self._http = httpx2.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10)),
            # A proxy for the outside world cannot reach this machine's own server.
            trust_env=parts.hostname not in _LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ready(self) -> bool:
        """Tell whether the server answers and takes work."""
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

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
        body = _given(name=name, description=description, language=language)
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
        return _read(response, Upload)

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
        body = _given(text=text, title=title, external_id=external_id, metadata=metadata)
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
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Yield jobs, newest first: all that fit, or the first `limit` of them."""
        wanted = _given(status=status, kind=kind, project=project, parent=parent)
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
                time.sleep(_pause(silent, None))
                continue
            silent = 0
            yield job
            if job.ended:
                return

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
        body = _given(query=query, limit=limit, mode=mode, filter=filter)
        path = f"/v1/projects/{quote(project_id, safe='')}/search"
        return self._post(path, body, models.Hits).hits

    def chat(
        self, project_id: str, question: str, *, limit: int | None = None, model: str | None = None
    ) -> Answer:
        """Answer a question from at most `limit` passages of a project."""
        body = _given(question=question, limit=limit, model=model)
        return self._post(f"/v1/projects/{quote(project_id, safe='')}/chat", body, Answer)

    def _get(self, path: str, model: type[Model], **parameters: Any) -> Model:
        return _read(self._send("GET", path, params=parameters), model)

    def _post(self, path: str, body: Mapping[str, Any], model: type[Model]) -> Model:
        # Plain ASCII can carry any text, even one the server will have to refuse.
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return _read(self._send("POST", path, content=content, headers=headers), model)

    def _send(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        """Send a request; again, after a pause, where the server is overloaded."""
        for tries in range(1, TRIES + 1):
            try:
                response = self._http.request(method, path, **parts)
            except httpx2.TransportError as error:
                raise ServerUnreachable(self.url, error) from None
            if response.is_success:
                return response
            problem = problem_of(response)
            if not problem.retryable or tries == TRIES:
                raise problem
            time.sleep(_pause(tries, problem.retry_after))
        raise AssertionError("unreachable: the last try returns or raises")


def _pause(tries: int, asked: float | None) -> float:
    """Return the seconds until the next try: what the server asks for, or ever more."""
    return min(SHORTEST_PAUSE * 2 ** (tries - 1) if asked is None else asked, LONGEST_PAUSE)


def _read(response: httpx2.Response, model: type[Model]) -> Model:
    with suppress(ValidationError):
        return model.model_validate_json(response.content)
    raise stranger(response)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
