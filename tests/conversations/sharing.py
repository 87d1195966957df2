"""Shares of an agent, and visitors who use them without a key."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
from tests.fakes.openai_server import FakeOpenAI, streamed
from tests.inprocess import InProcessServer, Tenant
from tests.postgres import Postgres
from tests.servers import RunningServer

from ragline.bootstrap import Runtime
from ragline.database import Database
from ragline.settings import load_settings

QUESTION = "How long does the warranty of the kettle last?"
TEXT = "The warranty of the kettle lasts two years. It covers all parts except the filter."
ENDED = ("completed", "failed", "cancelled")
WAIT_SECONDS = 60


@dataclass
class Visitor:
    """Somebody who has a link, and nothing else."""

    http: httpx2.Client
    path: str

    def get(self, path: str, **options: Any) -> Any:
        """Ask for something below the link."""
        return self.http.get(self.path + path, **options)

    def post(self, path: str, **options: Any) -> Any:
        """Post something below the link."""
        return self.http.post(self.path + path, **options)

    def begin(self) -> str:
        """Begin a conversation and return its id."""
        answer = self.post("/sessions")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def ask(self, session: str, content: str = QUESTION, *, key: str | None = None) -> Any:
        """Ask a question and return the response."""
        headers = {"Idempotency-Key": key} if key else {}
        body = {"content": content}
        return self.post(f"/sessions/{session}/messages", json=body, headers=headers)

    def asked(self) -> str:
        """Ask in a conversation of its own and return the answer's id."""
        answer = self.ask(self.begin())
        assert answer.status_code == 202, answer.text
        return str(answer.json()["message_id"])

    def ended(self, message_id: str) -> dict[str, Any]:
        """Return an answer once it has ended."""
        return self.until(message_id, lambda message: message["status"] in ENDED)

    def until(self, message_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return a message once something holds for it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            message: dict[str, Any] = self.get(f"/messages/{message_id}").json()
            if holds(message):
                return message
            time.sleep(0.05)
        raise AssertionError(f"it did not come to that: {message}")


def add_library(tenant: Tenant) -> str:
    """Make a project that knows about the kettle and return its id."""
    project = tenant.project()
    tenant.ingest_text(project, TEXT, title="Kettle")
    return project


def add_agent(tenant: Tenant, project: str, **fields: Any) -> str:
    """Make an agent that answers from a project and return its id."""
    body = {"name": "Kettle's agent", "projects": [project], **fields}
    answer = tenant.http.post("/v1/agents", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def add_share(tenant: Tenant, agent: str, **limits: Any) -> dict[str, Any]:
    """Share an agent and return what was answered."""
    answer = tenant.http.post(f"/v1/agents/{agent}/shares", json=limits)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def used(tenant: Tenant, agent: str) -> dict[str, Any]:
    """Return the only share of an agent as its owner sees it."""
    (share,) = tenant.http.get(f"/v1/agents/{agent}/shares").json()["shares"]
    return dict(share)


@contextmanager
def visiting(server: InProcessServer, share: dict[str, Any]) -> Iterator[Visitor]:
    """Give a visitor of a share."""
    with server.client() as http:
        yield Visitor(http, share["path"])


@contextmanager
def serving_fake(
    data_dir: Path, fake: FakeOpenAI, new_postgres: Callable[[], Postgres], **settings: Any
) -> Iterator[InProcessServer]:
    """Serve with a fake model, on PostgreSQL where the tests are run for that."""
    settings = {
        "idle_poll_seconds": 0.2,
        "chat_poll_seconds": 0.05,
        "llm": "openai",
        "openai_base_url": fake.url,
        "openai_model": "fake-1",
        "cache": False,
        **settings,
    }
    if os.environ.get("RAGLINE_TEST_DATABASE") == "postgresql":
        settings["database_url"] = new_postgres().new_database()
    # A process of its own: the tests of other features have a worker in this one.
    with RunningServer(data_dir, **settings) as server:
        url = load_settings(_env_file=None, data_dir=data_dir, **settings).sqlalchemy_url
        beside = Beside(Database(url, connections=4))
        try:
            yield InProcessServer(cast(Runtime, beside), server.url)
        finally:
            beside.database.close()


@dataclass
class Beside:
    """What this process sees of a server in another one: their common database."""

    database: Database


@contextmanager
def held(fake: FakeOpenAI, *, at: int | None = None) -> Iterator[threading.Event]:
    """Have the fake's next answer wait until the event is set, which the block's end does.

    With `at` the first so many bytes of it are sent before.
    """
    let_go = threading.Event()
    fake.replies.append(
        streamed("The warranty", " lasts two", " years [", "1].", until=let_go, held_at=at)
    )
    try:
        yield let_go
    finally:
        let_go.set()
