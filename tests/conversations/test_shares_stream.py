"""Streams of shared answers end with the share, in every process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
from tests.contract import problem_of
from tests.conversations.sharing import (
    TEXT,
    Visitor,
    add_agent,
    add_library,
    add_share,
    held,
    serving_fake,
    visiting,
)
from tests.fakes.openai_server import FakeOpenAI
from tests.inprocess import InProcessServer, Tenant
from tests.postgres import Postgres
from tests.servers import RunningServer

from ragline.conversations.shares_stream import LOOK_SECONDS
from ragline.models import Share, now

KEY = "rl_shared"


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


@pytest.fixture(scope="module")
def server(
    fake: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[InProcessServer]:
    """A server whose model is the fake."""
    with serving_fake(
        tmp_path_factory.mktemp("streams"),
        fake,
        lambda: request.getfixturevalue("postgres"),
        max_streams=8,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def tenant(server: InProcessServer) -> Iterator[Tenant]:
    with server.tenant() as owner:
        yield owner


@pytest.fixture(scope="module")
def agent(tenant: Tenant) -> str:
    return add_agent(tenant, add_library(tenant))


class Followed:
    """A stream that is read in a thread, until it ends."""

    def __init__(self, visitor: Visitor, message: str) -> None:
        self.lines: list[str] = []
        self.began = threading.Event()
        self._visitor = visitor
        self._url = f"{visitor.path}/messages/{message}/events"
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self.began.wait(60)

    def _read(self) -> None:
        with self._visitor.http.stream("GET", self._url) as response:
            for line in response.iter_lines():
                self.lines.append(line)
                self.began.set()

    def end(self) -> bool:
        """Wait for the end, and tell whether it came without the answer's."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return "event: job.completed" not in self.lines


def test_looks_are_frequent() -> None:
    """A revoked share is noticed within five seconds, with time to spare."""
    assert LOOK_SECONDS * 2 < 5


def test_revoking_ends_open_streams(
    server: InProcessServer, fake: FakeOpenAI, tenant: Tenant, agent: str
) -> None:
    """While the answer is still being written, its visitor is sent away."""
    share = add_share(tenant, agent)
    with visiting(server, share) as visitor, held(fake):
        stream = Followed(visitor, visitor.asked())
        tenant.http.delete(f"/v1/agents/{agent}/shares/{share['id']}")

        assert stream.end()


def test_expiry_ends_open_streams(
    server: InProcessServer, fake: FakeOpenAI, tenant: Tenant, agent: str
) -> None:
    """A link that expires is closed at that moment, not with the answer."""
    share = add_share(tenant, agent)
    with visiting(server, share) as visitor, held(fake):
        stream = Followed(visitor, visitor.asked())
        with server.runtime.database.write() as session:
            session.get_one(Share, share["id"]).expires_at = now() + timedelta(seconds=1)

        assert stream.end()


def test_one_share_does_not_take_all_streams(
    server: InProcessServer, fake: FakeOpenAI, tenant: Tenant, agent: str
) -> None:
    """Visitors beyond a share's part come back later, and those of other shares are served."""
    share, other = add_share(tenant, agent), add_share(tenant, agent)
    with (
        held(fake),
        visiting(server, share) as visitor,
        visiting(server, other) as another,
    ):
        message = visitor.asked()
        streams = [Followed(visitor, message) for _ in range(2)]
        refused = visitor.get(f"/messages/{message}/events")
        streams.append(Followed(another, another.asked()))
        for each in (share, other):
            tenant.http.delete(f"/v1/agents/{agent}/shares/{each['id']}")
        for stream in streams:
            stream.end()

    problem_of(refused, 503, "overloaded")


def test_revoking_reaches_other_processes(
    fake: FakeOpenAI, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What one process revokes is closed in another one, for requests and for open streams."""
    settings: dict[str, object] = {
        "database_url": postgres.new_database(),
        "api_key": KEY,
        "llm": "openai",
        "openai_base_url": fake.url,
        "openai_model": "fake-1",
        "cache": False,
    }
    data_dir = tmp_path_factory.mktemp("processes") / "data"
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        RunningServer(data_dir, name="one", **settings) as one,
        RunningServer(data_dir, "--no-worker", name="other", **settings) as other,
        httpx2.Client(base_url=one.url, headers=headers, timeout=90, verify=False) as http,
        httpx2.Client(base_url=other.url, timeout=90, verify=False) as public,
        held(fake),
    ):
        owner = Tenant("", KEY, http)
        project = owner.project()
        owner.ingest_text(project, TEXT, title="Kettle")
        agent = add_agent(owner, project)
        share = add_share(owner, agent)
        visitor = Visitor(public, share["path"])
        before = visitor.get("/agent").status_code
        stream = Followed(visitor, visitor.asked())
        http.delete(f"/v1/agents/{agent}/shares/{share['id']}")
        after = visitor.get("/agent").status_code

        assert (200, 404) == (before, after)
        assert stream.end()
