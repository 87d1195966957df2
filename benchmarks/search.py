"""How long a search takes over HTTP, in a project of many chunks, and in the bare store.

The data directory is filled through the project's own models and vector store. Clients
send their next question when they have an answer. All chunks are in one project, which is
the worst case: searches always stay within a project.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from tests.servers import RunningServer

from benchmarks import filling, options, processes
from benchmarks.filling import FILTER, Filled
from benchmarks.load import Sample, Target, closed_loop
from benchmarks.report import Report
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_query
from ragline.providers import registry
from ragline.search.retrieval import CANDIDATES
from ragline.search.schemas import AttributeFilter
from ragline.settings import load_settings

WARM_UP = 20
SEARCHES: dict[str, dict[str, Any]] = {
    "hybrid": {"mode": "hybrid"},
    "dense": {"mode": "dense"},
    "lexical": {"mode": "lexical"},
    "hybrid, metadata filter": {"mode": "hybrid", "filter": FILTER},
}


def main() -> None:
    """Measure each size: the server first, then the bare store on the same index."""
    given = _options()
    report = Report("search", vars(given))
    asked = filling.questions(given.queries)
    for chunks in given.chunks:
        with options.data_dir(given) as data_dir:
            began = time.monotonic()
            filled = filling.fill(data_dir, chunks, given.base)
            seconds = time.monotonic() - began
            rows, held = _over_http(data_dir, filled, asked, given.clients)
            report.table(
                f"Over HTTP, {chunks} chunks",
                rows,
                f"{filled.chunks} chunks of {filled.documents} documents in one project, written "
                f"in {seconds:.0f} s; {len(asked)} questions each, limit 10. Afterwards the server "
                f"held {held.pss:.0f} MiB (PSS of {held.processes} processes).",
            )
            report.table(
                f"The bare store, {chunks} chunks",
                _bare_store(data_dir, filled, asked),
                f"One caller; {CANDIDATES} candidates of each way of searching, as hybrid search "
                "takes. No HTTP, no database; embedding the question is shown apart.",
            )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--chunks", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--base", type=int, default=4_000, help="chunks embedded for real")
    parser.add_argument("--queries", type=int, default=1_000, help="questions of each run")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    return options.parsed(parser, "retrieval")


def _over_http(
    data_dir: Path, filled: Filled, asked: Sequence[str], clients: Sequence[int]
) -> tuple[list[dict[str, Any]], processes.Memory]:
    """Time each kind of search with each number of clients; return the memory held at the end."""
    rows = []
    with RunningServer(data_dir) as server:
        path = f"/v1/projects/{filled.project_id}/search"
        target = Target(server.url, path, server.api_key)
        for name, search in SEARCHES.items():
            bodies = [{"query": question, "limit": 10, **search} for question in asked]
            closed_loop(target, bodies[-WARM_UP:], 1)
            for number in clients:
                before = processes.cpu(server.pid)
                sample = closed_loop(target, bodies, number)
                used = 1000 * (processes.cpu(server.pid) - before).total
                measured = {**sample.row(), "server CPU ms/request": used / len(bodies)}
                rows.append({"search": name, "clients": number, **measured})
        return rows, processes.memory(server.pid)


def _bare_store(data_dir: Path, filled: Filled, asked: Sequence[str]) -> list[dict[str, Any]]:
    """Time the store's own calls on the index that the server left."""
    settings = load_settings(_env_file=None, data_dir=data_dir)
    embedder = registry.embedder(settings.own_embedder, settings)
    store = registry.vector_store(
        settings.vector_store_name, settings, dimensions=embedder.dimensions
    )
    condition = TypeAdapter(AttributeFilter).validate_python(FILTER).to_filter()

    def embedded(question: str) -> tuple[Any, Any]:
        words = lexical_vector_of_query(question, detect_language(question), filled.languages)
        return embedder.embed_query(question), words

    def dense(vectors: tuple[Any, Any], filter: Any = None) -> None:
        among = {"project_id": filled.project_id, "filter": filter, "limit": CANDIDATES}
        store.search_dense(vectors[0], **among)

    def lexical(vectors: tuple[Any, Any], filter: Any = None) -> None:
        among = {"project_id": filled.project_id, "filter": filter, "limit": CANDIDATES}
        store.search_lexical(vectors[1], **among)

    def both(vectors: tuple[Any, Any], filter: Any = None) -> None:
        dense(vectors, filter)
        lexical(vectors, filter)

    try:
        vectors = [embedded(question) for question in asked]
        calls: dict[str, tuple[Callable[[Any], Any], Sequence[Any]]] = {
            "dense + lexical": (both, vectors),
            "dense": (dense, vectors),
            "lexical": (lexical, vectors),
            "dense + lexical, metadata filter": (lambda each: both(each, condition), vectors),
            "embedding the question": (embedded, asked),
        }
        return [{"call": name, **_timed(*call).row()} for name, call in calls.items()]
    finally:
        store.close()


def _timed(call: Callable[[Any], Any], arguments: Sequence[Any]) -> Sample:
    sample = Sample()
    for argument in arguments[-WARM_UP:]:
        call(argument)
    began = time.perf_counter()
    for argument in arguments:
        at = time.perf_counter()
        call(argument)
        sample.seconds.append(time.perf_counter() - at)
    sample.wall = time.perf_counter() - began
    return sample


if __name__ == "__main__":
    main()
