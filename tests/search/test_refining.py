"""What happens between ranking and answer, in a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests import tiny_cross_encoder
from tests.fakes.openai_server import failure
from tests.fakes.rerank_server import FakeReranker
from tests.inprocess import InProcessServer, Tenant
from tests.reranked import with_reranker

from ragline.accounts.service import Caller, Role
from ragline.bootstrap import Runtime
from ragline.search.options import Refining
from ragline.search.schemas import SearchAnswer
from ragline.search.service import search_passages

Found = tuple[Tenant, str]
BEASTS = ("otter", "heron", "badger", "marten", "plover", "stoat")
QUESTION = "Which beasts live in the marshland reserve of Quennby?"


def section(beast: str) -> str:
    """Return a passage's worth of sentences about an animal."""
    sentences = [f"{beast.title()}s\n\nThe {beast} lives in the marshland reserve of Quennby."]
    sentences += [
        f"Of every {beast} that was counted there in year {number}, most were seen at dawn, "
        f"near the {place}, by people who had waited for hours."
        for number, place in enumerate(["old mill", "reed bed", "dyke", "long pond"], start=1)
    ]
    return " ".join(sentences)


@pytest.fixture(scope="module")
def reserve(server: InProcessServer) -> Iterator[Found]:
    """A tenant with a report of several passages, one of them twice, and something else."""
    with server.tenant() as tenant:
        project = tenant.project()
        tenant.ingest_text(project, "\n\n".join(map(section, BEASTS)), title="Report")
        tenant.ingest_text(project, section("otter").replace("year", "the year"), title="Copy")
        tenant.ingest_text(project, "The baker of Quennby opens at six.", title="Bakery")
        yield tenant, project


def ask(reserve: Found, query: str = QUESTION, **fields: Any) -> dict[str, Any]:
    tenant, project = reserve
    answer = tenant.http.post(f"/v1/projects/{project}/search", json={"query": query, **fields})
    assert 200 == answer.status_code, answer.text
    return dict(answer.json())


def refuses(reserve: Found, **fields: Any) -> int:
    tenant, project = reserve
    url = f"/v1/projects/{project}/search"
    return tenant.http.post(url, json={"query": QUESTION, **fields}).status_code


def search(runtime: Runtime, reserve: Found, **wishes: Any) -> SearchAnswer:
    tenant, project = reserve
    caller = Caller(tenant.id, "", Role.OWNER)
    query = wishes.pop("query", QUESTION)
    return search_passages(
        runtime, caller, project, query, limit=wishes.pop("limit", 10), refining=Refining(**wishes)
    )


@pytest.fixture
def fake() -> Iterator[FakeReranker]:
    with FakeReranker().running() as running:
        assert isinstance(running, FakeReranker)
        yield running


@pytest.fixture
def runtime(server: InProcessServer, fake: FakeReranker) -> Runtime:
    """A runtime that asks a server of reranking."""
    return with_reranker(
        server, reranker="endpoint", reranker_base_url=fake.url, reranker_model="rerank-1"
    )


def test_scores_below_the_least_are_left_out(reserve: Found) -> None:
    """Every hit has at least the score that was asked for, and none is missing."""
    whole = ask(reserve, limit=20, min_score=0)["hits"]
    middle = whole[len(whole) // 2]["score"]

    found = ask(reserve, limit=20, min_score=middle)["hits"]

    assert [hit for hit in whole if hit["score"] >= middle] == found


def test_nothing_near_enough_is_an_empty_answer(reserve: Found) -> None:
    """That nothing was found is said by no hits and no warning."""
    assert {"hits": [], "warnings": []} == ask(reserve, min_score=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"min_score": -0.1},
        {"min_score": 1.1},
        {"min_score": "0.5"},
        {"min_score": True},
        {"diversity": 2},
        {"diversity": None},
        {"merge": "yes"},
        {"rerank": 1},
    ],
)
def test_odd_wishes_are_refused(reserve: Found, fields: dict[str, Any]) -> None:
    """Options have one type and one range."""
    assert 422 == refuses(reserve, **fields)


def test_diversity_puts_copies_behind(reserve: Found) -> None:
    """With it, the copy of a passage is not shown beside it."""
    query = "Of every otter counted most were seen at dawn near the old mill"
    plain = ask(reserve, query, limit=2)["hits"]

    varied = ask(reserve, query, limit=2, diversity=0.6)["hits"]

    assert {"Report", "Copy"} == {hit["title"] for hit in plain}
    assert plain[0] == varied[0]
    assert "otter" not in varied[1]["text"].lower()


