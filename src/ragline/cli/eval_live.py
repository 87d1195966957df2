"""A project of a running server, measured by questions whose answers are known."""

from __future__ import annotations

import time
from pathlib import Path

from ragline.cli.connection import connected, find_project
from ragline.cli.eval_collections import read_questions
from ragline.cli.eval_measures import measured
from ragline.cli.evaluation import Configuration, Evaluation, Told
from ragline.errors import InvalidInput

MOST_HITS = 100


def evaluate_project(
    reference: str,
    folder: Path,
    configuration: Configuration,
    *,
    told: Told = lambda *_: None,
) -> Evaluation:
    """Ask a project all questions of a folder, and measure what it finds.

    The folder holds `queries.jsonl` and `qrels.tsv`, whose documents are named by their
    `external_id`. Raises `InvalidInput` where the project has none of them.
    """
    queries, relevances = read_questions(folder)
    began = time.monotonic()
    with connected() as client:
        project = find_project(client, reference)
        names = {
            document.id: document.external_id
            for document in client.documents(project.id)
            if document.external_id is not None
        }
        wanted = {id for graded in relevances.values() for id in graded}
        if not wanted & set(names.values()):
            raise InvalidInput(
                f"The project {project.name!r} has none of the documents that {folder} names: "
                "their external_id must be the document ids of qrels.tsv."
            )
        run: dict[str, dict[str, float]] = {}
        for done, (query_id, text) in enumerate(queries.items(), start=1):
            hits = client.search(
                project.id,
                text,
                limit=MOST_HITS,
                mode=configuration.mode,
                rerank=configuration.rerank,
                min_score=configuration.min_score,
                diversity=configuration.diversity,
            )
            found = [names.get(hit.document_id) or hit.document_id for hit in hits]
            places = {id: 1.0 / place for place, id in reversed(list(enumerate(found, start=1)))}
            run[query_id] = places
            told("questions", done, len(queries))
    rows = measured(project.name, relevances, run, queries)
    return Evaluation(project.name, len(names), 0, (), time.monotonic() - began, rows)
