"""Questions over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract import problem_of
from tests.inprocess import InProcessServer, Tenant

SAMPLES = Path(__file__).parents[2] / "samples"
QUESTIONS = json.loads((SAMPLES / "questions.json").read_text())
ANSWERED = [question for question in QUESTIONS if question["expects"]]
UNANSWERED = [question for question in QUESTIONS if not question["expects"]]


@pytest.fixture(scope="module")
def library(server: InProcessServer) -> Iterator[tuple[Tenant, str]]:
    """A tenant whose project holds the sample library."""
    with server.tenant() as tenant:
        project = tenant.project()
        files = [(path.name, path.read_bytes()) for path in sorted((SAMPLES / "library").iterdir())]
        job = tenant.ended(tenant.upload(project, *files).json()["job"]["id"])
        assert "completed" == job["status"]
        yield tenant, project


def ask(library: tuple[Tenant, str], question: str, **fields: Any) -> Any:
    """Post a question."""
    tenant, project = library
    return tenant.http.post(f"/v1/projects/{project}/chat", json={"question": question, **fields})


@pytest.mark.parametrize("question", ANSWERED, ids=lambda question: question["language"])
def test_answer_cites_its_page(library: tuple[Tenant, str], question: dict[str, Any]) -> None:
    """The answer cites the words, on the page of the document where they stand."""

    answer, expected = ask(library, question["question"]).json(), question["expects"]

    cited = [c for c in answer["citations"] if expected["contains"] in " ".join(c["quote"].split())]
    assert cited
    document = library[0].http.get(f"/v1/documents/{cited[0]['document_id']}").json()
    assert (expected["document"], expected["page"]) == (document["filename"], cited[0]["page"])


@pytest.mark.parametrize("question", ANSWERED, ids=lambda question: question["language"])
def test_citations_stand_in_a_passage(
    library: tuple[Tenant, str], question: dict[str, Any]
) -> None:
    """Each citation stands, letter by letter, in a passage of its document."""

    tenant, _ = library
    for citation in ask(library, question["question"]).json()["citations"]:
        url = f"/v1/documents/{citation['document_id']}/chunks"
        chunks = tenant.http.get(url, params={"limit": 200}).json()["chunks"]
        quote = " ".join(citation["quote"].split())
        assert any(quote in " ".join(chunk["text"].split()) for chunk in chunks)


@pytest.mark.parametrize("question", UNANSWERED, ids=lambda question: question["language"])
def test_nothing_is_made_up(library: tuple[Tenant, str], question: dict[str, Any]) -> None:
    """A question that no document answers has no citations."""

    assert [] == ask(library, question["question"]).json()["citations"]


def test_empty_project(tenant: Tenant) -> None:
    """A project without documents answers that it found nothing."""

    answer = ask((tenant, tenant.project()), "Who keeps the light?")

    assert (200, []) == (answer.status_code, answer.json()["citations"])


def test_usage(library: tuple[Tenant, str]) -> None:
    """The answer says which model gave it."""

    assert "extractive" == ask(library, "Who keeps the light?").json()["usage"]["model"]


@pytest.mark.parametrize("question", ["?", "的", "\u200b", "x" * 4000, "😀", "\u202e", "[1][2]"])
def test_odd_questions(library: tuple[Tenant, str], question: str) -> None:
    """No words are wrong words."""

    assert 200 == ask(library, question).status_code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("limit", wrong) for wrong in (0, 21, "6", True, None)),
        *(("model", wrong) for wrong in ("", 1, "\0", "x" * 201)),
    ],
)
def test_wrong_fields(tenant: Tenant, field: str, value: object) -> None:
    """A field out of its bounds is refused and named."""

    answer = ask((tenant, tenant.project()), "Why?", **{field: value})

    assert field == problem_of(answer, 422, "invalid-input")["errors"][0]["field"]


def test_too_long_question(tenant: Tenant) -> None:
    """A question of more than 4,000 characters is refused."""

    answer = ask((tenant, tenant.project()), "x" * 4001)

    problem = problem_of(answer, 422, "invalid-input")
    assert "question: must have at most 4000 characters" == problem["detail"]