def test_neighbours_are_put_together(reserve: Found) -> None:
    """Merged, the report's chunks are fewer passages, each word for word as they stand."""
    tenant, _ = reserve
    hits = ask(reserve, limit=3, merge=True, min_score=0)["hits"]
    report = next(hit for hit in hits if hit["title"] == "Report")
    chunks = tenant.http.get(f"/v1/documents/{report['document_id']}/chunks").json()["chunks"]
    texts = {chunk["id"]: chunk["text"] for chunk in chunks}

    assert len(report["chunk_ids"]) > 1
    assert report["chunk_id"] in report["chunk_ids"]
    assert "\n\n".join(texts[id] for id in report["chunk_ids"]) == report["text"]
    assert report["chunk_ids"] == [id for id in texts if id in report["chunk_ids"]]


def test_without_merging_each_hit_is_one_chunk(reserve: Found) -> None:
    """Its ids are its own."""
    assert all([hit["chunk_id"]] == hit["chunk_ids"] for hit in ask(reserve)["hits"])


def test_reranking_without_a_reranker_is_told(reserve: Found) -> None:
    """The answer is the search's own, with a warning."""
    plain = ask(reserve)

    wished = ask(reserve, rerank=True)

    assert plain["hits"] == wished["hits"]
    assert ["no-reranker"] == [each["code"] for each in wished["warnings"]]
    assert [] == plain["warnings"]


def test_the_reranker_decides_order_and_scores(
    runtime: Runtime, reserve: Found, fake: FakeReranker
) -> None:
    """It reads each passage under its title, and its scores are the hits'."""
    found = search(runtime, reserve, query="baker six Quennby")

    [request] = fake.requests
    scores = [hit.score for hit in found.hits]
    assert (1.0, "Bakery") == (scores[0], found.hits[0].title)
    assert sorted(scores, reverse=True) == scores
    assert "Bakery\nThe baker of Quennby opens at six." in request["documents"]
    assert [] == found.warnings


def test_it_is_not_asked_where_that_is_not_wished(
    runtime: Runtime, reserve: Found, fake: FakeReranker
) -> None:
    """`rerank` of false is a search as ever."""
    found = search(runtime, reserve, rerank=False)

    assert [] == fake.requests
    assert ask(reserve)["hits"] == found.model_dump(mode="json")["hits"]


def test_the_least_score_is_the_rerankers(
    runtime: Runtime, reserve: Found, fake: FakeReranker
) -> None:
    """What it scores lower is left out, whatever the search thought of it."""
    found = search(runtime, reserve, query="baker six Quennby", min_score=0.9)

    assert ["Bakery"] == [hit.title for hit in found.hits]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_failing_reranker_fails_no_search(
    runtime: Runtime, reserve: Found, fake: FakeReranker, status: int
) -> None:
    """The search's own order is returned, with a warning, and the log says why."""
    fake.replies = [failure(status, "down")]

    with capture_logs() as logs:
        found = search(runtime, reserve)

    assert ask(reserve)["hits"] == found.model_dump(mode="json")["hits"]
    assert ["reranker-failed"] == [each.code for each in found.warnings]
    assert "search.not_reranked" in {entry["event"] for entry in logs}
    assert 1 == len(fake.requests)


def test_large_pools_go_in_several_calls(
    server: InProcessServer, reserve: Found, fake: FakeReranker
) -> None:
    """A call holds as many passages as the setting says."""
    settings = {"reranker_base_url": fake.url, "reranker_model": "rerank-1", "reranker_per_call": 2}
    found = search(with_reranker(server, reranker="endpoint", **settings), reserve)

    assert {1, 2} >= {len(request["documents"]) for request in fake.requests}
    assert len(found.hits) <= sum(len(request["documents"]) for request in fake.requests)


def test_a_cross_encoder_computes_in_a_child(
    server: InProcessServer, reserve: Found, tmp_path: Path
) -> None:
    """Its scores order the passages; this process holds no weights."""
    folder = tiny_cross_encoder.write(tmp_path, words=(*BEASTS, "baker", "six"))
    runtime = with_reranker(server, reranker="cross-encoder", reranker_path=folder)

    found = search(runtime, reserve, query="baker six Quennby", limit=2)

    assert "Bakery" == found.hits[0].title
    assert found.hits[0].score > 0.7 > found.hits[1].score
    assert [] == found.warnings
    assert not hasattr(runtime.reranker, "_model")


def test_a_cross_encoder_that_breaks_fails_no_search(
    server: InProcessServer, reserve: Found, tmp_path: Path
) -> None:
    """Weights that cannot be loaded are a warning."""
    folder = tiny_cross_encoder.write(tmp_path)
    (folder / "model.onnx").write_bytes(b"none")
    runtime = with_reranker(server, reranker="cross-encoder", reranker_path=folder)

    found = search(runtime, reserve)

    assert ask(reserve)["hits"] == found.model_dump(mode="json")["hits"]
    assert ["reranker-failed"] == [each.code for each in found.warnings]
