"""Sessions and their messages over HTTP."""

from __future__ import annotations

import pytest
from tests.contract import count_rows, problem_of
from tests.conversations.conftest import Talk
from tests.conversations.talking import (
    add_agent,
    begin,
    cited,
    made,
    say,
    streamed_events,
    told,
)
from tests.conversations.talking import (
    talk as talk_to,
)
from tests.inprocess import InProcessServer, Tenant

WHO = "Who kept the lighthouse of Orrin?"


def test_answered(talk: Talk) -> None:
    """A message is answered from the agent's projects, with citations and times."""

    answer = talk_to(talk.http, talk.session, WHO)

    assert ("completed", 2, "assistant") == (answer["status"], answer["number"], answer["role"])
    assert "Ann Morrow" in answer["content"]
    assert "Orrin" == answer["citations"][0]["title"]
    assert "extractive" == answer["usage"]["model"]
    assert (None, None, 0) == (answer["error"], answer["queue_position"], answer["retry_count"])
    times = [
        answer[f"{name}_at"] for name in ("queued", "processing_started", "processing_completed")
    ]
    assert sorted(times) == times
    assert answer["generation_time_ms"] >= 0


def test_is_a_job(talk: Talk) -> None:
    """An answer is a job with tags for its agent and session, and its sender's own."""

    accepted = say(talk.http, talk.session, WHO, tags=["mine"], priority=7)
    job = talk.tenant.ended(accepted["job_id"])

    assert ("message", "chat", 7) == (job["kind"], job["queue"], job["priority"])
    assert {f"agent:{talk.agent}", f"session:{talk.session}", "mine"} == set(job["tags"])
    listed = talk.http.get("/v1/jobs", params={"tag": f"session:{talk.session}"}).json()["jobs"]
    assert [job["id"]] == [each["id"] for each in listed]


def test_accepted(talk: Talk) -> None:
    """What is accepted says where to look, and is there at once."""

    url = f"/v1/sessions/{talk.session}/messages"
    answer = talk.http.post(url, json={"content": WHO})
    message = answer.json()

    assert (202, f"/v1/jobs/{message['job_id']}") == (
        answer.status_code,
        answer.headers["location"],
    )
    assert (2, None, "queued") == (message["number"], message["content"], message["status"])
    assert 200 == talk.http.get(f"/v1/messages/{message['message_id']}").status_code


def test_waited_for(talk: Talk) -> None:
    """Who waits gets the finished message if it comes in that time."""

    url = f"/v1/sessions/{talk.session}/messages"
    answer = talk.http.post(url, json={"content": WHO}, headers={"Prefer": "wait=50"})

    assert (200, "completed") == (answer.status_code, answer.json()["status"])
    assert "wait=50" == answer.headers["preference-applied"]


def test_sent_once(talk: Talk, server: InProcessServer) -> None:
    """The same message under the same key is one message."""

    url, headers = f"/v1/sessions/{talk.session}/messages", {"Idempotency-Key": "m"}
    first, again = (talk.http.post(url, json={"content": WHO}, headers=headers) for _ in range(2))

    assert first.json()["message_id"] == again.json()["message_id"]
    assert 2 == count_rows(server, "messages", talk.tenant.id)


def test_numbered_and_listed(talk: Talk) -> None:
    """Messages of both sides are numbered without gaps and listed in pages."""

    talk_to(talk.http, talk.session, WHO)
    talk_to(talk.http, talk.session, "What did it burn?")
    url = f"/v1/sessions/{talk.session}/messages"
    first = talk.http.get(url, params={"limit": 3}).json()
    rest = talk.http.get(url, params={"after": first["messages"][2]["message_id"]}).json()
    listed = [*first["messages"], *rest["messages"]]

    assert (True, False) == (first["has_more"], rest["has_more"])
    roles = ["user", "assistant"] * 2
    assert list(enumerate(roles, 1)) == [(each["number"], each["role"]) for each in listed]
    assert WHO == listed[0]["content"]
    assert 4 == talk.http.get(f"/v1/sessions/{talk.session}").json()["messages"]


