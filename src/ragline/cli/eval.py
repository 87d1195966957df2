"""`ragline eval`: measure search quality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer
from rich.console import Console

from ragline.cli.eval_collections import read_collection
from ragline.cli.eval_live import evaluate_project
from ragline.cli.eval_measures import (
    MEASURES,
    Comparison,
    compared,
    means,
    read_rows,
    write_rows,
)
from ragline.cli.evaluation import Configuration, Evaluation, Told, configured, evaluate
from ragline.cli.output import Json, say, write_json
from ragline.cli.search import Mode

app = typer.Typer(add_completion=False)

SURE = 0.05

Against = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|CONFIG",
        help="Compare with a file that --output wrote, or with another configuration, such "
        "as 'better=none,mode=dense'.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="Write a line for each question: .csv, or .jsonl."),
]
Cache = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Folder in which vectors are kept for the next time."),
]


@app.command("eval")
def measure(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR…",
            exists=True,
            file_okay=False,
            help="Folders with corpus.jsonl, queries.jsonl and qrels.tsv, in BEIR layout.",
        ),
    ],
    embedder: Annotated[
        str, typer.Option(help="Model of the index, such as use or openai:text-embedding-3-small.")
    ] = "auto",
    better: Annotated[
        str,
        typer.Option(help="Model beside it: auto for the collection's language, a name, or none."),
    ] = "auto",
    mode: Annotated[
        Mode, typer.Option(help="Compare meaning and words, meaning alone, or words alone.")
    ] = Mode.HYBRID,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Have RAGLINE_RERANKER read the best again.")
    ] = False,
    diversity: Annotated[
        float, typer.Option(min=0, max=1, help="How much a passage loses by being like others.")
    ] = 0.0,
    min_score: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out passages with a lower score.")
    ] = 0.0,
    chunks: Annotated[
        int, typer.Option(min=10, max=1000, help="Passages ranked for a question.")
    ] = 100,
    against: Against = None,
    output: Output = None,
    cache: Cache = None,
    project: Annotated[
        str | None,
        typer.Option(help="Measure this project of the server; qrels.tsv names external ids."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure search quality on data sets in BEIR layout, or on a project of the server."""
    configuration = Configuration(
        embedder, better, mode.value, rerank, diversity, min_score, chunks
    )
    earlier = read_rows(Path(against)) if against and Path(against).is_file() else None
    other = configured(against, configuration) if against and earlier is None else None
    with _watched() as told:
        found = [_evaluated(each, configuration, project, cache, told) for each in folders]
        if other is not None:
            before = [_evaluated(each, other, project, cache, told) for each in folders]
            earlier = [row for each in before for row in each.rows]
    rows = [row for each in found for row in each.rows]
    changes = compared(earlier, rows) if earlier is not None else []
    if output is not None:
        write_rows(output, rows)
    if json:
        write_json(_plain(found, changes))
    else:
        _show(found, changes)


def _evaluated(
    folder: Path,
    configuration: Configuration,
    project: str | None,
    cache: Path | None,
    told: Told,
) -> Evaluation:
    if project is not None:
        return evaluate_project(project, folder, configuration, told=told)
    return evaluate(read_collection(folder), configuration, cache=cache, told=told)


@contextmanager
def _watched() -> Iterator[Told]:
    """Give what shows on a terminal how far the work is."""
    with Console(stderr=True).status("Reading …") as status:
        yield lambda what, done, total: status.update(f"{what}: {done:,} of {total:,} …")


def _plain(found: Sequence[Evaluation], changes: Sequence[Comparison]) -> dict[str, Any]:
    """Return what machines read; a single collection's figures stand at the top."""
    collections = [_figures(each) for each in found]
    if len(found) == 1:
        return collections[0] | {"comparison": asdict(changes[0]) if changes else None}
    return {
        "collections": collections,
        "comparisons": [asdict(each) for each in changes],
        "mean": _overall(found),
    }


def _figures(each: Evaluation) -> dict[str, Any]:
    return {
        "collection": each.collection,
        "documents": each.documents,
        "chunks": each.chunks,
        "queries": len(each.rows),
        "models": list(each.models),
        "seconds": round(each.seconds, 1),
        **means(each.rows),
    }


def _overall(found: Sequence[Evaluation]) -> dict[str, float]:
    """Return the means of collections, each of which counts as much as the others."""
    figures = [means(each.rows) for each in found]
    return {name: fmean(each[name] for each in figures) for name in MEASURES}


def _show(found: Sequence[Evaluation], changes: Sequence[Comparison]) -> None:
    for each in found:
        say(each.collection, "bold")
        models = f"; {' + '.join(each.models)}" if each.models else ""
        say(
            f"{each.documents:,} documents, {each.chunks:,} chunks, {len(each.rows):,} questions"
            f"{models}; {each.seconds:.0f} s"
        )
        _show_means(means(each.rows))
    if len(found) > 1:
        say("Mean of the collections", "bold")
        _show_means(_overall(found))
    for change in changes:
        _show_change(change)


def _show_means(figures: dict[str, float]) -> None:
    say(
        f"nDCG@10 {figures['ndcg_at_10']:.3f}   recall@10 {figures['recall_at_10']:.3f}   "
        f"recall@100 {figures['recall_at_100']:.3f}   MRR {figures['mrr']:.3f}"
    )


def _show_change(change: Comparison) -> None:
    difference = change.now - change.before
    verdict = "significant" if change.p < SURE else "may be chance"
    say(f"{change.collection}: nDCG@10 {change.before:.3f} → {change.now:.3f}", "bold")
    say(
        f"{difference:+.4f} over {change.questions:,} questions: {change.better:,} better, "
        f"{change.worse:,} worse, p = {change.p:.4f} ({verdict})"
    )
