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


@pytest.fixture
def delayed(tenant: Tenant) -> str:
    """A job that waits for a time far away."""
    later = "2090-01-01T00:00:00Z"
    accepted = tenant.add_text(tenant.project("later"), "Owls sleep.", not_before=later).json()
    return str(accepted["job"]["id"])


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


def test_the_list_is_filtered_by_age(ragline: Ragline, completed: dict[str, Any]) -> None:
    """An age or a date bounds the list below."""

    def found(since: str) -> list[str]:
        result = ragline("jobs", "list", "--since", since, "--json")
        return [job["id"] for job in json.loads(result.stdout)["jobs"]]

    assert [completed["id"]] == found("1h")
    assert [completed["id"]] == found("2000-01-01")
    assert [] == found("2100-01-01T00:00:00Z")


@pytest.mark.parametrize("since", ["yesterday", "1y", "", "999999w", "-1h"])
def test_an_odd_age_is_told(ragline: Ragline, since: str) -> None:
    """What is neither an age nor a date ends with a sentence."""
    result = ragline("jobs", "list", "--since", since)

    assert 1 == result.exit_code
    assert "is no time: give an age" in result.stderr


def test_the_list_is_filtered_by_tag(ragline: Ragline, completed: dict[str, Any]) -> None:
    """A tag that no job has leads to none."""
    assert "No jobs.\n" == ragline("jobs", "list", "--tag", "red").stdout


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


def test_a_watched_job_is_told_about(ragline: Ragline, failed: dict[str, Any]) -> None:
    """What happens to a job while it is watched comes line by line."""
    assert 0 == ragline("jobs", "retry", failed["id"]).exit_code

    result = ragline("jobs", "watch", failed["id"])

    assert 1 == result.exit_code
    assert failed["error"]["detail"] in result.stdout


def test_attempts_are_shown(ragline: Ragline, tenant: Tenant, failed: dict[str, Any]) -> None:
    """A job that was retried shows how each attempt went."""
    ragline("jobs", "retry", failed["id"])
    tenant.ended(failed["id"])

    shown = ragline("jobs", "show", failed["id"]).stdout

    assert "attempt 1  failed, began " in shown
    assert "attempt 2  failed, began " in shown


def test_jobs_are_cancelled(ragline: Ragline, delayed: str) -> None:
    """A job that waits is cancelled at once, and its watcher hears of it."""
    result = ragline("jobs", "cancel", delayed)

    assert (0, f"ingest {delayed}: cancelled\n") == (result.exit_code, result.stdout)
    assert 1 == ragline("jobs", "watch", delayed).exit_code


def test_one_refusal_does_not_stop_the_others(
    ragline: Ragline, delayed: str, completed: dict[str, Any]
) -> None:
    """Each job is tried; the exit code tells that one was refused."""
    result = ragline("jobs", "cancel", completed["id"], "nothing", delayed)

    assert 1 == result.exit_code
    assert f"ingest {delayed}: cancelled\n" == result.stdout
    assert f"{completed['id']}: This job has completed" in result.stderr
    assert "nothing: There is no job" in result.stderr


def test_refusals_for_machines(ragline: Ragline, delayed: str) -> None:
    """`--json` names what was done and what was not."""
    result = ragline("jobs", "cancel", delayed, "nothing", "--json")
    told = json.loads(result.stdout)

    assert 1 == result.exit_code
    assert [delayed] == [job["id"] for job in told["jobs"]]
    assert ["nothing"] == [one["job_id"] for one in told["refused"]]


def test_all_failed_jobs_are_retried(
    ragline: Ragline, tenant: Tenant, failed: dict[str, Any]
) -> None:
    """A status chooses the jobs; other filters narrow the choice."""
    none = ragline("jobs", "retry", "--status", "failed", "--tag", "red")
    result = ragline("jobs", "retry", "--status", "failed", "-p", "ruins", "--kind", "ingest")

    assert (0, "No jobs to retry.\n") == (none.exit_code, none.stdout)
    assert (0, True) == (result.exit_code, f"{failed['id']}: retried\n" in result.stdout)
    assert 2 == len(tenant.ended(failed["id"])["attempts"])


@pytest.mark.parametrize(
    "arguments", [[], ["some-id", "--status", "failed"], ["some-id", "--kind", "ingest"]]
)
def test_jobs_to_retry_are_chosen_in_one_way(ragline: Ragline, arguments: list[str]) -> None:
    """Nothing at all, or ids beside filters, is a wrong use."""
    assert 2 == ragline("jobs", "retry", *arguments).exit_code


def test_a_failed_job_is_dismissed(ragline: Ragline, failed: dict[str, Any]) -> None:
    """A dead letter may go."""
    result = ragline("jobs", "dismiss", failed["id"])

    assert (0, f"ingest {failed['id']}: dismissed\n") == (result.exit_code, result.stdout)


def test_a_job_that_did_not_fail_is_not_dismissed(
    ragline: Ragline, completed: dict[str, Any]
) -> None:
    """Only dead letters can be dismissed."""
    assert 1 == ragline("jobs", "dismiss", completed["id"]).exit_code
