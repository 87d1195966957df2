"""A server takes so many jobs and no more; what it refuses leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract import count_rows, problem_of, stored_files
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import at_rest, queued

MOST = 3


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker that takes few jobs."""
    with at_rest(request, max_backlog=MOST) as running:
        yield running


def test_overload(server: InProcessServer, tenant: Tenant) -> None:
    """Past the limit an upload is refused for a while, and neither row nor file is kept."""
    project = tenant.project()
    for number in range(MOST):
        queued(tenant, project, f"Text {number}.")
    before = stored_files(server)
    answer = tenant.add_text(project, "One too many.")

    assert problem_of(answer, 503, "overloaded")["retryable"]
    assert 0 < int(answer.headers["retry-after"])
    assert before == stored_files(server)
    assert [MOST, MOST] == [count_rows(server, each, tenant.id) for each in ("documents", "jobs")]


def test_several_files(server: InProcessServer, tenant: Tenant) -> None:
    """Of an upload that does not fit as a whole nothing is kept, and its key stays free."""
    project, key = tenant.project(), {"Idempotency-Key": "k"}
    files = [("file", (f"{n}.txt", f"Text {n}.".encode())) for n in range(MOST + 1)]
    path = f"/v1/projects/{project}/documents"
    answer = tenant.http.post(path, files=files, headers=key)

    problem_of(answer, 503, "overloaded")
    assert set() == stored_files(server)
    assert [0, 0] == [count_rows(server, each, tenant.id) for each in ("documents", "jobs")]
    # The count is kept for a moment, of what was refused too.
    server.runtime.kept.clear()
    assert 202 == tenant.http.post(path, files=files[:1], headers=key).status_code
