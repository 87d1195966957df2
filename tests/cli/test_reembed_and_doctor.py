"""Indexes of projects, and the doctor, on the command line."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Ragline
from tests.inprocess import InProcessServer, Tenant

from ragline.cli.exits import FAILED


@pytest.fixture
def operator_key(server: InProcessServer) -> str:
    """The key of the first operator."""
    return server.runtime.settings.key_file.read_text().strip()


def test_indexes_are_shown(ragline: Ragline, tenant: Tenant) -> None:
    """A project says what it is searched with, and how full that is."""

    project = tenant.project("shown")
    tenant.ingest_text(project, "The weir at Teddington is the end of the tidal Thames.")
    done = ragline("reembed", "shown", "--show")

    assert 0 == done.exit_code, done.output
    assert "searched in: use in " in done.output
    assert "1 of 1 passages" in done.output


def test_nothing_asked_is_refused(ragline: Ragline, tenant: Tenant) -> None:
    """Without a model, a store or another wish the command says what to give."""

    tenant.project("idle")
    done = ragline("reembed", "idle")

    assert 2 == done.exit_code
    assert "--embedder" in done.output


def test_refusals_end_with_a_sentence(ragline: Ragline, tenant: Tenant) -> None:
    """What the server refuses is told, and the exit code is 1."""

    tenant.project("kept")
    unknown = ragline("reembed", "kept", "--embedder", "nobody")
    back = ragline("reembed", "kept", "--rollback")

    assert (FAILED, FAILED) == (unknown.exit_code, back.exit_code)
    assert "nobody" in unknown.output
    assert "no previous index" in back.output


def test_doctor_exits_by_what_it_finds(
    server: InProcessServer, ragline: Ragline, tenant: Tenant, operator_key: str
) -> None:
    """A difference gives exit code 1; after a repair it is 0."""

    project = tenant.project()
    document = tenant.ingest_text(project, "The maze at Hatfield has three hundred yards of yew.")
    asked = ("doctor", "--project", project)
    with_key = {"RAGLINE_API_KEY": operator_key}
    server.runtime.vector_store.delete(document_id=document["id"])
    ill = ragline(*asked, "--json", **with_key)
    mended = ragline(*asked, "--repair", **with_key)

    assert FAILED == ill.exit_code, ill.output
    assert ["missing-vectors"] == [each["kind"] for each in json.loads(ill.output)["differences"]]
    assert 0 == mended.exit_code, mended.output
    assert "Repaired: 1 missing-vectors." in mended.output
    assert "Everything is as it should be." in mended.output


def test_doctor_is_for_operators(ragline: Ragline) -> None:
    """Who may not ask is told so."""

    done = ragline("doctor")

    assert FAILED == done.exit_code


def test_offline_doctor_needs_the_data_directory(server: InProcessServer, ragline: Ragline) -> None:
    """While a server runs on it, the data directory cannot be looked at directly."""

    done = ragline("doctor", "--offline", RAGLINE_DATA_DIR=str(server.runtime.settings.data_dir))

    assert FAILED == done.exit_code
    assert "Another Ragline process" in done.output
