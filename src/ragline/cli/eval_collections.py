"""Collections in BEIR layout: documents, questions, and which documents answer them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragline.errors import InvalidInput

Relevances = Mapping[str, Mapping[str, int]]
"""Relevance (0 for none) of documents by question."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents as they were read, questions that have relevances, and these."""

    name: str
    documents: Mapping[str, Mapping[str, Any]]
    queries: Mapping[str, str]
    relevances: Relevances


def read_collection(folder: Path) -> Collection:
    """Return what a folder holds: `corpus.jsonl` (`_id`, `title`, `text`) and its questions.

    Raises `InvalidInput` for another layout.
    """
    documents = {str(row["_id"]): row for row in _rows(folder / "corpus.jsonl", "text")}
    queries, relevances = read_questions(folder)
    return Collection(_name(folder), documents, queries, relevances)


def read_questions(folder: Path) -> tuple[dict[str, str], Relevances]:
    """Return the questions of `queries.jsonl` (`_id`, `text`) that `qrels.tsv` answers.

    That holds question, document and relevance under a header, at its top or in `qrels/`.
    """
    path = next(
        (each for name in _QRELS if (each := folder / name).is_file()), folder / "qrels.tsv"
    )
    relevances = _relevances(path)
    rows = _rows(folder / "queries.jsonl", "text")
    queries = {str(row["_id"]): str(row["text"]) for row in rows}
    return {id: text for id, text in queries.items() if id in relevances}, relevances


_QRELS = ("qrels.tsv", "qrels/test.tsv", "qrels/dev.tsv", "qrels/train.tsv")


def _name(folder: Path) -> str:
    return folder.resolve().name


def _rows(path: Path, *needed: str) -> list[dict[str, Any]]:
    """Return the objects of a file with one JSON object per line."""
    try:
        with path.open(encoding="utf-8") as lines:
            found = [json.loads(line) for line in lines if line.strip()]
        for row in found:
            for name in ("_id", *needed):
                row[name]
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {error}. The folder must hold corpus.jsonl, queries.jsonl "
            "and qrels.tsv, in BEIR layout."
        ) from error
    except (KeyError, TypeError) as error:
        raise InvalidInput(f"{path} has a line without {error}, which BEIR layout has.") from error
    return found


def _relevances(path: Path) -> Relevances:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines, delimiter="\t"))[1:]
        found: dict[str, dict[str, int]] = {}
        for query_id, document_id, relevance in rows:
            found.setdefault(query_id, {})[document_id] = int(relevance)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {error}. It must hold query, document and relevance, "
            "separated by tabs, under a header."
        ) from error
    return found
