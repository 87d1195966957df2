"""`ragline eval`: measure search quality."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ragline.cli.evaluation import evaluate
from ragline.cli.output import Json, say, write_json
from ragline.cli.search import Mode

app = typer.Typer(add_completion=False)


@app.command("eval")
def measure(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder with corpus.jsonl, queries.jsonl and qrels.tsv.",
        ),
    ],
    mode: Annotated[
        Mode, typer.Option(help="Compare meaning and words, meaning alone, or words alone.")
    ] = Mode.HYBRID,
    json: Json = False,
) -> None:
    """Measure search quality on a data set in BEIR layout."""
    with Console(stderr=True).status("Indexing the corpus and asking its questions …"):
        measured = evaluate(folder, mode=mode.value)
    if json:
        write_json(asdict(measured))
        return
    say(f"{measured.documents} documents, {measured.chunks} chunks, {measured.queries} questions")
    say(f"nDCG@10 {measured.ndcg_at_10:.3f}")
    say(f"recall@10 {measured.recall_at_10:.3f}")
    say(f"MRR {measured.mrr:.3f}")
