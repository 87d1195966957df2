"""The server that the commands speak to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import UUID

from ragline.client import Client, ClientProblem, Project
from ragline.errors import ConfigurationError, NotFound
from ragline.settings import Settings, load_settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@contextmanager
def connected() -> Iterator[Client]:
    """Give a client for the server and key in the settings."""
    settings = load_settings()
    with Client(settings.url, _key(settings)) as client:
        yield client


def find_project(client: Client, reference: str) -> Project:
    """Return the project with this name, else the one with this id."""
    found = client.project_named(reference)
    if found is not None:
        return found
    if _is_id(reference):
        try:
            return client.project(reference)
        except ClientProblem as problem:
            if problem.status != 404:
                raise
    raise NotFound(
        f"There is no project with the name or id {reference!r}: `ragline ingest` makes one."
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
