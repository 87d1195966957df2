"""A request that is sent again under its key has its effect once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.contract import count_rows, problem_of, stored_files
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import at_rest

KEY = "Idempotency-Key"
AT_ONCE = 20


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


def sent(tenant: Tenant, project: str, key: str | None = "k", **body: Any) -> Any:
    """Send a text under a key and return the response."""
    headers = {} if key is None else {KEY: key}
    body = {"text": "The mill was rebuilt."} | body
    return tenant.http.post(f"/v1/projects/{project}/documents", json=body, headers=headers)


def form(tenant: Tenant, project: str, boundary: str, content: str = "Words.") -> Any:
    """Send a form, written out, under a key and return the response."""
    lines = [
        f"--{boundary}",
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        "",
        content,
        f"--{boundary}--",
        "",
    ]
    headers = {KEY: "form", "content-type": f"multipart/form-data; boundary={boundary}"}
    path = f"/v1/projects/{project}/documents"
    return tenant.http.post(path, content="\r\n".join(lines), headers=headers)


def jobs_of(tenant: Tenant) -> list[str]:
    """Return the ids of all jobs of a tenant."""
    return [job["id"] for job in tenant.http.get("/v1/jobs").json()["jobs"]]


def test_replay(tenant: Tenant) -> None:
    """The same request gets the same answer, its status and headers too, and no second job."""
    project = tenant.project()
    first, second = sent(tenant, project), sent(tenant, project)

    assert (202, first.json()) == (second.status_code, second.json())
    assert first.headers["location"] == second.headers["location"]
    assert [first.json()["job"]["id"]] == jobs_of(tenant)


def test_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """Of many that are sent at the same moment one has an effect, and all get its answer."""
    project = tenant.project()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: sent(tenant, project), range(AT_ONCE)))

    assert [202] * AT_ONCE == [answer.status_code for answer in answers]
    assert 1 == len({answer.text for answer in answers})
    assert [1, 1] == [count_rows(server, table, tenant.id) for table in ("documents", "jobs")]


@pytest.mark.parametrize(
    "other",
    [
        {"text": "Another text."},
        {"title": "A title"},
        {"metadata": {"a": 1}},
        {"external_id": "x"},
        {"priority": 5},
        {"tags": ["a"]},
        {"not_before": "2999-01-01T00:00:00Z"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_request(tenant: Tenant, other: dict[str, Any]) -> None:
    """A key that was used for another request is refused, and that one's effect stays."""
    project = tenant.project()
    job = sent(tenant, project).json()["job"]["id"]

    problem_of(sent(tenant, project, **other), 422, "idempotency-key-reused")
    assert [job] == jobs_of(tenant)


def test_another_call(tenant: Tenant) -> None:
    """A key belongs to one call: another project, or a retry, is another request."""
    first, second = tenant.project("first"), tenant.project("second")
    job = sent(tenant, first).json()["job"]["id"]
    tenant.http.post(f"/v1/jobs/{job}/cancel")
    retried = tenant.http.post(f"/v1/jobs/{job}/retry", headers={KEY: "k"})

    problem_of(sent(tenant, second), 422, "idempotency-key-reused")
    problem_of(retried, 422, "idempotency-key-reused")


def test_rejected_file_counts(tenant: Tenant) -> None:
    """A form that also has a file that was refused is another request than one without it."""
    project = tenant.project()
    good, bad = ("file", ("a.txt", b"Words.")), ("file", ("b.bin", bytes(range(256))))
    path, headers = f"/v1/projects/{project}/documents", {KEY: "k"}
    first = tenant.http.post(path, files=[good, bad], headers=headers)

    assert 202 == first.status_code
    assert 1 == len(first.json()["rejected"])
    problem_of(tenant.http.post(path, files=[good], headers=headers), 422, "idempotency-key-reused")


def test_key_is_free_after_a_failure(server: InProcessServer, tenant: Tenant) -> None:
    """A request that failed kept nothing; its key serves the corrected one."""
    before = stored_files(server)
    problem_of(sent(tenant, "missing", text="Only here."), 404, "not-found")

    assert before == stored_files(server)
    assert 202 == sent(tenant, tenant.project(), text="Only here.").status_code


def test_retry_that_was_refused(tenant: Tenant) -> None:
    """A refused retry can be sent again under its key once it is possible."""
    job = sent(tenant, tenant.project(), None).json()["job"]["id"]
    path, headers = f"/v1/jobs/{job}/retry", {KEY: "later"}
    problem_of(tenant.http.post(path, headers=headers), 409, "conflict")
    tenant.http.post(f"/v1/jobs/{job}/cancel")

    assert 202 == tenant.http.post(path, headers=headers).status_code


def test_boundary(tenant: Tenant) -> None:
    """A form that is written with another boundary is the same request."""
    project = tenant.project()
    first, second = form(tenant, project, "one"), form(tenant, project, "another")

    assert (202, first.json()) == (second.status_code, second.json())
    problem_of(form(tenant, project, "one", "Others."), 422, "idempotency-key-reused")


def test_of_another_tenant(server: InProcessServer, tenant: Tenant) -> None:
    """Two tenants may use the same key for what they like."""
    first = sent(tenant, tenant.project())
    with server.tenant() as other:
        second = sent(other, other.project(), text="Something else.")

    assert [202, 202] == [first.status_code, second.status_code]
    assert first.json()["job"]["id"] != second.json()["job"]["id"]


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"\xe9t\xe9", b"a\tb"])
def test_odd_keys(tenant: Tenant, key: bytes) -> None:
    """A key that is empty, too long or not of printable ASCII is refused."""
    path = f"/v1/projects/{tenant.project()}/documents"
    answer = tenant.http.post(path, json={"text": "x"}, headers=[(KEY.encode(), key)])

    problem_of(answer, 422, "invalid-input")
    assert [] == jobs_of(tenant)


def test_replay_leaves_no_file(server: InProcessServer, tenant: Tenant) -> None:
    """An answer that is given again brings back no file of a document that was deleted since."""
    project = tenant.project()
    accepted = sent(tenant, project, text="Soon gone.").json()
    tenant.http.post(f"/v1/jobs/{accepted['job']['id']}/cancel")
    tenant.http.delete(f"/v1/documents/{accepted['documents'][0]['id']}")
    before = stored_files(server)

    assert accepted == sent(tenant, project, text="Soon gone.").json()
    assert before == stored_files(server)
