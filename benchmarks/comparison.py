"""The same texts and the same embedder in Ragline, txtai, LlamaIndex and Haystack.

Ragline is a server that is asked over HTTP, keeps everything on disk and splits the texts
itself; the libraries get the finished passages and keep them in memory. Each search is hybrid,
embeds its question and returns the ten best passages.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.servers import RunningServer

from benchmarks import filling, options
from benchmarks.load import Target, closed_loop
from benchmarks.report import Report
from ragline.ingestion.clean import repair_pages
from ragline.ingestion.splitting import split_pages

HERE = Path(__file__).parent
LIBRARIES = ("txtai", "llama-index", "haystack")
# Needs PyTorch by its own account, but not for what is done here.
WITHOUT_DEPENDENCIES = "txtai==9.14.0"
ROWS_OF_A_DOCUMENT = 40
WARM_UP = 20


def main() -> None:
    """Make the environment, measure each, and print one table."""
    given = _options()
    report = Report("comparison", vars(given))
    with options.data_dir(given) as data_dir:
        folder = data_dir.parent
        documents = _documents(folder / "documents", given.texts)
        texts = [text for path in documents for text in _passages(path)]
        asked = filling.questions(given.queries)
        rows = [_ragline(data_dir, documents, asked)]
        python = _environment(folder / "environment")
        file = folder / "texts.json"
        file.write_text(json.dumps({"texts": texts, "questions": asked}), encoding="utf-8")
        rows += [_library(python, name, file, len(texts)) for name in given.libraries]
    report.table(
        f"Indexing {len(texts)} passages, and hybrid search in them",
        rows,
        f"{len(asked)} questions, one caller, milliseconds with the question's embedding.",
    )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--texts", type=int, default=4_000, help="texts of the corpora")
    parser.add_argument("--queries", type=int, default=300, help="questions asked of each")
    parser.add_argument("--libraries", nargs="*", choices=LIBRARIES, default=list(LIBRARIES))
    return options.parsed(parser, "retrieval")


def _documents(folder: Path, texts: int) -> list[Path]:
    """Write texts of the corpora into files of some forty each."""
    folder.mkdir()
    rows = [
        str(json.loads(line)["text"])
        for name in filling.CORPORA
        for line in (options.test_data("retrieval") / name / "corpus.jsonl").open(encoding="utf-8")
    ][:texts]
    paths = []
    for start in range(0, len(rows), ROWS_OF_A_DOCUMENT):
        path = folder / f"{start}.txt"
        path.write_text("\n\n".join(rows[start : start + ROWS_OF_A_DOCUMENT]), encoding="utf-8")
        paths.append(path)
    return paths


def _passages(path: Path) -> list[str]:
    pages = repair_pages([(1, path.read_text(encoding="utf-8"))])
    return [piece.text for piece in split_pages(pages)]


def _ragline(data_dir: Path, documents: Sequence[Path], asked: Sequence[str]) -> dict[str, Any]:
    with RunningServer(data_dir) as server, server.client() as client:
        project = client.create_project("comparison").id
        first = client.add_text(project, "The first text loads the models.")
        assert first.job is not None, "a text that is new is ingested"
        for _ in client.wait_for(first.job.id):
            pass
        began = time.time()
        uploads = [client.upload(project, [path]) for path in documents]
        ends = []
        for upload in uploads:
            assert upload.job is not None, "a document that is new is ingested"
            *_, job = client.wait_for(upload.job.id)
            ends += [job] if job.kind == "ingest" else list(client.jobs(parent=job.id))
        seconds = max(job.finished_at.timestamp() for job in ends if job.finished_at) - began
        chunks = sum((job.result or {}).get("chunks", 0) for job in ends)
        target = Target(server.url, f"/v1/projects/{project}/search", server.api_key)
        bodies = [{"query": question, "limit": 10} for question in asked]
        closed_loop(target, bodies[-WARM_UP:], 1)
        sample = closed_loop(target, bodies, 1)
    return _row("Ragline, over HTTP, on disk", chunks / seconds, sample.seconds)


def _environment(folder: Path) -> Path:
    """Make an environment with the libraries, and return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet"]
    requirements = str(HERE / "comparison-requirements.txt")
    subprocess.run([*install, "--requirement", requirements], check=True)
    subprocess.run([*install, "--no-deps", WITHOUT_DEPENDENCIES], check=True)
    return python


def _library(python: Path, name: str, file: Path, texts: int) -> dict[str, Any]:
    command = [str(python), str(HERE / "comparison_libraries.py"), name, str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    measured = json.loads(said.stdout.strip().splitlines()[-1])
    return _row(f"{name}, in memory", texts / measured["indexed"], measured["searches"])


def _row(name: str, rate: float, seconds: Sequence[float]) -> dict[str, Any]:
    p50, p95 = 1000 * np.percentile(seconds, (50, 95))
    return {"system": name, "passages/s": rate, "p50 ms": float(p50), "p95 ms": float(p95)}


if __name__ == "__main__":
    main()
