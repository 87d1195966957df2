"""Which projects a question is asked of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract import problem_of
from tests.conversations.talking import add_agent, begin
from tests.conversations.talking import talk as talk_to
from tests.inprocess import InProcessServer, Tenant

SHELVES = {
    "coffee": "Coffee beans are roasted at 210 degrees. The first crack of coffee begins at 196.",
    "railways": "The railway from Korvel to Lund has nine bridges. Trains run every hour.",
    "medicine": "A patient with fever should drink water. Aspirin lowers the fever of patients.",
}
QUESTIONS = {
    "coffee": "At what temperature does the first crack of coffee begin?",
    "railways": "How many bridges has the railway from Korvel?",
    "medicine": "What lowers the fever of a patient?",
}


@pytest.fixture(scope="module")
def shelves(server: InProcessServer) -> Iterator[tuple[Tenant, dict[str, str]]]:
    """A tenant with a project for each subject."""
    with server.tenant() as tenant:
        projects = {name: tenant.project(name) for name in SHELVES}
        for name, text in SHELVES.items():
            tenant.ingest_text(projects[name], text, title=name)
        yield tenant, projects


def ask(shelves: tuple[Tenant, dict[str, str]], question: str, **fields: Any) -> Any:
    """Ask which projects a question is for."""
    tenant, projects = shelves
    body = {"question": question, "projects": list(projects.values()), **fields}
    return tenant.http.post("/v1/queries", json=body)


@pytest.mark.parametrize("name", QUESTIONS)
def test_routed(shelves: tuple[Tenant, dict[str, str]], name: str) -> None:
    """The project that holds the answer is the first, is chosen, and gives the first hit."""

    answer = ask(shelves, QUESTIONS[name]).json()

    assert (name, True) == (answer["projects"][0]["name"], answer["projects"][0]["chosen"])
    assert shelves[1][name] == answer["hits"][0]["project_id"]
    assert SHELVES[name] in answer["hits"][0]["text"]


def test_reasons(shelves: tuple[Tenant, dict[str, str]]) -> None:
    """Scores go from 0 to 1, and each project has one."""

    projects = ask(shelves, QUESTIONS["coffee"]).json()["projects"]

    assert set(SHELVES) == {each["name"] for each in projects}
    for each in projects:
        assert all(0 <= each[key] <= 1 for key in ("score", "passages", "description"))
    scores = [each["score"] for each in projects]
    assert sorted(scores, reverse=True) == scores


def test_one_ranking(shelves: tuple[Tenant, dict[str, str]]) -> None:
    """Hits of several projects are one ranking, of the chosen ones only."""

    answer = ask(shelves, "Coffee for a patient with fever", limit=5).json()
    chosen = {each["project_id"] for each in answer["projects"] if each["chosen"]}
    scores = [hit["score"] for hit in answer["hits"]]

    assert sorted(scores, reverse=True) == scores
    assert {hit["project_id"] for hit in answer["hits"]} <= chosen


def test_one_project_as_in_search(shelves: tuple[Tenant, dict[str, str]]) -> None:
    """Asked of one project, the hits are those of a search in it."""

    tenant, projects = shelves
    project, question = projects["coffee"], QUESTIONS["coffee"]
    hits = ask(shelves, question, projects=[project]).json()["hits"]
    found = tenant.http.post(f"/v1/projects/{project}/search", json={"query": question})

    assert found.json()["hits"] == [
        {key: value for key, value in hit.items() if key != "project_id"} for hit in hits
    ]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_agent_asks_the_right_one(shelves: tuple[Tenant, dict[str, str]], mode: str) -> None:
    """An agent over several projects answers from the one that knows, in each mode."""

    tenant, projects = shelves
    agent = add_agent(tenant.http, *projects.values(), retrieval={"mode": mode})

    answer = talk_to(tenant.http, begin(tenant.http, agent), QUESTIONS["railways"])

    assert "nine bridges" in answer["content"]
    assert {"railways"} == {citation["title"] for citation in answer["citations"]}


@pytest.mark.parametrize("fields", [{"projects": None}, {"agent_id": "a"}, {"limit": 0}])
def test_wrong(shelves: tuple[Tenant, dict[str, str]], fields: dict[str, Any]) -> None:
    """Either an agent or projects are named, and a number of hits."""
    problem_of(ask(shelves, "Why?", **fields), 422, "invalid-input")


def test_unknown(shelves: tuple[Tenant, dict[str, str]]) -> None:
    """Projects and agents that are not there are not found."""
    problem_of(ask(shelves, "Why?", projects=["nope"]), 404, "not-found")
    problem_of(ask(shelves, "Why?", projects=None, agent_id="nope"), 404, "not-found")
