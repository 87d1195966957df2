"""A re-embedding is a job that is asked for, refused, cancelled, retried and paid for once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.contract import problem_of
from tests.fakes.text_embeddings import FakeTextEmbeddings
from tests.inprocess import InProcessServer, Tenant
from tests.reembedding.asking import (
    TEXTS,
    armed,
    filled,
    found,
    indexes,
    reembed,
    reembedded,
    vectors_named,
    view,
    wait_until,
)

from ragline.models import now
from ragline.reembedding.removing import remove_due


def test_texts_are_paid_for_once(tenant: Tenant, spec: str, service: FakeTextEmbeddings) -> None:
    """After a cancelling and another call no passage is sent to the service again."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: view(tenant, project)["filling"]["chunks"] == 3, "the index is not filled"
        )
        assert 202 == tenant.http.post(f"/v1/jobs/{job_id}/cancel").status_code
    cancelled = tenant.ended(job_id)
    left = view(tenant, project)
    job = reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    passages = [text for text in service.texts if text.partition("\n")[0] in TEXTS]

    assert "cancelled" == cancelled["status"]
    assert 3 == cancelled["result"]["undone"]["vectors"]
    assert left["filling"] is None
    assert job["result"]["swapped"]
    assert 3 == len(passages)


def test_cancelled_job_is_retried(tenant: Tenant, spec: str) -> None:
    """A retry fills anew what its cancelling took away, from what is stored."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: view(tenant, project)["filling"]["chunks"] == 3, "the index is not filled"
        )
        tenant.http.post(f"/v1/jobs/{job_id}/cancel")
    tenant.ended(job_id)
    tenant.http.post(f"/v1/jobs/{job_id}/retry").raise_for_status()
    job = tenant.ended(job_id)

    assert job["result"]["swapped"], job
    assert spec == view(tenant, project)["main"]["embedder"]


def test_one_at_a_time(tenant: Tenant, spec: str) -> None:
    """While a project is re-embedded, another call and a rollback are refused."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        second = reembed(tenant, project, embedder=spec)
        wait_until(lambda: view(tenant, project)["filling"] is not None, "nothing is filling")
    tenant.ended(job_id)

    problem_of(second, 409, "conflict")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"embedder": "nobody"}, "nobody"),
        ({"vector_store": "nowhere"}, "nowhere"),
    ],
)
def test_unknown_names_are_refused(tenant: Tenant, wanted: dict[str, str], told: str) -> None:
    """A model or store that nothing bears is named in the refusal, and nothing is begun."""

    project = tenant.project()
    answer = reembed(tenant, project, **wanted)

    assert told in problem_of(answer, 422, "invalid-input")["detail"]
    assert view(tenant, project)["filling"] is None


def test_same_model_in_the_same_store_is_refused(tenant: Tenant) -> None:
    """There is nothing to do where the project is searched like that already."""

    project = tenant.project()

    problem_of(reembed(tenant, project, embedder="use"), 409, "conflict")


def test_nothing_to_go_back_to(tenant: Tenant) -> None:
    """A project that was never re-embedded has no previous index."""

    project = tenant.project()
    answer = tenant.http.post(f"/v1/projects/{project}/reembed/rollback")

    problem_of(answer, 409, "conflict")


def test_previous_index_can_be_removed(server: InProcessServer, tenant: Tenant, spec: str) -> None:
    """Its vectors go with their names; then there is nothing to go back to."""

    project = filled(tenant)
    old = indexes(server, project).main
    reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    removed = tenant.http.delete(f"/v1/projects/{project}/reembed/previous")
    again = tenant.http.delete(f"/v1/projects/{project}/reembed/previous")

    assert {"removed": {"vectors": 3}} == removed.json()
    assert {"removed": {"vectors": 0}} == again.json()
    assert 0 == old.store.count(project_id=project)
    assert 0 == vectors_named(server, project, old)
    assert "Lighthouses" == found(tenant, project)[0]


def test_others_and_their_projects_are_not_touched(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """Nobody re-embeds a project of another tenant, nor one that is being deleted."""

    project = tenant.project()
    with server.tenant() as other:
        problem_of(reembed(other, project, embedder=spec), 404, "not-found")
        problem_of(other.http.get(f"/v1/projects/{project}/reembed"), 404, "not-found")
    tenant.http.delete(f"/v1/projects/{project}")

    problem_of(reembed(tenant, project, embedder=spec), 404, "not-found")


def test_deleting_the_project_ends_its_reembedding(tenant: Tenant, spec: str) -> None:
    """A job whose project goes meanwhile fails with that reason, and nothing is left."""

    project = filled(tenant)
    with armed("reembed.filled=hold"):
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: view(tenant, project)["filling"]["chunks"] == 3, "the index is not filled"
        )
        deletion = tenant.http.delete(f"/v1/projects/{project}").json()["job"]["id"]
        receipt = tenant.ended(deletion)
    job = tenant.ended(job_id)

    assert ("failed", "The project was deleted while it was being re-embedded.") == (
        job["status"],
        job["error"]["detail"],
    )
    assert 6 == receipt["result"]["removed"]["vectors"]
    assert not any(receipt["result"]["remaining"].values()), receipt


def test_idempotency_key_begins_one(tenant: Tenant, spec: str) -> None:
    """The same request under its key is answered with the same job."""

    project = filled(tenant)
    bodies = [
        tenant.http.post(
            f"/v1/projects/{project}/reembed",
            json={"embedder": spec, "check": {"overlap": 0}},
            headers={"Idempotency-Key": "reembed-once"},
        ).json()
        for _ in range(2)
    ]

    assert bodies[0]["job"]["id"] == bodies[1]["job"]["id"]
    assert tenant.ended(bodies[0]["job"]["id"])["result"]["swapped"]


def test_previous_index_goes_after_its_time(
    server: InProcessServer, tenant: Tenant, spec: str
) -> None:
    """A clean-up removes previous indexes that were kept as long as the setting says."""

    project = filled(tenant)
    old = indexes(server, project).main
    reembedded(tenant, project, embedder=spec, check={"overlap": 0})
    counted: list[int] = []
    later = now() + timedelta(days=server.runtime.settings.keep_previous_index_days + 1)
    remove_due(server.runtime, now(), removed=lambda _session, count: counted.append(count))
    assert [] == counted
    remove_due(server.runtime, later, removed=lambda _session, count: counted.append(count))

    assert counted
    assert view(tenant, project)["previous"] is None
    assert 0 == old.store.count(project_id=project)


def test_ingestion_without_end_is_no_obstacle(tenant: Tenant, spec: str) -> None:
    """Where documents are always being ingested, what was asked for gets on all the same."""

    project = filled(tenant)
    with armed("ingest.split=hold"):
        held = tenant.add_text(tenant.project("busy"), "Ferries cross to Molene at noon.").json()
        job_id = reembed(tenant, project, embedder=spec, check={"overlap": 0}).json()["job"]["id"]
        wait_until(
            lambda: tenant.http.get(f"/v1/jobs/{job_id}").json()["waiting_for"] == "ingest",
            "it does not give way",
        )
        job = tenant.ended(job_id)
        still = tenant.http.get(f"/v1/jobs/{held['job']['id']}").json()

    assert "processing" == still["status"]
    assert job["result"]["swapped"], job
