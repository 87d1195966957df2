"""`ragline agents` and `ragline chat` against a server."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Ragline
from tests.inprocess import Tenant

TIGERS = "Tigers live in Bengal and hunt at night, alone and in silence."


@pytest.fixture
def keeper(ragline: Ragline, tenant: Tenant) -> str:
    """The id of an agent named keeper that knows about tigers."""
    tenant.ingest_text(tenant.project("zoo"), TIGERS, title="Tigers")
    made = ragline("agents", "create", "keeper", "-p", "zoo", "--instructions", "Brief.", "--json")
    return str(json.loads(made.stdout)["id"])


def test_agents_are_made_listed_shown_and_deleted(ragline: Ragline, keeper: str) -> None:
    """An agent is known by its name and by its id, until it is deleted."""
    listed, shown = ragline("agents", "list"), ragline("agents", "show", keeper)
    deleted = ragline("agents", "delete", "keeper", "--yes")

    assert keeper in listed.stdout
    assert "instructions  Brief." in shown.stdout
    assert "'keeper' is gone, with 0 sessions.\n" == deleted.stdout
    assert "No agents.\n" == ragline("agents", "list").stdout


def test_a_deletion_is_asked_for(ragline: Ragline, keeper: str) -> None:
    """Without a yes nothing is deleted."""
    refused = ragline("agents", "delete", keeper)

    assert 1 == refused.exit_code
    assert keeper in ragline("agents", "list").stdout


def test_an_unknown_agent_is_told(ragline: Ragline) -> None:
    """An agent that does not exist ends with a sentence."""
    result = ragline("chat", "nobody")

    assert 1 == result.exit_code
    assert "Error: There is no agent with the name or id 'nobody'" in result.stderr


def test_a_pipe_is_answered_line_by_line(ragline: Ragline, keeper: str) -> None:
    """Each line is a question of one conversation, with its sources."""
    result = ragline("chat", "keeper", input="Where do tigers live?\n\nWhen do they hunt?\n")

    assert (0, 2) == (result.exit_code, result.stdout.count("Sources")), result.output
    assert "Bengal" in result.stdout


def test_a_conversation_goes_on_and_is_printed_for_machines(ragline: Ragline, keeper: str) -> None:
    """`--json` prints all messages, also those of an earlier call."""
    first = json.loads(ragline("chat", keeper, "--json", input="Where do tigers live?").stdout)
    session = first["session_id"]
    again = ragline("chat", keeper, "--session", session, "--json", input="When do they hunt?\n")

    messages = json.loads(again.stdout)["messages"]
    assert ["user", "assistant"] * 2 == [message["role"] for message in messages]
    assert messages[:2] == first["messages"]
