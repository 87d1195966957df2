"""`ragline jobs` against a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.conftest import Ragline
from tests.inprocess import Tenant


@pytest.fixture
def completed(tenant: Tenant) -> dict[str, Any]:
    """A job that ended well."""
    accepted = tenant.add_text(tenant.project("zoo"), "Tigers live in Bengal.").json()
    return tenant.ended(accepted["job"]["id"])


@pytest.fixture
def failed(tenant: Tenant) -> dict[str, Any]:
    """A job that failed."""
    content = b"%PDF-1.7\nnot a PDF after all"
    accepted = tenant.upload(tenant.project("ruins"), ("broken.pdf", content)).json()
    return tenant.ended(accepted["job"]["id"])


def test_jobs_are_listed(ragline: Ragline, completed: dict[str, Any]) -> None:
    """The list shows whole ids, which can be copied."""
    assert completed["id"] in ragline("jobs", "list").stdout


def test_without_jobs_the_list_says_so(ragline: Ragline) -> None:
    """An owner who has nothing yet gets a sentence."""
    assert "No jobs.\n" == ragline("jobs", "list").stdout


def test_the_list_is_filtered(
    ragline: Ragline, completed: dict[str, Any], failed: dict[str, Any]
) -> None:
    """Status, kind and project narrow the list."""
    result = ragline(
        "jobs", "list", "--status", "failed", "--kind", "ingest", "-p", "ruins", "--json"
    )

    assert [failed["id"]] == [job["id"] for job in json.loads(result.stdout)["jobs"]]


def test_a_job_is_shown(ragline: Ragline, failed: dict[str, Any]) -> None:
    """A failed job shows why it failed; to have looked is a success."""
    result = ragline("jobs", "show", failed["id"])

    assert 0 == result.exit_code
    assert failed["error"]["detail"] in result.stdout


def test_a_job_for_machines_is_what_the_server_sent(
    ragline: Ragline, completed: dict[str, Any]
) -> None:
    """`--json` loses no field."""
    assert completed == json.loads(ragline("jobs", "show", completed["id"], "--json").stdout)


def test_an_unknown_job_is_told(ragline: Ragline) -> None:
    """A job that does not exist ends with a sentence."""
    result = ragline("jobs", "show", "nothing")

    assert 1 == result.exit_code
    assert "Error: There is no job with the id 'nothing'." in result.stderr


def test_a_job_is_watched_to_its_end(ragline: Ragline, tenant: Tenant) -> None:
    """`watch` returns when the job has ended well."""
    accepted = tenant.add_text(tenant.project("zoo"), "Owls turn their heads.").json()

    result = ragline("jobs", "watch", accepted["job"]["id"])

    assert 0 == result.exit_code
    assert "completed" in result.stdout


def test_watching_a_job_that_failed_fails(ragline: Ragline, failed: dict[str, Any]) -> None:
    """The exit code tells scripts how the job ended."""
    assert 1 == ragline("jobs", "watch", failed["id"]).exit_code


def test_all_open_jobs_are_watched(ragline: Ragline, tenant: Tenant) -> None:
    """Without an id, `watch` returns when nothing is open any more."""
    project_id = tenant.project("zoo")
    files = [(f"{number}.txt", f"Animal number {number}.".encode()) for number in range(5)]
    tenant.upload(project_id, *files)

    ragline("jobs", "watch")

    assert "No open jobs.\n" == ragline("jobs", "watch").stdout
