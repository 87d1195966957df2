"""The application as a whole: health, documentation, and random JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.inprocess import InProcessServer, Tenant

from ragline.main import create_app

# The server's threads draw random numbers of their own while hypothesis draws examples.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)
SOME_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = [
    "name",
    "description",
    "language",
    "role",
    "text",
    "title",
    "external_id",
    "metadata",
    "query",
    "question",
    "limit",
    "mode",
    "filter",
    "model",
    "type",
    "key",
    "value",
    "filters",
]
BODY = st.dictionaries(st.sampled_from(FIELDS), SOME_JSON) | SOME_JSON
FUZZ = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_open(server: InProcessServer, path: str) -> None:
    """Health answers without a key."""

    with server.client() as http:
        assert 200 == http.get(path).status_code


def test_docs_page(server: InProcessServer) -> None:
    """The API's documentation is a page."""

    with server.client() as http:
        assert "text/html" in http.get("/docs").headers["content-type"]


def test_every_operation_is_described(server: InProcessServer) -> None:
    """Each operation of the OpenAPI description has a summary and a description."""

    with server.client() as http:
        paths = http.get("/openapi.json").json()["paths"]

    operations = [(path, *item) for path in paths for item in paths[path].items()]
    assert [] == [o for o in operations if not o[2].get("summary") or not o[2].get("description")]


def test_every_route_is_listed(server: InProcessServer) -> None:
    """The OpenAPI description names the calls of the contract."""

    calls = {
        f"{method.upper()} {path}"
        for path, operations in create_app(server.runtime).openapi()["paths"].items()
        for method in operations
    }
    promised = {
        "POST /v1/projects",
        "GET /v1/projects",
        "GET /v1/projects/{project_id}",
        "PATCH /v1/projects/{project_id}",
        "DELETE /v1/projects/{project_id}",
        "GET /v1/projects/{project_id}/stats",
        "POST /v1/projects/{project_id}/documents",
        "GET /v1/projects/{project_id}/documents",
        "POST /v1/projects/{project_id}/search",
        "POST /v1/projects/{project_id}/chat",
        "GET /v1/documents/{document_id}",
        "DELETE /v1/documents/{document_id}",
        "GET /v1/documents/{document_id}/pages",
        "GET /v1/documents/{document_id}/chunks",
        "GET /v1/documents/{document_id}/file",
        "GET /v1/jobs",
        "GET /v1/jobs/{job_id}",
        "GET /v1/keys",
        "POST /v1/keys",
        "DELETE /v1/keys/{key_id}",
        "POST /v1/admin/tenants",
        "GET /livez",
        "GET /readyz",
    }
    assert set() == promised - calls


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects",
        "/v1/keys",
        "/v1/projects/{}/documents",
        "/v1/projects/{}/search",
        "/v1/projects/{}/chat",
    ],
)
@FUZZ
@given(body=BODY)
def test_no_json_breaks_a_route(tenant: Tenant, path: str, body: object) -> None:
    """Whatever JSON is sent, the answer is no failure of the server, nor shows its insides."""

    found = tenant.http.get("/v1/projects", params={"name": "fuzz"}).json()["projects"]
    project = found[0]["id"] if found else tenant.project("fuzz")
    answer = tenant.http.post(
        path.format(project),
        content=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )

    assert answer.status_code < 500
    assert "Traceback" not in answer.text


@FUZZ
@given(body=st.binary(max_size=200))
def test_no_bytes_break_a_route(tenant: Tenant, body: bytes) -> None:
    """Whatever bytes are sent as JSON, the answer is no failure of the server."""

    answer = tenant.http.post(
        "/v1/projects", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code < 500


@FUZZ
@given(part=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_no_id_breaks_a_route(tenant: Tenant, part: str) -> None:
    """Whatever stands in the place of an id, it names nothing and breaks nothing."""

    quoted = "".join(f"%{byte:02X}" for byte in part.encode())
    answers = [
        tenant.http.get(f"/v1/{what}/{quoted}") for what in ("projects", "documents", "jobs")
    ]

    assert {404} == {answer.status_code for answer in answers}
