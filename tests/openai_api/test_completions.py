"""Chat completions with the official client, answered without a model."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from tests.inprocess import InProcessServer, Tenant

QUESTION = "Who keeps the light of Skerryvore?"
TEXT = "Ada Munro keeps the light of Skerryvore. She lives on the rock with two goats."
USER = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def project(tenant: Tenant) -> str:
    """The id of a project that knows the answer."""
    made = tenant.project()
    tenant.ingest_text(made, TEXT, title="Lights")
    return made


def agent_of(tenant: Tenant, project: str, name: str = "Keeper") -> str:
    """Make an agent and return its id."""
    made = tenant.http.post("/v1/agents", json={"name": name, "projects": [project]})
    assert 201 == made.status_code, made.text
    return str(made.json()["id"])


def refusal(client: openai.OpenAI, **fields: Any) -> openai.APIStatusError:
    """Return the error that a request gets."""
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**fields)
    return caught.value


def test_answer(client: openai.OpenAI, project: str) -> None:
    """A project answers as a model: the words, and where they stand."""

    answer = client.chat.completions.create(model=f"project:{project}", messages=USER)

    message = answer.choices[0].message
    assert ("assistant", "stop") == (message.role, answer.choices[0].finish_reason)
    assert "Ada Munro keeps the light" in message.content
    cited = message.annotations[0].to_dict()
    assert ("file_citation", "text.txt") == (cited["type"], cited["filename"])
    assert "Ada Munro keeps the light of Skerryvore." == cited["quote"]
    assert "[1]" == message.content[cited["index"] :][:3]
    assert answer.model == f"project:{project}"


def test_cited_file(client: openai.OpenAI, project: str) -> None:
    """The file of a citation is one that the same client can look at."""

    answer = client.chat.completions.create(model=f"project:{project}", messages=USER)
    cited = answer.choices[0].message.annotations[0].to_dict()

    assert cited["filename"] == client.files.retrieve(cited["file_id"]).filename


def test_streamed(client: openai.OpenAI, project: str) -> None:
    """A stream tells the role, the words, the citations, the end and the usage, in this order."""

    whole = client.chat.completions.create(model=f"project:{project}", messages=USER)
    chunks = list(
        client.chat.completions.create(
            model=f"project:{project}",
            messages=USER,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert "assistant" == deltas[0].role
    words = "".join(delta.content or "" for delta in deltas)
    assert whole.choices[0].message.content == words
    expected = [each.to_dict() for each in whole.choices[0].message.annotations]
    assert expected == deltas[-2].annotations
    assert "stop" == chunks[-2].choices[0].finish_reason
    assert ([], whole.usage) == (chunks[-1].choices, chunks[-1].usage)
    assert 1 == len({chunk.id for chunk in chunks})


@pytest.mark.parametrize("by_name", [True, False])
def test_agent(client: openai.OpenAI, tenant: Tenant, project: str, by_name: bool) -> None:
    """An agent answers by its name and by its id."""

    agent = agent_of(tenant, project)
    answer = client.chat.completions.create(
        model="Keeper" if by_name else f"agent:{agent}", messages=USER
    )

    assert "Ada Munro" in answer.choices[0].message.content


def test_two_agents_of_a_name(client: openai.OpenAI, tenant: Tenant, project: str) -> None:
    """A name that two agents bear is refused with the ids to choose from."""

    agents = {agent_of(tenant, project), agent_of(tenant, project)}
    error = refusal(client, model="Keeper", messages=USER)

    assert (400, "model") == (error.status_code, error.param)
    assert all(f"agent:{agent}" in str(error) for agent in agents)


def test_history(client: openai.OpenAI, project: str) -> None:
    """What a question leans on is taken from the messages before it."""

    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        *USER,
        {"role": "assistant", "content": "Ada Munro keeps the light of Skerryvore [1]."},
        {"role": "user", "content": [{"type": "text", "text": "And where does she live?"}]},
    ]
    answer = client.chat.completions.create(model=f"project:{project}", messages=messages)

    assert "two goats" in answer.choices[0].message.content


def test_answer_sent_back(client: openai.OpenAI, project: str) -> None:
    """An answer can be sent back as a message, just as it was received."""

    model = f"project:{project}"
    answer = client.chat.completions.create(model=model, messages=USER).choices[0].message
    again = [*USER, answer.model_dump(), {"role": "user", "content": QUESTION}]

    assert answer == client.chat.completions.create(model=model, messages=again).choices[0].message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("frequency_penalty", 0.5),
        ("functions", [{"name": "f"}]),
        ("logit_bias", {"1": 1}),
        ("logprobs", True),
        ("modalities", ["text", "audio"]),
        ("n", 2),
        ("presence_penalty", 0.5),
        ("reasoning_effort", "low"),
        ("response_format", {"type": "json_object"}),
        ("seed", 1),
        ("stop", ["x"]),
        ("store", True),
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("top_p", 0.5),
        ("web_search_options", {}),
        ("temperature", 3),
        ("max_tokens", 0),
        ("stream_options", {"include_usage": True}),
    ],
)
def test_refused_by_name(client: openai.OpenAI, tenant: Tenant, name: str, value: object) -> None:
    """What cannot be honoured is refused, and `param` names it."""

    model = f"project:{tenant.project()}"
    error = refusal(client, model=model, messages=USER, extra_body={name: value})

    assert isinstance(error, openai.BadRequestError)
    assert name == error.param
    assert "invalid_request_error" == error.type


@pytest.mark.parametrize(
    "neutral",
    [
        {"n": 1, "top_p": 1.0, "frequency_penalty": 0, "presence_penalty": 0, "stop": None},
        {"response_format": {"type": "text"}, "tools": [], "logprobs": False, "seed": None},
        {"user": "u1", "metadata": {"k": "v"}, "temperature": 0, "max_completion_tokens": 50},
    ],
)
def test_neutral_parameters(client: openai.OpenAI, project: str, neutral: Any) -> None:
    """What asks for nothing else than is done anyway is taken."""

    model = f"project:{project}"
    answer = client.chat.completions.create(model=model, messages=USER, extra_body=neutral)

    assert "Ada Munro" in answer.choices[0].message.content


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
        [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}],
        [{"type": "file", "file": {"file_id": "file-1"}}],
    ],
)
def test_other_than_words(client: openai.OpenAI, tenant: Tenant, content: Any) -> None:
    """Parts of a message that are no words are refused with their place."""

    messages: list[Any] = [{"role": "user", "content": content}]
    error = refusal(client, model=f"project:{tenant.project()}", messages=messages)

    assert (400, "messages.0.content.0.type") == (error.status_code, error.param)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "content": "Hello."}],
        [*USER, {"role": "system", "content": "Be brief."}],
        [{"role": "user", "content": "  "}],
        [{"role": "user", "content": "x" * 16_001}],
        [],
    ],
)
def test_no_question(client: openai.OpenAI, tenant: Tenant, messages: Any) -> None:
    """The last message has to be a question."""

    error = refusal(client, model=f"project:{tenant.project()}", messages=messages)

    assert (400, "messages") == (error.status_code, error.param)


def test_language_model_alone(client: openai.OpenAI) -> None:
    """A language model without documents is refused: the sentence says what to name."""

    error = refusal(client, model="extractive", messages=USER)

    assert (400, "model") == (error.status_code, error.param)
    assert "project:<id>" in str(error)


@pytest.mark.parametrize("model", ["gpt-5", "project:nope", "agent:nope", "project:"])
def test_unknown_model(client: openai.OpenAI, model: str) -> None:
    """A model that nobody knows is OpenAI's error for it."""

    error = refusal(client, model=model, messages=USER)

    assert isinstance(error, openai.NotFoundError)
    assert "model_not_found" == error.code


