"""Calls that become tasks, in the words of both revisions."""

from __future__ import annotations

import json
import time
from typing import Any, Literal

import pytest
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    CancelTaskRequest,
    CancelTaskRequestParams,
    CancelTaskResult,
    GetTaskPayloadRequest,
    GetTaskPayloadRequestParams,
    GetTaskRequest,
    GetTaskRequestParams,
    GetTaskResult,
    ListTasksRequest,
    ListTasksResult,
    Request,
    Result,
)
from pydantic import ConfigDict, Field
from tests.inprocess import InProcessServer, Tenant
from tests.mcp_face.speaking import Speaker, speaking

KETTLE = "The warranty of the kettle lasts two years."
OLD, NEW = "2025-11-25", "2026-07-28"
WAIT_SECONDS = 60
ACCEPT = "application/json, text/event-stream"


class TaskState(Result):
    """A task of the extension, as `tasks/get` gives it."""

    model_config = ConfigDict(extra="allow")

    task_id: str = Field(alias="taskId")
    status: str
    ttl_ms: int = Field(alias="ttlMs")
    poll_interval_ms: int = Field(alias="pollIntervalMs")
    result: dict[str, Any] | None = None


class TaskCreated(TaskState):
    """The answer to a call that became a task."""

    result_type: Literal["task"] = Field(alias="resultType")


class About(Request[GetTaskRequestParams, str]):
    """A request about a task of the extension."""

    name_param = "taskId"


class Tasks(ClientExtension):
    """The client's side of the extension: it follows a task to its result."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.followed: list[str] = []

    def claims(self) -> list[ResultClaim[TaskCreated]]:
        """Take calls that became tasks."""
        return [ResultClaim(result_type="task", model=TaskCreated, resolve=self._follow)]

    async def _follow(self, created: TaskCreated, context: ClaimContext) -> CallToolResult:
        self.followed.append(created.task_id)
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            state = await context.session.send_request(_about("get", created.task_id), TaskState)
            if state.status == "completed":
                return CallToolResult.model_validate(state.result)
        raise AssertionError(f"the task did not end: {state}")


def _about(what: str, task_id: str) -> About:
    return About(method=f"tasks/{what}", params=GetTaskRequestParams(task_id=task_id))


def begin(tenant: Tenant, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool as a task of 2025-11-25, which the client cannot, and return the answer."""
    params = {"name": tool, "arguments": arguments, "task": {"ttl": 60_000}}
    answer = tenant.http.post(
        "/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        headers={"Accept": ACCEPT, "MCP-Protocol-Version": OLD},
    )
    data = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return dict(json.loads(data[0].removeprefix("data: ")))


def get(speaker: Speaker, task_id: str) -> GetTaskResult:
    """Return a task of 2025-11-25."""
    return speaker.send(GetTaskRequest(params=GetTaskRequestParams(task_id=task_id)), GetTaskResult)


def result(speaker: Speaker, task_id: str) -> CallToolResult:
    """Wait for the result of a task of 2025-11-25."""
    params = GetTaskPayloadRequestParams(task_id=task_id)
    return speaker.send(GetTaskPayloadRequest(params=params), CallToolResult)


def waiting_job(tenant: Tenant, project: str, text: str = KETTLE) -> str:
    """Return the id of an ingestion that never begins."""
    body = {"text": text, "not_before": "2100-01-01T00:00:00Z"}
    accepted = tenant.http.post(f"/v1/projects/{project}/documents", json=body)
    return str(accepted.json()["job"]["id"])


def test_a_call_becomes_a_task_for_a_client_that_knows_them(
    server: InProcessServer, tenant: Tenant
) -> None:
    """The task's id is the job's; its result is that of the call."""
    project, tasks = tenant.project(), Tasks()
    with speaking(server.url, tenant.key, extensions=[tasks]) as speaker:
        added = speaker.result("ingest", project=project, text=KETTLE)
        answer = speaker.result("ask", project=project, question="How long is the warranty?")

    assert [added["job_id"], answer["job_id"]] == tasks.followed
    assert ("completed", True) == (added["status"], bool(answer["citations"]))


