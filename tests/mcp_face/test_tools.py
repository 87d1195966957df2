"""Tools, as the official client calls them."""

from __future__ import annotations

import base64

import jsonschema
import pytest
from fpdf import FPDF
from mcp.shared.exceptions import MCPError
from tests.inprocess import InProcessServer, Tenant
from tests.mcp_face.speaking import Speaker, speaking

KETTLE = "The warranty of the kettle lasts two years. It covers all parts except the filter."
QUESTION = "How long does the warranty of the kettle last?"


def two_pages() -> bytes:
    """Return a PDF of two pages."""
    pdf = FPDF()
    for text in ("The mill was rebuilt in granite in 1611.", "Its wheel was cast in iron."):
        pdf.add_page()
        pdf.set_font("helvetica", size=14)
        pdf.multi_cell(0, 10, text)
    return bytes(pdf.output())


def test_each_tool_has_schemas_and_says_what_it_changes(speaker: Speaker) -> None:
    """Arguments and results are described, and only two tools change anything."""
    tools = speaker.tools()

    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    changing = {name for name, tool in tools.items() if not tool.annotations.read_only_hint}
    removing = {name for name, tool in tools.items() if tool.annotations.destructive_hint}
    assert ({"ingest", "cancel_job"}, {"cancel_job"}) == (changing, removing)


def test_search_finds_a_text_that_ingest_added(speaker: Speaker, tenant: Tenant) -> None:
    """What is ingested can be searched once the call has returned; passages name their page."""
    tenant.project("library")
    added = speaker.result("ingest", project="library", text=KETTLE, title="Kettle")
    found = speaker.result("search", project="library", query=QUESTION, limit=3)

    document_id = added["document"]["id"]
    assert ("completed", True) == (added["status"], added["document"]["searchable"])
    assert [(KETTLE, f"ragline://documents/{document_id}/pages/1")] == [
        (passage["text"], passage["uri"]) for passage in found["passages"]
    ]


def test_search_heeds_a_filter(speaker: Speaker, tenant: Tenant) -> None:
    """Only documents whose metadata fit are searched."""
    project = tenant.project()
    for year in (2023, 2024):
        text = f"In {year} the kettle was sold."
        speaker.result("ingest", project=project, text=text, metadata={"year": year})
    filter = {"type": "and", "filters": [{"type": "gte", "key": "year", "value": 2024}]}
    found = speaker.result("search", project=project, query="kettle sold", filter=filter)

    assert [2024] == [passage["metadata"]["year"] for passage in found["passages"]]


def test_search_takes_wishes(speaker: Speaker, tenant: Tenant) -> None:
    """Nothing near enough is no passage, and what cannot be done is a warning."""
    project = tenant.project()
    speaker.result("ingest", project=project, text="The gong was cast in bronze.")
    wishes = {"project": project, "query": "the gong", "diversity": 0.2, "merge": True}
    found = speaker.result("search", **wishes, rerank=True)
    none = speaker.result("search", **wishes, min_score=1)

    assert (1, ["no-reranker"]) == (
        len(found["passages"]),
        [warning["code"] for warning in found["warnings"]],
    )
    assert {"passages": [], "warnings": []} == none


def test_a_file_comes_in_base64(speaker: Speaker, tenant: Tenant) -> None:
    """A file is read by its content, page by page."""
    project = tenant.project()
    content = base64.b64encode(two_pages()).decode()
    added = speaker.result("ingest", project=project, content_base64=content, filename="mill.pdf")

    document = added["document"]
    assert ("application/pdf", 2, "mill.pdf") == (
        document["media_type"],
        document["pages"],
        document["filename"],
    )


def test_content_that_is_there_already_makes_no_job(speaker: Speaker, tenant: Tenant) -> None:
    """The same text again gives the document that is there."""
    project = tenant.project()
    first = speaker.result("ingest", project=project, text=KETTLE)
    second = speaker.result("ingest", project=project, text=KETTLE)

    assert (None, first["document"]["id"]) == (second["job_id"], second["document"]["id"])


