"""Who gets in, and with which key."""

from __future__ import annotations

import base64
import stat

import pytest
from tests.contract import ODD_IDS, problem_of
from tests.inprocess import InProcessServer, Tenant

PROTECTED = ["/v1/projects", "/v1/projects/x", "/v1/documents/x", "/v1/jobs", "/v1/keys"]


def basic(text: str) -> str:
    """Return the header of HTTP Basic for `user:password`."""
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", PROTECTED)
def test_missing_key(server: InProcessServer, path: str) -> None:
    """Without a key nothing is shown, and the answer says how to send one."""

    with server.client() as http:
        answer = http.get(path)

    problem_of(answer, 401, "unauthenticated")
    assert "Bearer" == answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "header",
    [
        b"Bearer",
        b"Bearer unknown",
        b"Bearer \xff\xfe",
        b"Basic",
        b"Basic !!!",
        b"Basic //4=",
        basic("no colon").encode(),
        basic("user:").encode(),
        basic("user:unknown").encode(),
        b"Digest x",
        b"Bearer " + b"x" * 10_000,
    ],
)
def test_unknown_key(server: InProcessServer, header: bytes) -> None:
    """A key that is not known, in whatever form, opens nothing."""

    with server.client() as http:
        answer = http.get("/v1/projects", headers=[(b"authorization", header)])

    problem_of(answer, 401, "unauthenticated")


def test_basic(server: InProcessServer, tenant: Tenant) -> None:
    """A key may be the password of HTTP Basic, with any user."""

    with server.client() as http:
        answer = http.get("/v1/projects", headers={"authorization": basic(f"me:{tenant.key}")})

    assert 200 == answer.status_code


def test_new_key_works(server: InProcessServer, tenant: Tenant) -> None:
    """A key that was made opens the tenant."""

    made = tenant.http.post("/v1/keys", json={"name": "second"}).json()
    with server.client(made["key"]) as http:
        assert 200 == http.get("/v1/projects").status_code


def test_secrets_are_not_listed(tenant: Tenant) -> None:
    """A key's secret is shown once, when it is made."""

    made = tenant.http.post("/v1/keys", json={"name": "second"}).json()
    listed = tenant.http.get("/v1/keys")

    assert ["first owner", "second"] == [key["name"] for key in listed.json()]
    assert made["key"] not in listed.text


def test_revoked_key(server: InProcessServer, tenant: Tenant) -> None:
    """A revoked key opens nothing, and is revoked once."""

    made = tenant.http.post("/v1/keys", json={"name": "second"}).json()
    assert 204 == tenant.http.delete(f"/v1/keys/{made['id']}").status_code
    with server.client(made["key"]) as http:
        problem_of(http.get("/v1/projects"), 401, "unauthenticated")

    problem_of(tenant.http.delete(f"/v1/keys/{made['id']}"), 404, "not-found")


def test_own_key_is_not_revoked(tenant: Tenant) -> None:
    """Nobody locks themselves out."""

    own = tenant.http.get("/v1/keys").json()[0]["id"]

    problem_of(tenant.http.delete(f"/v1/keys/{own}"), 409, "conflict")


def test_key_of_another_tenant(server: InProcessServer, tenant: Tenant) -> None:
    """Another tenant's key is the same answer as one that does not exist."""

    theirs = tenant.http.get("/v1/keys").json()[0]["id"]
    unknown = "00000000-0000-4000-8000-000000000000"
    with server.tenant() as other:
        answer = other.http.delete(f"/v1/keys/{theirs}")
        none = other.http.delete(f"/v1/keys/{unknown}")

    problem_of(answer, 404, "not-found")
    assert none.text == answer.text.replace(theirs, unknown)


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_odd_key_ids(tenant: Tenant, odd: str) -> None:
    """An id of whatever form that names no key is not found."""

    problem_of(tenant.http.delete(f"/v1/keys/{odd}"), 404, "not-found")


@pytest.mark.parametrize("role", ["king", "", 1, None, [], "OWNER"])
def test_unknown_role(tenant: Tenant, role: object) -> None:
    """A role that is not known is refused."""

    answer = tenant.http.post("/v1/keys", json={"name": "x", "role": role})

    assert "role" == problem_of(answer, 422, "invalid-input")["errors"][0]["field"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/projects", {"name": "x"}),
        ("PATCH", "/v1/projects/x", {"name": "x"}),
        ("DELETE", "/v1/projects/x", None),
        ("POST", "/v1/projects/x/documents", {"text": "x"}),
        ("DELETE", "/v1/documents/x", None),
        ("GET", "/v1/keys", None),
        ("POST", "/v1/keys", {"name": "x"}),
        ("DELETE", "/v1/keys/x", None),
        ("POST", "/v1/admin/tenants", {"name": "x"}),
    ],
)
def test_reader_changes_nothing(
    server: InProcessServer, tenant: Tenant, method: str, path: str, body: object
) -> None:
    """A reader's key changes nothing, and the answer names the role that it takes."""

    made = tenant.http.post("/v1/keys", json={"name": "r", "role": "reader"}).json()
    with server.client(made["key"]) as http:
        answer = http.request(method, path, json=body)

    assert "yours is reader" in problem_of(answer, 403, "forbidden")["detail"]


def test_reader_reads(server: InProcessServer, tenant: Tenant) -> None:
    """A reader's key lists, searches and asks."""

    project = tenant.project()
    made = tenant.http.post("/v1/keys", json={"name": "r", "role": "reader"}).json()
    with server.client(made["key"]) as http:
        answers = [
            http.get("/v1/projects"),
            http.get("/v1/jobs"),
            http.post(f"/v1/projects/{project}/search", json={"query": "x"}),
            http.post(f"/v1/projects/{project}/chat", json={"question": "x"}),
        ]

    assert [200] * 4 == [answer.status_code for answer in answers]


def test_owner_makes_no_operator(tenant: Tenant) -> None:
    """An owner gives nobody more than they have."""

    answer = tenant.http.post("/v1/keys", json={"name": "x", "role": "operator"})

    problem_of(answer, 403, "forbidden")


def test_operator_makes_tenants(server: InProcessServer) -> None:
    """An operator makes tenants; each name once."""

    first = server.runtime.settings.key_file.read_text().strip()
    with server.client(first) as http:
        made = http.post("/v1/admin/tenants", json={"name": "made by the operator"})
        again = http.post("/v1/admin/tenants", json={"name": "made by the operator"})
    with server.client(made.json()["key"]) as http:
        assert [] == http.get("/v1/projects").json()["projects"]

    problem_of(again, 409, "conflict")


def test_first_key_is_private(server: InProcessServer) -> None:
    """The first key is kept where only its owner reads it."""

    assert 0o600 == stat.S_IMODE(server.runtime.settings.key_file.stat().st_mode)
