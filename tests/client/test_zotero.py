"""The client library and the command line follow a library of Zotero."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.client.clients import Connect
from tests.fakes.openai_server import FakeOpenAI, streamed
from tests.zotero import conftest as served
from tests.zotero.connected import Connected
from typer.testing import CliRunner, Result

from ragline import Client, Conflict, NotFound
from ragline.cli import app

Ragline = Callable[..., Result]

# The server and the fakes that it asks are those of the server's own tests.
zotero_server, model, owner = served.zotero_server, served.model, served.owner
fake, library = served.fake, served.library

SECRET = "secret-key-0123"


@pytest.fixture
def ragline(library: Connected) -> Ragline:
    """Run a command as the owner of the library; `env` changes its surroundings."""
    surroundings = {
        "RAGLINE_URL": str(library.tenant.http.base_url),
        "RAGLINE_API_KEY": library.tenant.key,
        "ZOTERO_API_KEY": None,
    }

    def run(*words: str, input: str | None = None, **env: str) -> Result:
        return CliRunner().invoke(app, words, input=input, env=surroundings | env)

    return run


def client_of(library: Connected) -> Client:
    """Return a client that bears the owner's key."""
    return Client(str(library.tenant.http.base_url), library.tenant.key)


def test_a_library_by_the_library(library: Connected, model: FakeOpenAI, connect: Connect) -> None:
    """Synced, with notes that are estimated, written, listed and shown, by both clients."""
    work, _ = library.work("On Engines")
    model.replies.append(streamed("It asks much [1]."))
    at = (library.project, library.id)
    with connect(str(library.tenant.http.base_url), library.tenant.key) as client:
        synced = client.wait_until_ended(client.sync_zotero(*at).id)
        shown = client.zotero_library(*at)
        assert ("completed", 1, [shown]) == (
            synced.status,
            shown.documents,
            client.zotero_libraries(library.project),
        )

        estimate = client.preview_notes(*at, [work])
        begun = client.write_notes(*at, [work, "ABCD2345"], push=False, tags=["read"])
        client.wait_until_ended(begun.job.id)
        assert ([work], ["ABCD2345"]) == (begun.items, [one.item_key for one in begun.skipped])
        assert (1, True) == (estimate.notes, estimate.cost > 0)
        note = client.note(*at, work)
        assert ("preview", "On Engines") == (note.status, note.title)
        assert "It asks much" in (note.html or "")
        assert [work] == [each.item_key for each in client.notes(*at)]


def test_a_connection_is_changed(library: Connected) -> None:
    """What is not named stays, None clears, and a library that is gone is not found."""
    with client_of(library) as client:
        other = client.connect_zotero(
            library.project, "groups/45", collections=["ABCD2345"], prompt="Be brief."
        )
        keyed = client.change_zotero(library.project, other.id, zotero_key=SECRET)
        cleared = client.change_zotero(library.project, other.id, collections=[], prompt=None)
        with pytest.raises(Conflict, match="connected to this project already"):
            client.connect_zotero(library.project, "groups/45")
        client.disconnect_zotero(library.project, other.id)
        with pytest.raises(NotFound):
            client.zotero_library(library.project, other.id)

    assert (True, "Be brief.", ["ABCD2345"]) == (keyed.has_key, keyed.prompt, keyed.collections)
    assert (True, None, []) == (cleared.has_key, cleared.prompt, cleared.collections)


@pytest.mark.parametrize("how", ["environment", "prompt", "public"])
def test_a_library_is_added_by_the_command_line(
    ragline: Ragline, library: Connected, how: str
) -> None:
    """The key comes from the environment or is asked for, and is never shown."""
    words = ("zotero", "add", "groups/45", "-p", f"{how} {library.id}")
    if how == "environment":
        added = ragline(*words, ZOTERO_API_KEY=SECRET)
    elif how == "prompt":
        added = ragline(*words, input=f"{SECRET}\n")
    else:
        added = ragline(*words, "--public")
    listed = ragline("zotero", "list", words[-1], "--json")

    assert (0, 0) == (added.exit_code, listed.exit_code), added.output + listed.output
    assert (how != "public") is json.loads(listed.stdout)["libraries"][0]["has_key"]
    assert SECRET not in added.output + listed.output


def test_a_library_by_the_command_line(
    ragline: Ragline, library: Connected, model: FakeOpenAI
) -> None:
    """Synced, and its notes estimated, written and listed."""
    work, _ = library.work("On Boilers")
    model.replies.append(streamed("It asks much [1]."))

    synced = ragline("zotero", "sync", library.project)
    estimate = ragline("zotero", "notes", library.project, "--dry-run")
    written = ragline("zotero", "notes", library.project, "users/123", "--write")
    listed = ragline("zotero", "notes", library.project)

    assert 0 == synced.exit_code, synced.output
    assert "users/123: completed" in synced.stdout
    assert "1 notes, 0 of them unchanged" in estimate.stdout
    assert (0, True) == (written.exit_code, "created" in written.stdout), written.output
    assert "On Boilers" in listed.stdout
    assert 1 == len(library.fake.children(work))


def test_a_sync_that_fails(ragline: Ragline, library: Connected) -> None:
    """The command ends with the reason, and not well; so it does without a library."""
    library.fake.api_key, right = "another", library.fake.api_key
    try:
        refused = ragline("zotero", "sync", library.project)
    finally:
        library.fake.api_key = right
    unknown = ragline("zotero", "sync", library.project, "users/9")

    assert (1, True) == (refused.exit_code, "✗" in refused.stdout), refused.output
    assert (1, True) == (unknown.exit_code, "no such library" in unknown.stderr)
