"""The server that the commands speak to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from uuid import UUID

from ragline.client import Agent, Client, ClientProblem, Project
from ragline.errors import ConfigurationError, NotFound
from ragline.settings import Settings, load_settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@contextmanager
def connected() -> Iterator[Client]:
    """Give a client for the server and key in the settings."""
    settings = load_settings()
    with Client(settings.url, _key(settings)) as client:
        # Who mistyped a URL should not wait for the tries that a restart deserves.
        with suppress(ClientProblem):
            client.live()
        yield client


def find_project(client: Client, reference: str) -> Project:
    """Return the project with this name, else the one with this id."""
    found = client.project_named(reference)
    if found is not None:
        return found
    if _is_id(reference):
        with suppress(NotFound):
            return client.project(reference)
    raise NotFound(
        f"There is no project with the name or id {reference!r}: `ragline ingest` makes one."
    )


def find_agent(client: Client, reference: str) -> Agent:
    """Return the agent with this name, the oldest of them, else the one with this id."""
    for agent in client.agents():
        if reference in (agent.name, agent.id):
            return agent
    raise NotFound(
        f"There is no agent with the name or id {reference!r}: `ragline agents create` makes one."
    )


def _key(settings: Settings) -> str | None:
    """Return the key from the settings, else the one that the first start left on this machine.

    That one belongs to this machine's server and is not shown to any other.
    """
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    if urlsplit(settings.url).hostname not in LOOPBACK:
        return None
    try:
        return settings.key_file.read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"The key in {settings.key_file} cannot be read ({error.strerror}): "
            "set RAGLINE_API_KEY."
        ) from None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
