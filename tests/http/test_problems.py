"""Errors over HTTP, whatever their cause."""

from __future__ import annotations

import anyio
import httpx2
import pytest
import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from tests.contract import problem_of
from tests.inprocess import InProcessServer, Tenant

from ragline.errors import Overloaded, TemporaryProviderError
from ragline.http.problems import add_problem_handlers

BODIES = {
    "/v1/projects": "name",
    "/v1/keys": "name",
    "/v1/projects/{project}/documents": "text",
    "/v1/projects/{project}/search": "query",
    "/v1/projects/{project}/chat": "question",
}
JSON = {"content-type": "application/json"}
NOT_JSON = {
    "cut off": b'{"FIELD": "x',
    "invalid UTF-8": b'{"FIELD": "\xff\xfe"}',
    "1,000 levels": b"[" * 1000 + b"]" * 1000,
    "100,000 levels": b"[" * 100_000 + b"]" * 100_000,
    "100,000 levels, left open": b"[" * 100_000,
    "100,000 levels of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 levels in the field": b'{"FIELD":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "5,000 digits": b'{"FIELD":' + b"9" * 5000 + b"}",
}
NOT_ACCEPTABLE = {
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "no fields": b"{}",
    "wrong type": b'{"FIELD": 1}',
    "null in the field": b'{"FIELD": null}',
    "a list in the field": b'{"FIELD": ["x"]}',
    "1e400": b'{"FIELD": 1e400}',
    "NaN": b'{"FIELD": NaN}',
    "-Infinity": b'{"FIELD": -Infinity}',
    "empty": b'{"FIELD": ""}',
    "blank": b'{"FIELD": " \\n\\t "}',
    "NUL": b'{"FIELD": "a\\u0000b"}',
    "lone surrogate": b'{"FIELD": "a\\ud800b"}',
    "lone low surrogate": b'{"FIELD": "\\udfff"}',
    "unknown field": b'{"FIELD": "x", "nonsense": 1}',
    "unknown surrogate field": b'{"FIELD": "x", "\\ud800": 1}',
    "unknown field, very long": b'{"FIELD": "x", "' + b"k" * 100_000 + b'": 1}',
    "unknown field that is infinite": b'{"FIELD": "x", "nonsense": 1e400}',
}


def send(tenant: Tenant, path: str, body: bytes) -> httpx2.Response:
    """Post a body whose FIELD stands for the route's own."""
    project = tenant.project() if "{project}" in path else ""
    content = body.replace(b"FIELD", BODIES[path].encode())
    return tenant.http.post(path.format(project=project), content=content, headers=JSON)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_not_json(tenant: Tenant, path: str, body: bytes) -> None:
    """A body that is not JSON is malformed, and the answer says why."""

    problem = problem_of(send(tenant, path, body), 400, "malformed-request")

    assert problem["detail"].startswith("The body is not valid JSON: ")


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("body", NOT_ACCEPTABLE.values(), ids=NOT_ACCEPTABLE)
def test_not_acceptable(tenant: Tenant, path: str, body: bytes) -> None:
    """JSON that a route does not take is refused, and each error names its field."""

    problem = problem_of(send(tenant, path, body), 422, "invalid-input")

    assert problem["errors"]
    assert all(error["field"] and error["message"] for error in problem["errors"])


@pytest.mark.parametrize("path", BODIES)
def test_names_field(tenant: Tenant, path: str) -> None:
    """The error for a wrong value names the field, whatever the field is called."""

    problem = problem_of(send(tenant, path, b'{"FIELD": 1}'), 422, "invalid-input")

    assert [BODIES[path]] == [error["field"] for error in problem["errors"]]


@pytest.mark.parametrize("path", BODIES)
def test_input_is_not_echoed(tenant: Tenant, path: str) -> None:
    """A refused value is not sent back."""

    answer = send(tenant, path, b'{"FIELD": {"secret-word": 1}}')

    problem_of(answer, 422, "invalid-input")
    assert "secret-word" not in answer.text


def test_unknown_field_message(tenant: Tenant) -> None:
    """An unknown field is named as such."""

    answer = tenant.http.post("/v1/projects", json={"name": "x", "colour": "red"})

    errors = problem_of(answer, 422, "invalid-input")["errors"]
    assert [{"field": "colour", "message": "this field is not known here"}] == errors


def test_blank_message(tenant: Tenant) -> None:
    """A blank text is refused in words, not by a pattern."""

    problem = problem_of(tenant.http.post("/v1/projects", json={"name": " "}), 422, "invalid-input")

    assert "name: must not be blank" == problem["detail"]


def test_too_long_message(tenant: Tenant) -> None:
    """A text that is too long is measured in characters."""

    answer = tenant.add_text(tenant.project(), "words", title="x" * 501)

    problem = problem_of(answer, 422, "invalid-input")
    assert "title: must have at most 500 characters" == problem["detail"]


def test_duplicate_keys(tenant: Tenant) -> None:
    """Of two fields with one name the last counts, as in JavaScript and Python."""

    answer = tenant.http.post(
        "/v1/projects", content=b'{"name": "first", "name": "second"}', headers=JSON
    )

    assert "second" == answer.json()["name"]


def test_unknown_route(tenant: Tenant) -> None:
    """An unknown route is a problem."""

    problem_of(tenant.http.get("/v1/nonsense"), 404, "not-found")


def test_method_not_allowed(tenant: Tenant) -> None:
    """A method that a route does not have is a problem that names those it has."""

    answer = tenant.http.put("/v1/projects")

    problem_of(answer, 405, "method-not-allowed")
    assert "GET, POST" == answer.headers["allow"]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/v1/projects", "/v1/jobs/x", "/docs", "/livez"])
def test_other_methods(tenant: Tenant, method: str, path: str) -> None:
    """No method breaks a route."""

    answer = tenant.http.request(method, path)

    assert answer.status_code in (200, 404, 405)


@pytest.mark.parametrize(
    "query", ["name=%zz", "name=%ff", "name=%00", "name=", "limit=1&limit=2", "nonsense=1", "&&=&"]
)
def test_odd_queries(tenant: Tenant, query: str) -> None:
    """A query with an invalid percent encoding is read as far as it goes."""

    assert 200 == tenant.http.get(f"/v1/projects?{query}").status_code


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "%00", "1.5", "1e3", "9" * 5000])
def test_limit_out_of_range(tenant: Tenant, limit: str) -> None:
    """A limit outside its range is refused, and the answer names it."""

    problem = problem_of(tenant.http.get(f"/v1/projects?limit={limit}"), 422, "invalid-input")

    assert "limit" == problem["errors"][0]["field"]


