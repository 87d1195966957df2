"""Errors on the paths of OpenAI's interface are in its shape; everywhere else they are problems."""

from __future__ import annotations

from typing import Any

import anyio
import openai
import pytest
from starlette.types import Message, Receive, Scope, Send
from tests.contract import ODD_IDS, problem_of
from tests.inprocess import InProcessServer, Tenant

from ragline.accounts import service as accounts
from ragline.openai_api.errors import OpenAIErrors


def error_of(response: Any, status: int) -> dict[str, Any]:
    """Hold an error answer to OpenAI's shape and return the error."""
    assert status == response.status_code, response.text
    assert "application/json" == response.headers["content-type"]
    assert {"error"} == response.json().keys()
    error = dict(response.json()["error"])
    assert {"message", "type", "param", "code"} == error.keys()
    assert error["message"]
    return error


def test_missing_key_is_their_401(server: InProcessServer) -> None:
    """Without a key the client raises its own error of authentication."""
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()

    assert ("invalid_request_error", "invalid_api_key") == (caught.value.type, caught.value.code)


def test_reader_may_not_upload(server: InProcessServer, tenant: Tenant) -> None:
    """A key that may only read is refused with 403."""
    _, key = accounts.create_key(
        server.runtime, tenant.id, name="reader", role=accounts.Role.READER
    )
    with server.client(key) as http:
        answer = http.post("/v1/vector_stores", json={})

    assert "permission_error" == error_of(answer, 403)["type"]


def test_unknown_id_is_their_404(client: openai.OpenAI) -> None:
    """An unknown id raises the client's own error."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.vector_stores.retrieve("vs_nothing")

    assert "There is no vector store with the id 'vs_nothing'." == caught.value.body["message"]


def test_unknown_parameter_is_refused_by_name(tenant: Tenant) -> None:
    """A parameter that is not known here is named, not ignored."""
    error = error_of(tenant.http.post("/v1/vector_stores", json={"colour": "red"}), 400)

    assert ("colour", "invalid_request_error") == (error["param"], error["type"])


def test_unknown_query_parameter_is_refused_by_name(tenant: Tenant) -> None:
    """The same holds for parameters of lists."""
    error = error_of(tenant.http.get("/v1/files", params={"colour": "red"}), 400)

    assert "colour" == error["param"]


def test_body_that_is_no_json(tenant: Tenant) -> None:
    """A body that cannot be read is a bad request."""
    answer = tenant.http.post(
        "/v1/embeddings", content=b"{", headers={"Content-Type": "application/json"}
    )

    assert "malformed_request" == error_of(answer, 400)["code"]


def test_body_over_the_limit(server: InProcessServer, tenant: Tenant) -> None:
    """A body that is too large is refused in their shape before anyone reads it."""
    size = server.runtime.settings.max_text_bytes + 1
    answer = tenant.http.post(
        "/v1/embeddings", content=b" " * size, headers={"Content-Type": "application/json"}
    )

    assert "too_large" == error_of(answer, 413)["code"]


def test_method_that_is_not_there(tenant: Tenant) -> None:
    """A wrong method is told in their shape too."""
    answer = tenant.http.put("/v1/files")

    assert "method_not_allowed" == error_of(answer, 405)["code"]
    assert "GET, POST" == answer.headers["allow"]


def test_own_paths_keep_problems(tenant: Tenant) -> None:
    """Paths of our own answer with problems."""
    problem_of(tenant.http.get("/v1/projects/nothing"), 404, "not-found")


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_odd_ids_are_not_found(tenant: Tenant, odd: str) -> None:
    """Whatever stands for an id, nothing is found and nothing breaks."""
    for path in (
        f"/v1/files/{odd}",
        f"/v1/files/file-{odd}",
        f"/v1/vector_stores/vs_{odd}",
        f"/v1/vector_stores/vs_{odd}/files",
        f"/v1/vector_stores/vs_{odd}/file_batches/vsfb_{odd}",
        f"/v1/models/project:{odd}",
    ):
        error_of(tenant.http.get(path), 404)


def test_tenants_do_not_meet(server: InProcessServer, client: openai.OpenAI) -> None:
    """What is another tenant's is not there."""
    file = client.files.create(file=("a.txt", b"mine"), purpose="assistants")
    store = client.vector_stores.create(name="mine", file_ids=[file.id])
    with server.tenant() as other:
        theirs = other.project()
        answers = [
            other.http.get(f"/v1/files/{file.id}"),
            other.http.get(f"/v1/files/{file.id}/content"),
            other.http.delete(f"/v1/files/{file.id}"),
            other.http.get(f"/v1/vector_stores/{store.id}"),
            other.http.get(f"/v1/vector_stores/{store.id}/files"),
            other.http.post(f"/v1/vector_stores/{store.id}/search", json={"query": "mine"}),
            other.http.post(f"/v1/vector_stores/vs_{theirs}/files", json={"file_id": file.id}),
            other.http.get("/v1/models/project:" + store.id.removeprefix("vs_")),
        ]
        listed = other.http.get("/v1/files").json()["data"]

    for answer in answers:
        error_of(answer, 404)
    assert [] == listed


def test_crash_is_their_500() -> None:
    """What breaks inside is told without its reason, and goes on to whoever logs it."""
    sent: list[Message] = []

    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("secret")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask() -> None:
        scope = {"type": "http", "path": "/v1/models", "headers": []}
        await OpenAIErrors(broken)(scope, receive, send)

    with pytest.raises(RuntimeError):
        anyio.run(ask)

    assert 500 == sent[0]["status"]
    assert b"server_error" in sent[1]["body"]
    assert b"secret" not in sent[1]["body"]