def test_quick_tools_never_become_tasks(server: InProcessServer, tenant: Tenant) -> None:
    """Only what is a job is a task."""
    project, tasks = tenant.project(), Tasks()
    with speaking(server.url, tenant.key, extensions=[tasks]) as speaker:
        speaker.result("search", project=project, query="kettle")

    assert [] == tasks.followed


def test_a_task_that_works_says_how_often_to_ask(server: InProcessServer, tenant: Tenant) -> None:
    """A task of the extension has no result before its end."""
    job_id = waiting_job(tenant, tenant.project())
    with speaking(server.url, tenant.key) as speaker:
        state = speaker.send(_about("get", job_id), TaskState)

    assert ("working", 1000, None) == (state.status, state.poll_interval_ms, state.result)


def test_a_failed_job_is_a_completed_task_with_an_error(
    server: InProcessServer, tenant: Tenant
) -> None:
    """In the extension only what breaks the protocol fails a task."""
    project = tenant.project()
    accepted = tenant.upload(project, ("x.pdf", b"%PDF-1.7\nbroken")).json()
    assert "failed" == tenant.ended(accepted["job"]["id"])["status"]
    with speaking(server.url, tenant.key) as speaker:
        state = speaker.send(_about("get", accepted["job"]["id"]), TaskState)

    assert ("completed", True) == (state.status, (state.result or {})["isError"])


def test_a_task_of_the_extension_is_cancelled(server: InProcessServer, tenant: Tenant) -> None:
    """Cancelling is acknowledged, twice too, and the job is cancelled."""
    job_id = waiting_job(tenant, tenant.project())
    with speaking(server.url, tenant.key) as speaker:
        speaker.send(_about("cancel", job_id), Result)
        speaker.send(_about("cancel", job_id), Result)
        state = speaker.send(_about("get", job_id), TaskState)

    assert ("cancelled", "cancelled") == (state.status, tenant.ended(job_id)["status"])


@pytest.mark.parametrize("what", ["result", "list"])
def test_the_extension_has_no_requests_of_2025(
    server: InProcessServer, tenant: Tenant, what: str
) -> None:
    """They are unknown methods there."""
    with speaking(server.url, tenant.key) as speaker, pytest.raises(MCPError) as raised:
        speaker.send(_about(what, "x"), Result)

    assert -32601 == raised.value.code


def test_a_header_that_names_another_task_is_refused(tenant: Tenant) -> None:
    """Proxies lead requests by their header, so it must say the truth."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": NEW,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"taskId": "one", "_meta": meta}
    answer = tenant.http.post(
        "/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": params},
        headers={
            "Accept": ACCEPT,
            "MCP-Protocol-Version": NEW,
            "Mcp-Method": "tasks/get",
            "Mcp-Name": "another",
        },
    )

    assert (400, -32020) == (answer.status_code, answer.json()["error"]["code"])


def test_2025_declares_tasks_and_which_tools_can_become_one(
    server: InProcessServer, tenant: Tenant
) -> None:
    """Clients of that revision decide by it."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": OLD,
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    }
    headers = {"Accept": ACCEPT}
    told = tenant.http.post("/mcp", json=body, headers=headers).text
    with speaking(server.url, tenant.key, revision=OLD) as speaker:
        optional = {name for name, tool in speaker.tools().items() if tool.execution}

    assert '"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}' in told
    assert {"ask", "ingest"} == optional


