"""A project with a connected library, of a server in this process and a fake Zotero."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

from tests.fakes.zotero_server import FakeZotero
from tests.inprocess import Tenant


def prose(subject: str, sentences: int = 6) -> str:
    """Return some sentences about a subject, the same each time."""
    draw = random.Random(subject)  # no secret
    verbs = ["describes", "measures", "explains", "doubts", "confirms", "extends"]
    things = ["the method", "the results", "its sources", "earlier work", "a theory", "the limits"]
    return " ".join(
        f"{subject} {draw.choice(verbs)} {draw.choice(things)} in part {number}."
        for number in range(sentences)
    )


@dataclass
class Connected:
    """A connected library and what a test does with it."""

    tenant: Tenant
    fake: FakeZotero
    project: str
    id: str

    @property
    def url(self) -> str:
        """The address of the connection."""
        return f"/v1/projects/{self.project}/zotero/{self.id}"

    def work(self, title: str, *, file: bytes | None = None, **data: Any) -> tuple[str, str]:
        """Put a work with a file into the library; return their keys."""
        work = self.fake.put("journalArticle", title=title, **data)
        return work, self.fake.attach(work, file or prose(title).encode())

    def begin(self) -> str:
        """Ask for a sync and return its job's id."""
        answer = self.tenant.http.post(f"{self.url}/sync")
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job"]["id"])

    def sync(self) -> dict[str, Any]:
        """Sync and return the job once it has ended."""
        return self.tenant.ended(self.begin())

    def view(self) -> dict[str, Any]:
        """Return the connection as it is shown."""
        return dict(self.tenant.http.get(self.url).json())

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return the project's documents by title."""
        answer = self.tenant.http.get(f"/v1/projects/{self.project}/documents?limit=200").json()
        return {each["title"]: each for each in answer["documents"]}


def connect(tenant: Tenant, fake: FakeZotero, **fields: Any) -> Connected:
    """Make a project and connect the fake's library to it."""
    project = tenant.project(f"library {time.monotonic_ns()}")
    body = {"library": fake.library, "api_key": fake.api_key, **fields}
    answer = tenant.http.post(f"/v1/projects/{project}/zotero", json=body)
    assert answer.status_code == 201, answer.text
    return Connected(tenant, fake, project, str(answer.json()["id"]))
