"""Projects over HTTP."""

from __future__ import annotations

import json

import pytest
from tests.contract import ODD_IDS, problem_of
from tests.inprocess import InProcessServer, Tenant

CALLS = [
    ("GET", "", None),
    ("PATCH", "", {"name": "x"}),
    ("DELETE", "", None),
    ("GET", "/stats", None),
    ("GET", "/documents", None),
    ("POST", "/documents", {"text": "x"}),
    ("POST", "/search", {"query": "x"}),
    ("POST", "/chat", {"question": "x"}),
]


def test_made(tenant: Tenant) -> None:
    """A project has the fields it was made with."""

    fields = {"name": "Library", "description": "Books.", "language": "fr"}
    answer = tenant.http.post("/v1/projects", json=fields)

    assert 201 == answer.status_code
    assert fields == {name: answer.json()[name] for name in fields}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 201),
        ("description", "x" * 5001),
        ("description", "a\0"),
        ("description", "\ud800"),
        ("language", "xx"),
        ("language", "\ud800"),
        ("language", "f\0"),
        ("language", 1),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_wrong_fields(tenant: Tenant, method: str, field: str, value: object) -> None:
    """A field out of its bounds is refused and named, when made and when changed."""

    path = "/v1/projects" if method == "POST" else f"/v1/projects/{tenant.project('old')}"
    body = json.dumps({"name": "new", field: value})
    answer = tenant.http.request(
        method, path, content=body, headers={"content-type": "application/json"}
    )

    assert field == problem_of(answer, 422, "invalid-input")["errors"][0]["field"]


def test_taken_name(tenant: Tenant) -> None:
    """A name is taken once within a tenant."""

    tenant.project("same")

    problem_of(tenant.http.post("/v1/projects", json={"name": "same"}), 409, "conflict")


def test_taken_name_on_change(tenant: Tenant) -> None:
    """A project is not renamed to a name that is taken."""

    tenant.project("same")
    other = tenant.project("other")

    answer = tenant.http.patch(f"/v1/projects/{other}", json={"name": "same"})
    problem_of(answer, 409, "conflict")


def test_same_name_in_two_tenants(server: InProcessServer, tenant: Tenant) -> None:
    """Two tenants may use one name."""

    tenant.project("same")
    with server.tenant() as other:
        assert other.project("same")


def test_change(tenant: Tenant) -> None:
    """Only the fields that are sent change."""

    project = tenant.project("old", description="kept")
    answer = tenant.http.patch(f"/v1/projects/{project}", json={"name": "new"})

    assert ("new", "kept") == (answer.json()["name"], answer.json()["description"])


def test_null_name(tenant: Tenant) -> None:
    """A project cannot lose its name."""

    answer = tenant.http.patch(f"/v1/projects/{tenant.project()}", json={"name": None})

    problem_of(answer, 422, "invalid-input")


def test_found_by_name(tenant: Tenant) -> None:
    """A project is found by its whole name."""

    tenant.project("one")
    two = tenant.project("two")
    found = tenant.http.get("/v1/projects", params={"name": "two"}).json()["projects"]

    assert [two] == [project["id"] for project in found]


def test_paging(tenant: Tenant) -> None:
    """Projects are handed out oldest first, in parts, without gaps or repeats."""

    made = [tenant.project(f"number {n}") for n in range(5)]
    seen: list[str] = []
    more = True
    while more:
        after = {"after": seen[-1]} if seen else {}
        part = tenant.http.get("/v1/projects", params={"limit": 2, **after}).json()
        seen += [project["id"] for project in part["projects"]]
        more = part["has_more"]

    assert made == seen


def test_stats(tenant: Tenant) -> None:
    """Statistics count what a project holds."""

    project = tenant.project()
    tenant.ingest_text(project, "Twelve bytes")

    assert {"documents": 1, "searchable": 1, "pages": 1, "chunks": 1, "bytes": 12} == (
        tenant.http.get(f"/v1/projects/{project}/stats").json()
    )


@pytest.mark.parametrize(("method", "what", "body"), CALLS)
@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_odd_ids(tenant: Tenant, method: str, what: str, body: object, odd: str) -> None:
    """An id of whatever form that names nothing is not found."""

    answer = tenant.http.request(method, f"/v1/projects/{odd}{what}", json=body)

    problem_of(answer, 404, "not-found")


@pytest.mark.parametrize(("method", "what", "body"), CALLS)
def test_of_another_tenant(
    server: InProcessServer, tenant: Tenant, method: str, what: str, body: object
) -> None:
    """Another tenant's project is the same answer as one that does not exist."""

    project, unknown = tenant.project(), "00000000-0000-4000-8000-000000000000"
    with server.tenant() as other:
        theirs = other.http.request(method, f"/v1/projects/{project}{what}", json=body)
        none = other.http.request(method, f"/v1/projects/{unknown}{what}", json=body)

    problem_of(theirs, 404, "not-found")
    assert none.text == theirs.text.replace(project, unknown)


def test_after_anothers_project(server: InProcessServer, tenant: Tenant) -> None:
    """Another tenant's project is no place to go on from."""

    project = tenant.project()
    with server.tenant() as other:
        answer = other.http.get("/v1/projects", params={"after": project})

    problem_of(answer, 404, "not-found")