def test_a_task_of_2025_gives_its_result_once_it_has_ended(
    server: InProcessServer, tenant: Tenant
) -> None:
    """The request for the result waits, and says whose it is."""
    project = tenant.project()
    begun = begin(tenant, "ingest", project=project, text=KETTLE)["result"]["task"]
    task_id = begun["taskId"]
    with speaking(server.url, tenant.key, revision=OLD) as speaker:
        given = result(speaker, task_id)
        task = get(speaker, task_id)

    assert "working" == begun["status"]
    assert {"taskId": task_id} == (given.meta or {})["io.modelcontextprotocol/related-task"]
    assert ("completed", "completed") == ((given.structured_content or {})["status"], task.status)


def test_a_failed_job_is_a_failed_task_of_2025(server: InProcessServer, tenant: Tenant) -> None:
    """Its result is the error that the call would have given."""
    accepted = tenant.upload(tenant.project(), ("x.pdf", b"%PDF-1.7\nbroken")).json()
    task_id = accepted["job"]["id"]
    with speaking(server.url, tenant.key, revision=OLD) as speaker:
        given = result(speaker, task_id)
        task = get(speaker, task_id)

    assert (True, "failed") == (given.is_error, task.status)


def test_a_task_of_2025_is_cancelled_once(server: InProcessServer, tenant: Tenant) -> None:
    """It is cancelled when the answer comes; one that has ended is refused."""
    job_id = waiting_job(tenant, tenant.project())
    request = CancelTaskRequest(params=CancelTaskRequestParams(task_id=job_id))
    with speaking(server.url, tenant.key, revision=OLD) as speaker:
        cancelled = speaker.send(request, CancelTaskResult)
        with pytest.raises(MCPError) as raised:
            speaker.send(request, CancelTaskResult)

    assert ("cancelled", -32602) == (cancelled.status, raised.value.code)


def test_tasks_of_2025_are_listed(server: InProcessServer, tenant: Tenant) -> None:
    """The caller's jobs that can be tasks, newest first."""
    project = tenant.project()
    made = [waiting_job(tenant, project, f"Text {number}.") for number in range(2)]
    with speaking(server.url, tenant.key, revision=OLD) as speaker:
        listed = speaker.send(ListTasksRequest(), ListTasksResult)

    assert (made[::-1], None) == ([task.task_id for task in listed.tasks], listed.next_cursor)


def test_a_quick_tool_cannot_be_called_as_a_task(tenant: Tenant) -> None:
    """The answer is the one the revision asks for."""
    assert -32601 == begin(tenant, "list_projects")["error"]["code"]


def test_a_task_that_cannot_begin_is_an_error_of_the_call(tenant: Tenant) -> None:
    """Where there is no job there is no task either."""
    refused = begin(tenant, "ask", project="none", question="Why?")["result"]

    assert (True, None) == (refused["isError"], refused.get("task"))


@pytest.mark.parametrize("revision", [OLD, NEW])
def test_a_stranger_finds_no_task(server: InProcessServer, tenant: Tenant, revision: str) -> None:
    """Tasks of others are unknown: they are not read, cancelled or listed."""
    job_id = waiting_job(tenant, tenant.project())
    with (
        server.tenant() as other,
        speaking(server.url, other.key, revision=revision) as stranger,
    ):
        for what in ("get", "cancel"):
            with pytest.raises(MCPError, match="There is no job"):
                stranger.send(_about(what, job_id), Result)
        if revision == OLD:
            with pytest.raises(MCPError, match="There is no job"):
                stranger.send(_about("result", job_id), Result)
            assert [] == stranger.send(ListTasksRequest(), ListTasksResult).tasks

    assert "pending" == tenant.http.get(f"/v1/jobs/{job_id}").json()["status"]


def test_readers_cancel_no_task(server: InProcessServer, tenant: Tenant) -> None:
    """Cancelling needs the same key as over HTTP."""
    job_id = waiting_job(tenant, tenant.project())
    made = tenant.http.post("/v1/keys", json={"name": "reader", "role": "reader"}).json()
    with (
        speaking(server.url, made["key"]) as reader,
        pytest.raises(MCPError, match="This needs a key with the role owner"),
    ):
        reader.send(_about("cancel", job_id), Result)