def test_unauthenticated_comes_first(server: InProcessServer) -> None:
    """Without a key no upload is read, and no field of a body is judged."""

    with server.client() as http:
        answers = [
            http.post("/v1/projects/x/documents", files={"file": ("a.txt", b"")}),
            http.post("/v1/projects", json={"nonsense": 1}),
        ]

    for answer in answers:
        problem_of(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (KeyError("secret-word"), 500, "internal-error"),
        (sa.exc.OperationalError("secret-word", {}, Exception()), 503, "overloaded"),
        (ClientDisconnect(), 400, "malformed-request"),
        (Overloaded("Too much."), 503, "overloaded"),
        (TemporaryProviderError("Not now.", retry_after=7), 503, "provider-unavailable"),
    ],
    ids=["a bug", "the database", "the client", "ours", "a provider"],
)
def test_errors_inside(error: Exception, status: int, slug: str) -> None:
    """What breaks inside is logged, not shown; what may pass is to be tried again."""

    app = FastAPI()
    add_problem_handlers(app)

    @app.get("/")
    def broken() -> None:
        raise error

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            return await http.get("/")

    with structlog.testing.capture_logs():
        answer = anyio.run(ask)

    assert (status == 503) == problem_of(answer, status, slug)["retryable"]
    assert (status == 503) == ("retry-after" in answer.headers)
    assert "secret-word" not in answer.text
