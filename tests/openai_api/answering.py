"""A server whose model is a fake, and the official client speaking to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from tests.chat.asking import add_library, http_to, model_settings, wait_until
from tests.fakes.openai_server import FakeOpenAI
from tests.servers import RunningServer

ANSWER = "The warranty lasts two years [1]."
QUOTE = "The warranty of the kettle lasts two years."
QUESTION = "How long does the warranty of the kettle last?"


@dataclass
class Desk:
    """Where questions are asked: the client, the fake model behind, and a project that knows."""

    client: openai.OpenAI
    fake: FakeOpenAI
    server: RunningServer
    project: str

    @property
    def model(self) -> str:
        """The project's name as a model."""
        return f"project:{self.project}"

    @property
    def store(self) -> str:
        """The project's name as a vector store."""
        return f"vs_{self.project}"

    def ask(self, question: str = QUESTION, **fields: Any) -> Any:
        """Ask for a chat completion."""
        asked = {"model": self.model, "messages": [{"role": "user", "content": question}]}
        return self.client.chat.completions.create(**(asked | fields))

    def respond(self, question: str = QUESTION, **fields: Any) -> Any:
        """Ask for a response."""
        return self.client.responses.create(**({"model": self.model, "input": question} | fields))

    def ended(self, response_id: str) -> Any:
        """Return a background response once it has ended."""
        return self.once(response_id, lambda status: status not in ("queued", "in_progress"))

    def once(self, response_id: str, wanted: Callable[[str], bool]) -> Any:
        """Return a response once its status is as wanted."""
        wait_until(lambda: wanted(self.client.responses.retrieve(response_id).status))
        return self.client.responses.retrieve(response_id)


@contextmanager
def open_desk(folder: Any, request: pytest.FixtureRequest, **settings: object) -> Iterator[Desk]:
    """Start a server with a fake model, on the database that `RAGLINE_TEST_DATABASE` names."""
    with FakeOpenAI().running() as fake:
        settings = model_settings(fake) | {"cache": "false"} | settings
        if os.environ.get("RAGLINE_TEST_DATABASE") == "postgresql":
            settings["database_url"] = request.getfixturevalue("postgres").new_database()
        with RunningServer(folder, **settings) as server, http_to(server) as http:
            project = add_library(http)
            client = openai.OpenAI(
                base_url=f"{server.url}/v1", api_key=server.api_key, max_retries=0
            )
            with client:
                yield Desk(client, fake, server, project)


def forget(desk: Desk) -> Desk:
    """Return the desk with nothing scripted and nothing counted."""
    desk.fake.replies.clear()
    desk.fake.requests.clear()
    desk.fake.hung_up.clear()
    return desk


def types(events: Sequence[Any]) -> list[str]:
    """Return the types of events."""
    return [event.type for event in events]


def numbers(events: Sequence[Any]) -> list[int]:
    """Return the sequence numbers of events."""
    return [event.sequence_number for event in events]