def test_model_of_another(client: openai.OpenAI, server: InProcessServer) -> None:
    """What belongs to another tenant is as unknown as what is not there."""

    with server.tenant() as other:
        theirs = other.project()
        agent_of(other, theirs, "Theirs")

        for model in (f"project:{theirs}", "Theirs"):
            assert 404 == refusal(client, model=model, messages=USER).status_code


def test_wrong_key(server: InProcessServer) -> None:
    """A wrong key is the error that clients know for it."""

    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="no", max_retries=0) as client:
        error = refusal(client, model="extractive", messages=USER)

    assert isinstance(error, openai.AuthenticationError)


def test_same_key(client: openai.OpenAI, project: str) -> None:
    """Under one idempotency key there is one completion, streamed or not."""

    asked: dict[str, Any] = {
        "model": f"project:{project}",
        "messages": USER,
        "extra_headers": {"Idempotency-Key": f"once-{project}"},
    }
    first = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True))

    assert first == client.chat.completions.create(**asked)
    assert {first.id} == {chunk.id for chunk in chunks}
    words = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert first.choices[0].message.content == words


def test_key_of_another_request(client: openai.OpenAI, project: str) -> None:
    """A key that was used for another question is refused."""

    headers = {"Idempotency-Key": f"other-{project}"}
    model = f"project:{project}"
    client.chat.completions.create(model=model, messages=USER, extra_headers=headers)
    other = [{"role": "user", "content": "Why?"}]
    error = refusal(client, model=model, messages=other, extra_headers=headers)

    assert (400, "idempotency_key_reused") == (error.status_code, error.code)


def test_wire(tenant: Tenant, project: str) -> None:
    """On the wire a stream is lines of data, and the last one says that it is done."""

    body = {"model": f"project:{project}", "messages": USER, "stream": True}
    answer: httpx2.Response = tenant.http.post("/v1/chat/completions", json=body)

    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    assert "data: [DONE]" == lines[-1]