def test_follow_up(talk: Talk) -> None:
    """A question that leans on the one before is searched for with what that was about."""

    talk_to(talk.http, talk.session, WHO)
    accepted = say(talk.http, talk.session, "And from when to when?", stream=False)
    answer = talk.tenant.ended(accepted["job_id"])["result"]

    assert "1901 to 1933" in answer["answer"]


def test_french_follow_up(talk: Talk) -> None:
    """Follow-up questions work in French too."""

    talk_to(talk.http, talk.session, "Quand la tour de Vauban a-t-elle été construite ?")
    events = streamed_events(
        talk.http,
        "POST",
        f"/v1/sessions/{talk.session}/messages",
        json={"content": "Et qui la garde ?", "stream": True},
    )
    query = next(e for e in events if e["type"] == "answer.retrieval")["queries"][0]

    assert "Vauban" in query
    assert {"Vauban"} == {citation["title"] for citation in cited(events)}


def test_sessions_do_not_mix(talk: Talk) -> None:
    """Another session knows nothing of what was said in this one."""

    talk_to(talk.http, talk.session, WHO)
    other = begin(talk.http, talk.agent)
    events = streamed_events(
        talk.http,
        "POST",
        f"/v1/sessions/{other}/messages",
        json={"content": "And when?", "stream": True},
    )

    assert "And when?" == next(e for e in events if e["type"] == "answer.retrieval")["queries"][0]


def test_filter(talk: Talk) -> None:
    """An agent searches within its filter."""

    wanted = {"type": "eq", "key": "country", "value": "fr"}
    agent = add_agent(talk.http, talk.project, retrieval={"filter": wanted})

    answer = talk_to(talk.http, begin(talk.http, agent), WHO)

    assert "Orrin" not in {citation["title"] for citation in answer["citations"]}


def test_chat_in_a_session(talk: Talk) -> None:
    """A question to a project can be the next message of a session."""

    url = f"/v1/projects/{talk.project}/chat"
    answer = talk.http.post(url, json={"question": WHO, "session_id": talk.session})
    listed = talk.http.get(f"/v1/sessions/{talk.session}/messages").json()["messages"]

    assert 200 == answer.status_code
    assert [WHO, answer.json()["answer"]] == [message["content"] for message in listed]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("content", wrong) for wrong in ("", " ", None, 1, "x" * 4001, "\0")),
        ("stream", "maybe"),
        ("priority", 0),
        ("more", 1),
    ],
)
def test_wrong_messages(talk: Talk, field: str, value: object) -> None:
    """A field out of its bounds is refused and named, and nothing is kept."""

    url = f"/v1/sessions/{talk.session}/messages"
    answer = talk.http.post(url, json={"content": WHO, field: value})

    assert field == problem_of(answer, 422, "invalid-input")["errors"][0]["field"]
    assert [] == talk.http.get(url).json()["messages"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", ""), ("metadata", []), ("metadata", {"a": []}), ("agent_id", None), ("more", 1)],
)
def test_wrong_sessions(talk: Talk, field: str, value: object) -> None:
    """A field out of its bounds is refused."""

    answer = talk.http.post("/v1/sessions", json={"agent_id": talk.agent, field: value})

    problem_of(answer, 422, "invalid-input")


def test_sessions_are_listed(talk: Talk) -> None:
    """Sessions are listed newest first, in pages, by agent."""

    other = begin(talk.http, add_agent(talk.http, talk.project), title="T", metadata={"a": 1})
    newest = begin(talk.http, talk.agent)
    everything = talk.http.get("/v1/sessions", params={"limit": 2}).json()
    rest = talk.http.get("/v1/sessions", params={"after": other}).json()
    of_agent = talk.http.get("/v1/sessions", params={"agent": talk.agent}).json()

    assert ([newest, other], True) == (
        [each["id"] for each in everything["sessions"]],
        everything["has_more"],
    )
    assert [talk.session] == [each["id"] for each in rest["sessions"]]
    assert [newest, talk.session] == [each["id"] for each in of_agent["sessions"]]
    assert ("T", {"a": 1}) == (
        everything["sessions"][1]["title"],
        everything["sessions"][1]["metadata"],
    )