def test_ask_answers_with_quotes(speaker: Speaker, tenant: Tenant) -> None:
    """An answer's citations stand in the document, and name the resource of their page."""
    project = tenant.project()
    document = tenant.ingest_text(project, KETTLE, title="Kettle")
    answer = speaker.result("ask", project=project, question=QUESTION)

    assert "two years" in answer["answer"]
    cited = answer["citations"][0]
    assert (True, f"ragline://documents/{document['id']}/pages/1") == (
        cited["quote"] in KETTLE,
        cited["uri"],
    )


def test_an_answer_is_the_result_of_a_job(speaker: Speaker, tenant: Tenant) -> None:
    """Whoever does not wait for the answer finds it in the job."""
    project = tenant.project()
    tenant.ingest_text(project, KETTLE)
    asked = speaker.result("ask", project=project, question=QUESTION, wait_seconds=0)
    job = speaker.result("job_status", job_id=asked["job_id"], wait_seconds=60)

    assert (None, "completed") == (asked["answer"], job["status"])
    assert "two years" in job["result"]["answer"]


def test_progress_is_told_while_a_call_waits(speaker: Speaker, tenant: Tenant) -> None:
    """A client that asks for progress hears how far the job is."""
    project = tenant.project()
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async def call() -> None:
        arguments = {"project": project, "text": KETTLE}
        await speaker.client.call_tool("ingest", arguments, progress_callback=hear)

    speaker.portal.call(call)

    assert heard
    assert sorted(heard) == heard


def test_listings_go_on_after_an_id(speaker: Speaker, tenant: Tenant) -> None:
    """Projects and documents are listed in pages."""
    first, second = tenant.project("first"), tenant.project("second")
    documents = [tenant.ingest_text(first, f"Text {number}.")["id"] for number in (1, 2)]
    projects = speaker.result("list_projects", limit=1)
    rest = speaker.result("list_projects", after=first)
    listed = speaker.result("list_documents", project="first", after=documents[0])

    assert ([first], True) == ([each["id"] for each in projects["projects"]], projects["has_more"])
    assert [second] == [each["id"] for each in rest["projects"]]
    assert documents[1:] == [each["id"] for each in listed["documents"]]


def test_a_job_can_be_cancelled(speaker: Speaker, tenant: Tenant) -> None:
    """A job that waits for its time is cancelled at once."""
    project = tenant.project()
    later = {"text": KETTLE, "not_before": "2100-01-01T00:00:00Z"}
    accepted = tenant.http.post(f"/v1/projects/{project}/documents", json=later).json()
    cancelled = speaker.result("cancel_job", job_id=accepted["job"]["id"])

    assert "cancelled" == tenant.ended(cancelled["id"])["status"]


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("search", {"project": "none", "query": "x"}, "There is no project with the id or the"),
        ("search", {"project": "none"}, "The arguments are not valid: query: Field required."),
        ("search", {"project": "p", "query": "x", "fast": True}, "fast: Extra inputs"),
        ("job_status", {"job_id": "none"}, "There is no job with the id 'none'."),
        ("ingest", {"project": "p"}, "send either text or content_base64"),
        ("ingest", {"project": "p", "content_base64": "YQ=="}, "belong together"),
        (
            "ingest",
            {"project": "p", "content_base64": "?", "filename": "a.pdf"},
            "must be base64",
        ),
        (
            "ingest",
            {"project": "p", "content_base64": "YQ==", "filename": "../a.pdf"},
            "filename: String should match pattern",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    speaker: Speaker, tool: str, arguments: dict[str, object], sentence: str
) -> None:
    """An error of a call is a result that the model can read."""
    assert sentence in speaker.error(tool, **arguments)


def test_a_file_that_nothing_reads_is_refused(speaker: Speaker, tenant: Tenant) -> None:
    """The reason is that of an upload."""
    project = tenant.project()
    content = base64.b64encode(bytes(range(256))).decode()

    assert "Nothing here reads the content" in speaker.error(
        "ingest", project=project, content_base64=content, filename="x.bin"
    )


