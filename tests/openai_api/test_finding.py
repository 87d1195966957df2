"""Searches in vector stores through the official client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openai
import pytest
from tests.inprocess import Tenant
from tests.openai_api.texts import BREAD, STARS, TIDES

FILES = {"tides.txt": (TIDES, 1900), "bread.txt": (BREAD, 1950), "stars.txt": (STARS, 2000)}


@pytest.fixture
def library(tenant: Tenant) -> str:
    """A store with three files, each with a year and a topic."""
    project = tenant.project()
    for name, (text, year) in FILES.items():
        topic = name.removesuffix(".txt")
        tenant.ingest_text(project, text, title=topic, metadata={"year": year, "topic": topic})
    return f"vs_{project}"


def topics(found: Sequence[Any]) -> list[Any]:
    """Return the topics of what was found."""
    return [hit.attributes["topic"] for hit in found]


def test_result_has_its_file(client: openai.OpenAI, library: str) -> None:
    """A result is a passage with its file, its attributes and a score of 0 to 1."""
    hit = client.vector_stores.search(library, query="Why does bread rise?").data[0]

    assert [("text", BREAD)] == [(part.type, part.text) for part in hit.content]
    assert {"year": 1950, "topic": "bread"} == hit.attributes
    assert 0 < hit.score <= 1
    assert client.files.retrieve(hit.file_id).filename == hit.filename


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"type": "eq", "key": "topic", "value": "bread"}, {"bread"}),
        ({"type": "ne", "key": "topic", "value": "bread"}, {"tides", "stars"}),
        ({"type": "gt", "key": "year", "value": 1950}, {"stars"}),
        ({"type": "in", "key": "year", "value": [1900, 2000]}, {"tides", "stars"}),
        (
            {
                "type": "and",
                "filters": [
                    {"type": "gte", "key": "year", "value": 1900},
                    {
                        "type": "or",
                        "filters": [
                            {"type": "eq", "key": "topic", "value": "tides"},
                            {"type": "eq", "key": "topic", "value": "bread"},
                        ],
                    },
                ],
            },
            {"tides", "bread"},
        ),
    ],
)
def test_attributes_filter(
    client: openai.OpenAI, library: str, filters: Any, expected: set[str]
) -> None:
    """Comparisons and compounds of them leave out what does not fit."""
    found = client.vector_stores.search(library, query="tide bread stars", filters=filters).data

    assert expected == set(topics(found))


def test_several_queries(client: openai.OpenAI, library: str) -> None:
    """A list of queries finds what answers any of them, each passage once."""
    found = client.vector_stores.search(library, query=["Why does bread rise?", "tide and moon"])

    assert {"bread", "tides"} == set(topics(found.data[:2]))
    assert len(topics(found.data)) == len(set(topics(found.data)))


def test_most_results(client: openai.OpenAI, library: str) -> None:
    """No more results come than are asked for."""
    found = client.vector_stores.search(library, query="tide bread stars", max_num_results=1)

    assert 1 == len(found.data)


def test_score_threshold(client: openai.OpenAI, library: str) -> None:
    """Results below the threshold are left out."""
    every = client.vector_stores.search(library, query="Why does bread rise?").data
    best = client.vector_stores.search(
        library,
        query="Why does bread rise?",
        ranking_options={"ranker": "auto", "score_threshold": every[0].score},
    ).data

    assert 1 < len(every)
    assert every[:1] == best


def test_query_is_told_as_it_was_searched(tenant: Tenant, library: str) -> None:
    """The page names its queries; a rewritten one is searched for in other words too."""

    def searched(**more: Any) -> list[str]:
        body = {"query": "Why does bread rise?", **more}
        page = tenant.http.post(f"/v1/vector_stores/{library}/search", json=body).json()
        assert "bread" == page["data"][0]["attributes"]["topic"]
        return list(page["search_query"])

    assert ["Why does bread rise?"] == searched()
    rewritten = searched(rewrite_query=True)
    assert "Why does bread rise?" == rewritten[0]
    assert 1 < len(rewritten)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"query": ""}, "query.0"),
        ({"query": []}, "query"),
        ({"query": "tide", "max_num_results": 51}, "max_num_results"),
        (
            {"query": "tide", "ranking_options": {"ranker": "other"}},
            "ranking_options.ranker",
        ),
        (
            {"query": "tide", "ranking_options": {"hybrid_search": {}}},
            "ranking_options.hybrid_search",
        ),
        ({"query": "tide", "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_named(
    tenant: Tenant, library: str, body: dict[str, Any], param: str
) -> None:
    """A parameter that cannot be honoured is refused by its name."""
    answer = tenant.http.post(f"/v1/vector_stores/{library}/search", json=body)

    assert (400, param) == (answer.status_code, answer.json()["error"]["param"])
