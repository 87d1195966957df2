"""Search quality is measured with the product's own functions, and is good enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragline.cli import evaluation
from ragline.cli.evaluation import evaluate
from ragline.errors import InvalidInput, MissingPackage

QUERIES = 40


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


def test_a_perfect_ranking_measures_one(tmp_path: Path) -> None:
    """All measures are 1 where the relevant document comes first."""
    measured = evaluate(small_folder(tmp_path))

    assert (measured.documents, measured.chunks, measured.queries) == (2, 2, 1)
    assert (measured.ndcg_at_10, measured.recall_at_10, measured.mrr) == (1.0, 1.0, 1.0)


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    """The message says which files are missing."""
    with pytest.raises(InvalidInput, match=r"corpus\.jsonl"):
        evaluate(tmp_path)


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the measuring package the install line is shown."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(evaluation, "import_module", missing)

    with pytest.raises(MissingPackage, match=r"ragline\[eval\]"):
        evaluate(small_folder(tmp_path))


@pytest.mark.parametrize(
    ("name", "least"), [("cranfield", 0.495), ("piaf_fr_dev500", 0.85), ("xquad_es2en", 0.95)]
)
def test_search_is_good_enough(test_data: Path, tmp_path: Path, name: str, least: float) -> None:
    """On a part of each collection the mixture is better than words or meaning alone."""
    folder = test_data / "retrieval" / name
    if not folder.is_dir():
        pytest.skip(f"RAGLINE_TEST_DATA has no collection {name}")

    measured = evaluate(subset(folder, tmp_path, documents=250))

    assert measured.ndcg_at_10 >= least
