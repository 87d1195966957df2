"""How long a kept answer takes over HTTP, beside the same question answered anew.

The sample library is asked its own questions. The reference is a server without a cache, in
the same run. What is given as `semantic` are the questions in slightly other words, with a
similarity that lets them through; how long near ones take to be found among many is shown apart.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from tests.servers import RunningServer
from tests.valkeys import running

from benchmarks import options
from benchmarks.load import Target, closed_loop
from benchmarks.report import Report
from ragline.chat.cache.near import MOST_OF_A_SCOPE, NearQuestions
from ragline.database import Database
from ragline.migrations.run import migrate
from ragline.models import Tenant, now
from ragline.providers.best_effort import BestEffortCache
from ragline.providers.caches.database import DatabaseAnswerCache
from ragline.providers.contracts import KeptAnswer, KeptQuestion

SAMPLES = Path(__file__).parents[1] / "samples"
DIMENSIONS = 512
CACHES: dict[str, dict[str, Any]] = {
    "none": {"cache": False},
    "database": {},
    "valkey": {},
}


def main() -> None:
    """Measure each cache, then the look among many."""
    given = _options()
    report = Report("cache", vars(given))
    rows = [row for name in CACHES for row in _over_http(given, name)]
    report.table(
        "Over HTTP",
        rows,
        "Each row asks the same questions; `given` counts what the server gave of its cache.",
    )
    report.table(
        f"Among {MOST_OF_A_SCOPE} kept questions, in the process",
        _among_many(given.requests),
        "No HTTP; the question's vector is there. The first look reads all rows.",
    )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--requests", type=int, default=400, help="requests of each run")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    return options.parsed(parser)


def _over_http(given: argparse.Namespace, name: str) -> Iterator[dict[str, Any]]:
    exact = [each["question"] for each in _questions()]
    kinds = {"anew": exact} if name == "none" else {"exact": exact, "semantic": _reworded(exact)}
    with _serving(given, name) as server, server.client() as client:
        project = client.create_project("samples").id
        paths = sorted((SAMPLES / "library").iterdir())
        upload = client.upload(project, paths)
        assert upload.job is not None, "the project is new"
        for _ in client.wait_for(upload.job.id):
            pass
        target = Target(server.url, f"/v1/projects/{project}/chat", server.api_key)
        for kind, questions in kinds.items():
            # The first look of each question, which answers it anew, and reads the rows once.
            closed_loop(target, [{"question": each} for each in exact + questions], 1)
            for clients in given.clients:
                bodies = [
                    {"question": questions[number % len(questions)]}
                    for number in range(given.requests)
                ]
                before = _given_so_far(server, kind)
                sample = closed_loop(target, bodies, clients)
                time.sleep(2)  # the counts are written a second later
                hits = _given_so_far(server, kind) - before
                yield {"cache": name, "answer": kind, "clients": clients, "given": hits} | (
                    sample.row()
                )


@contextmanager
def _serving(given: argparse.Namespace, name: str) -> Iterator[RunningServer]:
    with ExitStack() as stack:
        settings = CACHES[name] | {"cache_similarity": 0.5}
        if name == "valkey":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ragline-")))
            settings |= {"cache_url": stack.enter_context(running(folder)).url}
        data_dir = stack.enter_context(options.data_dir(given))
        yield stack.enter_context(RunningServer(data_dir, **settings))


def _questions() -> list[dict[str, Any]]:
    """Return the samples' questions that the library answers; others are not kept."""
    found = json.loads((SAMPLES / "questions.json").read_text())
    return [each for each in found if each["expects"] and each["language"] == "en"]


def _reworded(questions: list[str]) -> list[str]:
    return [f"Please tell me: {question}" for question in questions]


def _given_so_far(server: RunningServer, kind: str) -> int:
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        text = answer.read().decode()
    name = f'ragline_cache_lookups_total{{result="{kind}"}} '
    lines = [line for line in text.splitlines() if line.startswith(name)]
    return int(float(lines[0].removeprefix(name))) if lines else 0


def _among_many(times: int) -> list[dict[str, Any]]:
    drawn = np.random.default_rng(0).normal(size=(MOST_OF_A_SCOPE, DIMENSIONS))
    vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="ragline-") as folder:
        database = Database(f"sqlite:///{folder}/cache.db")
        migrate(database)
        with database.write() as session:
            session.add(Tenant(id="tenant", name="tenant"))
        cache = BestEffortCache(DatabaseAnswerCache(database, hours=24))
        start = now()
        for number, vector in enumerate(vectors):
            kept_at = start - timedelta(seconds=MOST_OF_A_SCOPE - number)
            question = KeptQuestion(f"{number:064}", f"Question {number}?", vector, kept_at)
            cache.put(KeptAnswer("tenant", "0" * 64, question, {"project": 1}, {}))
        near = NearQuestions(cache)
        seconds = []
        for number in range(times + 1):
            vector = vectors[number % MOST_OF_A_SCOPE]
            began = time.perf_counter()
            assert near.near("0" * 64, lambda v=vector: v, similarity=0.97)
            seconds.append(time.perf_counter() - began)
        database.close()
    values = 1000 * np.array(seconds)
    p50, p95 = np.percentile(values[1:], (50, 95))
    return [{"first ms": float(values[0]), "p50 ms": float(p50), "p95 ms": float(p95)}]


if __name__ == "__main__":
    main()
