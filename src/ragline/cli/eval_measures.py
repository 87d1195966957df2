"""How well rankings are, question by question, and whether one way is better than another."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

from ragline.cli.eval_collections import Relevances
from ragline.errors import InvalidInput, MissingPackage

SHOWN = 10
RESAMPLES = 9999
SEED = 20_240_229

Ranking = Mapping[str, float]
"""Scores by document id."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How well one question was answered, 0 to 1 each, and the best documents that were found."""

    collection: str
    query_id: str
    ndcg_at_10: float
    recall_at_10: float
    recall_at_100: float
    mrr: float
    found: tuple[str, ...] = field(default=())


MEASURES = ("ndcg_at_10", "recall_at_10", "recall_at_100", "mrr")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Means of nDCG@10 before and now over the same questions, and how likely chance is.

    `better` and `worse` count questions. `p` is of a two-sided paired permutation test.
    """

    collection: str
    questions: int
    before: float
    now: float
    better: int
    worse: int
    p: float


def measured(
    collection: str, relevances: Relevances, run: Mapping[str, Ranking], queries: Iterable[str]
) -> list[Measured]:
    """Return the measures of each question; one for which nothing was found has zeros.

    Raises `MissingPackage` without the extra `eval`.
    """
    measures = package("ir_measures")
    wanted = dict(
        zip(
            MEASURES,
            (measures.nDCG @ 10, measures.R @ 10, measures.R @ 100, measures.RR),
            strict=True,
        )
    )
    # What was found for no question would be left out rather than counted.
    asked = {id: relevances[id] for id in queries}
    values: dict[str, dict[str, float]] = {id: dict.fromkeys(MEASURES, 0.0) for id in asked}
    names = {str(measure): name for name, measure in wanted.items()}
    ranked = {id: dict(ranking) for id, ranking in run.items() if ranking}
    if ranked:
        for each in measures.iter_calc(list(wanted.values()), asked, ranked):
            values[each.query_id][names[str(each.measure)]] = float(each.value)
    return [
        Measured(collection, id, **values[id], found=tuple(_best(run.get(id, {})))) for id in asked
    ]


def means(rows: Sequence[Measured]) -> dict[str, float]:
    """Return the mean of each measure."""
    return {name: fmean([getattr(row, name) for row in rows] or [0.0]) for name in MEASURES}


def compared(before: Sequence[Measured], now: Sequence[Measured]) -> list[Comparison]:
    """Return for each collection how nDCG@10 changed over the questions that both have.

    The test exchanges the two values of questions at random and counts how often the mean
    difference becomes as large as it is: it assumes nothing of how values are spread, which
    nDCG, with its many zeros and ones, would break.
    """
    known = {(row.collection, row.query_id): row.ndcg_at_10 for row in before}
    pairs: dict[str, list[tuple[float, float]]] = {}
    for row in now:
        old = known.get((row.collection, row.query_id))
        if old is not None:
            pairs.setdefault(row.collection, []).append((old, row.ndcg_at_10))
    if not pairs:
        raise InvalidInput("The two runs have no question in common; nothing can be compared.")
    return [_compared(name, values) for name, values in pairs.items()]


def _compared(name: str, pairs: Sequence[tuple[float, float]]) -> Comparison:
    before, now = [old for old, _ in pairs], [new for _, new in pairs]
    return Comparison(
        name,
        len(pairs),
        fmean(before),
        fmean(now),
        better=sum(new > old for old, new in pairs),
        worse=sum(new < old for old, new in pairs),
        p=_chance(before, now),
    )


def _chance(before: Sequence[float], now: Sequence[float]) -> float:
    if len(now) < 2 or list(before) == list(now):
        return 1.0
    np, stats = package("numpy"), package("scipy.stats")
    found = stats.permutation_test(
        (np.array(now), np.array(before)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=500,
        rng=np.random.default_rng(SEED),
    )
    return float(found.pvalue)


def write_rows(path: Path, rows: Sequence[Measured]) -> None:
    """Write a line for each question: CSV where the name ends so, else JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() != ".csv":
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
            return
        writer = csv.writer(file)
        writer.writerow([each.name for each in fields(Measured)])
        for row in rows:
            writer.writerow([*list(asdict(row).values())[:-1], " ".join(row.found)])


def read_rows(path: Path) -> list[Measured]:
    """Return what `write_rows` wrote; raise `InvalidInput` for anything else."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix.lower() == ".csv":
                plain: list[dict[str, Any]] = list(csv.DictReader(file))
            else:
                plain = [json.loads(line) for line in file if line.strip()]
        return [
            Measured(
                str(row["collection"]),
                str(row["query_id"]),
                float(row["ndcg_at_10"]),
                float(row["recall_at_10"]),
                float(row["recall_at_100"]),
                float(row["mrr"]),
            )
            for row in plain
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{path} cannot be read ({error}). Name a file that `ragline eval --output` wrote, or "
            "a configuration such as 'embedder=use,better=none'."
        ) from error


def package(name: str) -> Any:
    """Return a package that only this command needs."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "Evaluation needs the packages 'ir-measures' and 'scipy'. "
            "Install them: pip install 'ragline[eval]'"
        ) from error


def _best(ranking: Ranking) -> list[str]:
    return sorted(ranking, key=lambda id: (-ranking[id], id))[:SHOWN]
