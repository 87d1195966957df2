"""A server inside the test process: real HTTP, real database, real children."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from ragline import bootstrap, worker
from ragline.accounts import service as accounts
from ragline.bootstrap import Runtime
from ragline.main import create_app
from ragline.settings import load_settings

WAIT_SECONDS = 60


@dataclass
class Tenant:
    """A tenant of its own for one test, with a client that bears its owner's key."""

    id: str
    key: str
    http: httpx2.Client

    def project(self, name: str = "library", **fields: Any) -> str:
        """Make a project and return its id."""
        answer = self.http.post("/v1/projects", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def upload(self, project_id: str, *files: tuple[str, bytes], **fields: str) -> Any:
        """Upload files and return the response."""
        parts = [("file", (name, content)) for name, content in files]
        return self.http.post(f"/v1/projects/{project_id}/documents", files=parts, data=fields)

    def add_text(self, project_id: str, text: str, **fields: Any) -> Any:
        """Send a text and return the response."""
        return self.http.post(f"/v1/projects/{project_id}/documents", json={"text": text, **fields})

    def ended(self, job_id: str, *, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """Return a job once it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job = self.http.get(f"/v1/jobs/{job_id}", params={"wait": 10}).json()
            if job["status"] in ("completed", "failed", "cancelled"):
                return dict(job)
        raise AssertionError(f"the job did not end in {seconds:g} s: {json.dumps(job)}")

    def ingest_text(self, project_id: str, text: str, **fields: Any) -> dict[str, Any]:
        """Send a text, wait for its job, and return the document."""
        accepted = self.add_text(project_id, text, **fields).json()
        job = self.ended(accepted["job"]["id"])
        assert job["status"] == "completed", job
        answer = self.http.get(f"/v1/documents/{accepted['documents'][0]['id']}")
        return dict(answer.json())


@dataclass
class InProcessServer:
    """A served runtime; `tenant()` gives each test an owner of its own."""

    runtime: Runtime
    url: str
    count: int = 0

    @contextmanager
    def tenant(self) -> Iterator[Tenant]:
        """Make a tenant and a client for it."""
        self.count += 1
        made, key = accounts.create_tenant(self.runtime, f"tenant {self.count}")
        with self.client(key) as http:
            yield Tenant(made.id, key, http)

    def client(self, key: str | None = None) -> httpx2.Client:
        """Return a client, with a key or without."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # There is no TLS here, and loading certificates would take longer than most tests.
        return httpx2.Client(base_url=self.url, headers=headers, timeout=90, verify=False)


@contextmanager
def serving(data_dir: Path, **settings: Any) -> Iterator[InProcessServer]:
    """Serve a fresh runtime on a free port of this machine; better vectors only where asked for."""
    settings = {"better_vectors": "off"} | settings
    runtime = bootstrap.build(load_settings(_env_file=None, data_dir=data_dir, **settings))
    try:
        accounts.ensure_first_key(runtime)
        worker.start(runtime)
        config = uvicorn.Config(create_app(runtime), host="127.0.0.1", port=0, log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield InProcessServer(runtime, f"http://127.0.0.1:{_port(server)}")
        finally:
            server.should_exit = True
            thread.join()
    finally:
        runtime.close()


def _port(server: uvicorn.Server) -> int:
    deadline = time.monotonic() + WAIT_SECONDS
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    return int(server.servers[0].sockets[0].getsockname()[1])
