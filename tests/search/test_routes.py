"""Searching over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.contract import problem_of
from tests.inprocess import InProcessServer, Tenant

from ragline.models import Document

TEXTS = {
    "otter": ("The otter sleeps by the weir.", {"year": 1901, "place": "mill", "wet": True}),
    "heron": ("The heron nests in the old oak.", {"year": 1950, "tags": ["bird", "tall"]}),
    "bread": ("The baker opens the shop at six.", {"year": 1950.5, 'a.b["c"]': "odd", "é😀": "x"}),
}
Found = tuple[Tenant, str]


@pytest.fixture(scope="module")
def library(server: InProcessServer) -> Iterator[Found]:
    """A tenant with three short texts in a project."""
    with server.tenant() as tenant:
        project = tenant.project()
        for title, (text, metadata) in TEXTS.items():
            tenant.ingest_text(project, text, title=title, metadata=metadata)
        yield tenant, project


def ask(library: Found, query: str = "What is there?", **fields: Any) -> Any:
    """Post a search; what JSON's writer refuses is escaped."""
    tenant, project = library
    return tenant.http.post(
        f"/v1/projects/{project}/search",
        content=json.dumps({"query": query, **fields}),
        headers={"content-type": "application/json"},
    )


def titles(library: Found, filter: object) -> set[str]:
    """Return the titles of what passes a filter."""
    answer = ask(library, mode="dense", filter=filter)
    assert 200 == answer.status_code, answer.text
    return {hit["title"] for hit in answer.json()["hits"]}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_modes(library: Found, mode: str) -> None:
    """Each way of searching finds the passage that has the words."""

    hits = ask(library, "where does the otter sleep", mode=mode).json()["hits"]

    assert "otter" == hits[0]["title"]


def test_hit(library: Found) -> None:
    """A hit is a passage of a document, word for word, with its pages and metadata."""

    hit = ask(library, "otter", limit=1).json()["hits"][0]
    tenant, _ = library
    chunks = tenant.http.get(f"/v1/documents/{hit['document_id']}/chunks").json()["chunks"]

    assert [(hit["chunk_id"], hit["text"])] == [(chunk["id"], chunk["text"]) for chunk in chunks]
    assert (1, 1, TEXTS["otter"][1]) == (hit["page_start"], hit["page_end"], hit["metadata"])
    assert 0 <= hit["score"] <= 1


def test_best_first(library: Found) -> None:
    """Hits are ordered by their score."""

    scores = [hit["score"] for hit in ask(library, "heron in the oak").json()["hits"]]

    assert sorted(scores, reverse=True) == scores


def test_limit(library: Found) -> None:
    """No more hits come than were asked for."""

    assert 2 == len(ask(library, mode="dense", limit=2).json()["hits"])


@pytest.mark.parametrize(
    "query", ["???", "的", "\u200b", "x" * 4000, "a AND (", "😀", "\u202e", "'"]
)
@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_odd_queries(library: Found, query: str, mode: str) -> None:
    """No words are wrong words."""

    assert 200 == ask(library, query, mode=mode).status_code


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"type": "eq", "key": "place", "value": "mill"}, {"otter"}),
        ({"type": "eq", "key": "wet", "value": True}, {"otter"}),
        ({"type": "eq", "key": "tags", "value": "tall"}, {"heron"}),
        ({"type": "ne", "key": "year", "value": 1901}, {"heron", "bread"}),
        ({"type": "gt", "key": "year", "value": 1950}, {"bread"}),
        ({"type": "gte", "key": "year", "value": 1950}, {"heron", "bread"}),
        ({"type": "lt", "key": "year", "value": 1950}, {"otter"}),
        ({"type": "in", "key": "year", "value": [1901, 1950]}, {"otter", "heron"}),
        ({"type": "nin", "key": "year", "value": [1901, 1950]}, {"bread"}),
        ({"type": "eq", "key": 'a.b["c"]', "value": "odd"}, {"bread"}),
        ({"type": "eq", "key": "é😀", "value": "x"}, {"bread"}),
        ({"type": "eq", "key": "a", "value": "odd"}, set()),
        ({"type": "eq", "key": "year", "value": "1901"}, set()),
        ({"type": "eq", "key": "wet", "value": 1}, set()),
        ({"type": "gt", "key": "place", "value": "a"}, set()),
        ({"type": "gt", "key": "wet", "value": False}, set()),
        ({"type": "eq", "key": "year", "value": 10**400}, set()),
    ],
)
def test_filter(library: Found, filter: object, expected: set[str]) -> None:
    """A filter keeps what passes it; another type equals nothing."""

    assert expected == titles(library, filter)