def test_session_is_deleted(talk: Talk, server: InProcessServer) -> None:
    """With a session go its messages."""

    talk_to(talk.http, talk.session, WHO)
    receipt = talk.http.delete(f"/v1/sessions/{talk.session}").json()

    assert (1, 2) == (receipt["sessions"], receipt["messages"])
    problem_of(talk.http.get(f"/v1/sessions/{talk.session}"), 404, "not-found")
    assert 0 == count_rows(server, "messages", talk.tenant.id)


def test_no_retry_of_what_was_answered(talk: Talk) -> None:
    """A message that was answered is neither retried nor cancelled."""

    url = f"/v1/messages/{talk_to(talk.http, talk.session, WHO)['message_id']}"

    problem_of(talk.http.post(f"{url}/retry"), 409, "conflict")
    problem_of(talk.http.post(f"{url}/cancel"), 409, "conflict")


def test_what_users_say_is_no_job(talk: Talk) -> None:
    """A user's message is complete, and has nothing to follow, cancel or retry."""

    say(talk.http, talk.session, WHO)
    listed = talk.http.get(f"/v1/sessions/{talk.session}/messages").json()["messages"]
    url = f"/v1/messages/{listed[0]['message_id']}"

    assert ("completed", None) == (listed[0]["status"], listed[0]["job_id"])
    problem_of(talk.http.get(f"{url}/events"), 409, "conflict")
    problem_of(talk.http.post(f"{url}/cancel"), 409, "conflict")


def test_pairs(talk: Talk) -> None:
    """A question that is nearly one of the stored ones gets the stored answer, without a model."""

    pair = {"question": "What are your opening hours?", "answer": "From ten to six."}
    stored = made(talk.http.post(f"/v1/agents/{talk.agent}/pairs", json=pair))
    answer = talk_to(talk.http, talk.session, "what are your opening hours")

    assert ("From ten to six.", "stored-pair") == (answer["content"], answer["usage"]["model"])
    assert [stored] == talk.http.get(f"/v1/agents/{talk.agent}/pairs").json()["pairs"]

    assert 204 == talk.http.delete(f"/v1/agents/{talk.agent}/pairs/{stored['id']}").status_code
    again = talk_to(talk.http, talk.session, "what are your opening hours")
    assert "stored-pair" != again["usage"]["model"]


@pytest.mark.parametrize("asked", ["May I carry 25 kg?", "Where is the station?"])
def test_another_question(talk: Talk, asked: str) -> None:
    """A question that asks for something else is no stored one, however near it stands."""

    pair = {"question": "May I carry 20 kg?", "answer": "Yes."}
    made(talk.http.post(f"/v1/agents/{talk.agent}/pairs", json=pair))

    assert "stored-pair" != talk_to(talk.http, talk.session, asked)["usage"]["model"]


def test_pair_in_a_stream(talk: Talk) -> None:
    """A stored answer is streamed like any other."""

    pair = {"question": "What are your opening hours?", "answer": "From ten to six."}
    talk.http.post(f"/v1/agents/{talk.agent}/pairs", json=pair)
    events = streamed_events(
        talk.http,
        "POST",
        f"/v1/sessions/{talk.session}/messages",
        json={"content": pair["question"], "stream": True},
    )

    assert pair["answer"] == told(events) == events[-1]["answer"]


@pytest.mark.parametrize("body", [{"question": "a"}, {"question": "", "answer": "b"}])
def test_wrong_pairs(talk: Talk, body: dict[str, str]) -> None:
    """A pair has a question and an answer."""
    answer = talk.http.post(f"/v1/agents/{talk.agent}/pairs", json=body)
    problem_of(answer, 422, "invalid-input")


def test_empty_project(tenant: Tenant) -> None:
    """Where there is nothing to find, the answer says so."""

    session = begin(tenant.http, add_agent(tenant.http, tenant.project()))

    assert [] == talk_to(tenant.http, session, WHO)["citations"]