def test_a_failed_job_is_an_error_with_its_reason(speaker: Speaker, tenant: Tenant) -> None:
    """A file that turns out to be broken fails the call, once it was tried."""
    project = tenant.project()
    content = base64.b64encode(b"%PDF-1.7\nbroken").decode()
    sentence = speaker.error("ingest", project=project, content_base64=content, filename="x.pdf")

    assert " failed: " in sentence


def test_an_unknown_tool_is_an_error_of_the_protocol(speaker: Speaker) -> None:
    """There is nothing that a model could correct."""
    with pytest.raises(MCPError, match="There is no tool 'delete_all'"):
        speaker.call("delete_all")


def test_readers_see_and_use_what_changes_nothing(server: InProcessServer, tenant: Tenant) -> None:
    """A reader's key finds and asks; it neither sees nor uses the rest."""
    project = tenant.project()
    made = tenant.http.post("/v1/keys", json={"name": "reader", "role": "reader"}).json()
    with speaking(server.url, made["key"]) as reader:
        tools = set(reader.tools())
        found = reader.result("search", project=project, query="kettle")
        refused = reader.error("ingest", project=project, text=KETTLE)

    assert {"ingest", "cancel_job"}.isdisjoint(tools)
    assert [] == found["passages"]
    assert "This needs a key with the role owner" in refused


def test_another_tenant_reaches_nothing(server: InProcessServer, tenant: Tenant) -> None:
    """Unknown and not-yours are the same answer for every tool that takes an id."""
    project = tenant.project("secret")
    document = tenant.ingest_text(project, KETTLE)
    job = tenant.http.get("/v1/jobs").json()["jobs"][0]["id"]
    with server.tenant() as other, speaking(server.url, other.key) as stranger:
        unknown = [
            stranger.error("search", project=project, query=QUESTION),
            stranger.error("ask", project="secret", question=QUESTION),
            stranger.error("list_documents", project=project),
            stranger.error("ingest", project=project, text="Mine."),
            stranger.error("job_status", job_id=job),
            stranger.error("cancel_job", job_id=job),
            stranger.error("list_projects", after=project),
        ]
        projects = stranger.result("list_projects")["projects"]

    assert all("There is no" in sentence for sentence in unknown)
    assert ([], True) == (projects, document["searchable"])


def test_an_agent_is_asked_in_a_conversation(speaker: Speaker, tenant: Tenant) -> None:
    """The answer names the conversation, in which the next question is asked."""
    project = tenant.project()
    tenant.ingest_text(project, KETTLE)
    agent = tenant.http.post("/v1/agents", json={"name": "Clerk", "projects": [project]}).json()
    listed = speaker.result("list_agents")["agents"]
    first = speaker.result("ask", agent=agent["id"], question=QUESTION)
    second = speaker.result("ask", session_id=first["session_id"], question="And the filter?")
    messages = tenant.http.get(f"/v1/sessions/{first['session_id']}/messages").json()["messages"]

    assert [agent["id"]] == [each["id"] for each in listed]
    assert "two years" in first["answer"]
    assert (4, first["session_id"]) == (len(messages), second["session_id"])


def test_a_stranger_asks_no_agent(server: InProcessServer, tenant: Tenant) -> None:
    """Agents and conversations of others are unknown."""
    project = tenant.project()
    agent = tenant.http.post("/v1/agents", json={"name": "Clerk", "projects": [project]}).json()
    begun = tenant.http.post("/v1/sessions", json={"agent_id": agent["id"]}).json()
    with server.tenant() as other, speaking(server.url, other.key) as stranger:
        agents = stranger.result("list_agents")["agents"]
        asked = stranger.error("ask", agent=agent["id"], question=QUESTION)
        went_on = stranger.error("ask", session_id=begun["id"], question=QUESTION)

    assert [] == agents
    assert "There is no agent" in asked
    assert "There is no session" in went_on