def test_compound_filter(library: Found) -> None:
    """Conditions are joined by and, and by or, one inside the other."""

    is_old = {"type": "lt", "key": "year", "value": 1910}
    is_bird = {"type": "eq", "key": "tags", "value": "bird"}
    has_place = {"type": "eq", "key": "place", "value": "mill"}
    both = {"type": "and", "filters": [is_old, has_place]}

    assert {"otter", "heron"} == titles(library, {"type": "or", "filters": [both, is_bird]})


def nested(depth: int) -> object:
    """Return a filter inside `depth` others."""
    filter: object = {"type": "eq", "key": "place", "value": "mill"}
    for _ in range(depth):
        filter = {"type": "and", "filters": [filter]}
    return filter


@pytest.mark.parametrize(
    "filter",
    [
        [],
        "x",
        {},
        {"type": "nonsense", "key": "k", "value": 1},
        {"type": "eq", "key": "k"},
        {"type": "eq", "key": "", "value": 1},
        {"type": "eq", "key": "k" * 101, "value": 1},
        {"type": "eq", "key": "\0", "value": 1},
        {"type": "eq", "key": "\ud800", "value": 1},
        {"type": "eq", "key": "k", "value": None},
        {"type": "eq", "key": "k", "value": ["x"]},
        {"type": "eq", "key": "k", "value": "\ud800"},
        {"type": "eq", "key": "k", "value": float("nan")},
        {"type": "gt", "key": "k", "value": float("inf")},
        {"type": "in", "key": "k", "value": "x"},
        {"type": "in", "key": "k", "value": []},
        {"type": "in", "key": "k", "value": ["x"] * 101},
        {"type": "and", "filters": []},
        {"type": "and", "filters": [{"type": "eq", "key": "k", "value": 1}] * 101},
        {"type": "eq", "key": "k", "value": 1, "colour": "red"},
        nested(11),
        nested(200),
    ],
)
def test_wrong_filters(library: Found, filter: object) -> None:
    """A filter that says nothing, or too much, is refused."""

    problem = problem_of(ask(library, filter=filter), 422, "invalid-input")

    assert {"filter"} == {error["field"].partition(".")[0] for error in problem["errors"]}


def test_very_deep_filter(library: Found) -> None:
    """A filter deeper than JSON's reader goes is malformed."""

    tenant, project = library
    body = b'{"query": "x", "filter": ' + b'{"type":"and","filters":[' * 10_000
    answer = tenant.http.post(
        f"/v1/projects/{project}/search",
        content=body + b"]}" * 10_000 + b"}",
        headers={"content-type": "application/json"},
    )

    problem_of(answer, 400, "malformed-request")


@pytest.mark.parametrize("limit", [0, -1, 101, 10**30, "5", 5.5, True, None, []])
def test_wrong_limits(library: Found, limit: object) -> None:
    """A limit that is no number from 1 to 100 is refused."""

    problem = problem_of(ask(library, limit=limit), 422, "invalid-input")

    assert "limit" == problem["errors"][0]["field"]


@pytest.mark.parametrize("mode", ["", "Hybrid", "bm25", 1, None])
def test_wrong_modes(library: Found, mode: object) -> None:
    """A way of searching that is not known is refused."""

    problem = problem_of(ask(library, mode=mode), 422, "invalid-input")

    assert "mode" == problem["errors"][0]["field"]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_only_published(server: InProcessServer, tenant: Tenant, mode: str) -> None:
    """What is in the index but not published is not found."""

    project = tenant.project()
    document = tenant.ingest_text(project, "The otter sleeps by the weir.")["id"]
    with server.runtime.database.write() as session:
        session.execute(
            sa.update(Document).where(Document.id == document).values(published_version=None)
        )
    url = f"/v1/projects/{project}/search"

    assert [] == tenant.http.post(url, json={"query": "otter", "mode": mode}).json()["hits"]


def test_only_this_project(library: Found) -> None:
    """A search stays within its project."""

    tenant, _ = library
    other = tenant.project("other")
    tenant.ingest_text(other, "Something else altogether.")

    hits = ask((tenant, other), "otter", mode="dense").json()["hits"]
    assert ["Something else altogether."] == [hit["text"] for hit in hits]
