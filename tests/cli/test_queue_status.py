"""`ragline queue-status` against a server."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Ragline
from tests.inprocess import InProcessServer


@pytest.fixture
def operator(server: InProcessServer) -> str:
    """The operator's key."""
    return server.runtime.settings.key_file.read_text().strip()


def test_an_owner_sees_own_numbers(ragline: Ragline) -> None:
    """The table has a line for each queue, and says whose jobs are counted."""
    result = ragline("queue-status")

    assert 0 == result.exit_code
    assert "your jobs" in result.stdout
    for name in ("chat", "ingest", "pages", "default"):
        assert name in result.stdout


def test_an_operator_sees_all(ragline: Ragline, operator: str) -> None:
    """With an operator's key the jobs of all tenants are counted."""
    result = ragline("queue-status", "--json", RAGLINE_API_KEY=operator)

    assert "all" == json.loads(result.stdout)["scope"]


def test_a_queue_is_paused_and_resumed(ragline: Ragline, operator: str) -> None:
    """A paused queue is marked until it is resumed."""
    try:
        paused = ragline("queue-status", "--pause", "default", RAGLINE_API_KEY=operator)
    finally:
        resumed = ragline("queue-status", "--resume", "default", RAGLINE_API_KEY=operator)

    assert (0, 0) == (paused.exit_code, resumed.exit_code)
    assert "default (paused)" in paused.stdout
    assert "paused" not in resumed.stdout


def test_an_owner_cannot_pause(ragline: Ragline) -> None:
    """Pausing stops the work of all tenants, so that it needs an operator."""
    result = ragline("queue-status", "--pause", "default")

    assert 1 == result.exit_code
    assert "needs a key with the role operator" in result.stderr


def test_an_unknown_queue_is_told(ragline: Ragline, operator: str) -> None:
    """A queue that does not exist ends with a sentence that names those that do."""
    result = ragline("queue-status", "--pause", "nothing", RAGLINE_API_KEY=operator)

    assert 1 == result.exit_code
    assert "There is no queue named 'nothing'" in result.stderr


def test_watching_is_for_people(ragline: Ragline) -> None:
    """A document for machines is one document."""
    assert 2 == ragline("queue-status", "--watch", "--json").exit_code


def test_nobody_there(ragline: Ragline) -> None:
    """Without a server the command fails."""
    assert 1 == ragline("queue-status", RAGLINE_URL="http://127.0.0.1:9").exit_code
