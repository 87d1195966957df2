"""The fault proof: clients at work, faults at random, then silence, then the checks.

`python -m tests.faults.driver --kills 300 --seed 1` runs rounds on both set-ups in turn until so
many kills have landed. Finished rounds are kept in `--results`: the same call goes on where it
was stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.openai_server import FakeOpenAI, Reply, completion
from tests.faults import checks, faults
from tests.faults.cluster import Cluster, embedded, scaled
from tests.faults.history import History
from tests.faults.receiver import Receiver
from tests.faults.state import State, read_rows, read_stores
from tests.faults.watch import Watch
from tests.faults.workload import Client, Known

CLIENTS = 4
OPEN_JOBS = 40
"""Open jobs past which clients wait, so that the silence at the end is soon there."""
DRAIN_SECONDS = 300
SILENCE_SECONDS = 60
CHILDREN_SECONDS = 15
ANSWER_SECONDS = 0.3


class Provider(FakeOpenAI):
    """A paid model that takes a moment, and knows each question it was asked."""

    def record(self, headers: dict[str, str], body: bytes) -> Reply:
        """Keep a request and answer it after a moment."""
        super().record(headers, body)
        return completion("It is in the library [1].", delay=ANSWER_SECONDS)

    def questions(self, known: list[str]) -> list[str]:
        """Return which of these questions was asked, call by call."""
        texts = [json.dumps(request) for request in self.requests]
        return [question for text in texts for question in known if question in text]


@dataclass
class Report:
    """What a round was, did and found."""

    setup: str
    seed: int
    kills: int = 0
    landed: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    landed_by_kind: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    events: int = 0
    messages: int = 0
    paid_calls: int = 0
    chat_jobs: int = 0
    recoveries: list[float] = field(default_factory=list)
    taken_up: list[float] = field(default_factory=list)
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


@dataclass
class Round:
    """One cluster from its start to the checks; all choices follow from the seed."""

    cluster: Cluster
    seed: int
    receiver: Receiver
    provider: Provider
    history: History = field(default_factory=History)

    def run(self, kills: int, *, only: dict[faults.Inject, int] | None = None) -> Report:
        """Inject faults until so many kills have landed, let all work end, and check."""
        began = time.monotonic()
        chance = random.Random(self.seed)
        watch = Watch(self.cluster)
        known = Known([self._project(name) for name in ("library", "archive")])
        self._subscribe()
        clients = [
            Client(number, self.seed, self.cluster, self.history, known, may_send=self._may_send)
            for number in range(CLIENTS)
        ]
        watch.start()
        try:
            for client in clients:
                client.start()
            self._inject(watch, chance, kills, only)
            for client in clients:
                client.stop()
            self._calm_down(watch)
            for client in clients:
                client.join()
            self._drain(watch)
            self._clean_up()
        finally:
            for client in clients:
                client.stop()
            watch.stop()
        report = self._report(watch)
        report.seconds = round(time.monotonic() - began, 1)
        return report

    def _inject(
        self,
        watch: Watch,
        chance: random.Random,
        kills: int,
        only: dict[faults.Inject, int] | None,
    ) -> None:
        weights = only or (faults.EMBEDDED if self.cluster.is_embedded else faults.SCALED)
        landed = 0
        while landed < kills:
            self._let_live(chance)
            inject = chance.choices(list(weights), list(weights.values()))[0]
            for fault in inject(self.cluster, self.history, chance):
                watch.note(fault)
            landed = sum(each.is_kill and each.landed for each in list(watch.faults))

    def _let_live(self, chance: random.Random) -> None:
        """Wait until somebody works, mostly, and then for a moment of chance."""
        deadline = time.monotonic() + 30
        while chance.random() > 0.002 and time.monotonic() < deadline:
            if any(worker.is_ready for worker in self.cluster.workers):
                break
            time.sleep(0.02)
        # Long enough now and then that work comes to its end and something new begins.
        time.sleep(chance.uniform(0.1, 2.5 if chance.random() < 0.8 else 8))

    def _calm_down(self, watch: Watch) -> None:
        """Have all processes run without any fault to come."""
        self.receiver.refuses = 0
        for process in self.cluster.processes:
            with self.cluster.guard:
                if process.settings.pop("failpoints", None) is not None and process.is_running:
                    process.stop()
                    self.cluster.begin(process)
            process_deadline = time.monotonic() + 90
            while not process.is_ready and time.monotonic() < process_deadline:
                time.sleep(0.05)

    def _drain(self, watch: Watch) -> None:
        """Wait until every job and every message has come to its end."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            if self.cluster.open_jobs() == 0 and self._at_rest():
                return
            time.sleep(0.3)

    def _at_rest(self) -> bool:
        return all(self.cluster.rows(query)[0][0] == 0 for query in _UNRESTED)

    def _clean_up(self) -> None:
        """Ask for a clean-up as if two days had passed, so that nothing is too young for it."""
        server = self.cluster.servers[0]
        with self.cluster.http(server) as http:
            http.post("/v1/admin/queues/default/pause").raise_for_status()
            deadline = time.monotonic() + 20
            while not self.cluster.rows(_PAUSED) and time.monotonic() < deadline:
                time.sleep(0.1)
            # Pollers read the queue's places before each look.
            time.sleep(1.5)
            job = http.post("/v1/admin/cleanup").raise_for_status().json()["job"]["id"]
            later = "datetime(created_at, '+2 days')"
            if not self.cluster.is_embedded:
                later = "created_at + interval '2 days'"
            self.cluster.change(f"UPDATE jobs SET created_at = {later} WHERE id = :id", id=job)
            http.post("/v1/admin/queues/default/resume").raise_for_status()
            http.get(f"/v1/jobs/{job}", params={"wait": 60}).raise_for_status()
        deadline = time.monotonic() + SILENCE_SECONDS
        while time.monotonic() < deadline and not (
            self.cluster.open_jobs() == 0 and self._at_rest()
        ):
            time.sleep(0.3)

    def _report(self, watch: Watch) -> Report:
        state = read_rows(self.cluster)
        watch.ended.look(self.cluster)
        self.cluster.stop()
        deadline = time.monotonic() + CHILDREN_SECONDS
        while self.cluster.leftover_children() and time.monotonic() < deadline:
            time.sleep(0.2)
        read_stores(self.cluster, state)
        killed = [fault for fault in watch.faults if fault.is_kill]
        return Report(
            setup=self.cluster.name,
            seed=self.seed,
            kills=len(killed),
            landed=sum(fault.landed for fault in killed),
            faults=dict(Counter(fault.kind for fault in watch.faults)),
            landed_by_kind=dict(Counter(each.kind for each in watch.faults if each.landed)),
            requests=dict(self.history.counts()),
            jobs=dict(Counter(f"{row['kind']} {row['outcome']}" for row in state.jobs)),
            events=len(state.events),
            messages=len(self.receiver.messages),
            paid_calls=len(self.provider.requests),
            chat_jobs=sum(row["kind"] == "chat" for row in state.jobs),
            recoveries=[round(each, 2) for each in watch.recoveries],
            taken_up=[round(each, 2) for each in watch.taken_up],
            violations=self._violations(state, watch),
        )

    def _violations(self, state: State, watch: Watch) -> list[str]:
        asked = [each.about["question"] for each in self.history.of("chat")]
        questions = self.provider.questions(asked)
        found = list(watch.breakdowns)
        for check in checks.ON_STATE:
            found += check(state)
        found += checks.accepted_is_kept(state, self.history)
        found += checks.answers_are_no_breakdowns(self.history)
        found += checks.each_key_has_one_job(state, self.history)
        found += checks.ended_stays(state, watch.ended)
        found += checks.webhooks_tell_each_end(state, self.receiver.messages)
        found += checks.nothing_is_paid_twice(state, questions, self.history, watch.faults)
        found += checks.work_is_taken_up_soon(watch.recoveries)
        return found

    def _project(self, name: str) -> str:
        with self.cluster.http(self.cluster.servers[0]) as http:
            answer = http.post("/v1/projects", json={"name": name}).raise_for_status()
            return str(answer.json()["id"])

    def _subscribe(self) -> None:
        body = {"url": self.receiver.url, "events": [kind for kind in checks.TERMINAL]}
        with self.cluster.http(self.cluster.servers[0]) as http:
            http.post("/v1/webhooks", json=body).raise_for_status()

    def _may_send(self) -> bool:
        return self.cluster.open_jobs() < OPEN_JOBS


_PAUSED = "SELECT 1 FROM queues WHERE name = 'default' AND worker_concurrency = 0"
_UNRESTED = (
    "SELECT count(*) FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING', 'DELAYED')",
    "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'",
    "SELECT count(*) FROM events e, webhook_position p WHERE (e.transaction_id, e.cursor)"
    " > (p.transaction_id, p.cursor)",
)


def play(
    setup: str, folder: Path, seed: int, kills: int, *, only: dict[faults.Inject, int] | None = None
) -> Report:
    """Run one round on a set-up, `embedded` or `scaled`."""
    provider = Provider()
    receiver = Receiver(seed, refuses=0.05)
    with ExitStack() as stack:
        stack.enter_context(provider.running())
        stack.enter_context(receiver.running())
        settings: dict[str, Any] = {
            "llm": "openai",
            "openai_base_url": provider.url,
            "openai_api_key": "paid",
        }
        make = {"embedded": embedded, "scaled": scaled}[setup]
        cluster = stack.enter_context(make(folder, **settings))
        return Round(cluster, seed, receiver, provider).run(kills, only=only)


def main() -> int:
    """Play rounds until enough kills have landed; return 1 where anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="landed kills, over both set-ups")
    parser.add_argument("--per-round", type=int, default=30, help="landed kills of one round")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--setup", choices=("embedded", "scaled", "both"), default="both")
    parser.add_argument("--results", type=Path, default=Path(".faults/results.jsonl"))
    parser.add_argument("--keep", type=Path, help="folder for the data of rounds, kept")
    given = parser.parse_args()
    setups = ("embedded", "scaled") if given.setup == "both" else (given.setup,)
    done = _read(given.results)
    reports: list[Report] = []
    number = 0
    while sum(report.landed for report in reports) < given.kills:
        setup, seed = setups[number % len(setups)], given.seed + number
        number += 1
        report = done.get((setup, seed))
        if report is None:
            report = _played(setup, seed, given)
            given.results.parent.mkdir(parents=True, exist_ok=True)
            with given.results.open("a") as results:
                results.write(json.dumps(asdict(report)) + "\n")
        _show(report)
        reports.append(report)
    return _sum_up(reports)


def _played(setup: str, seed: int, given: argparse.Namespace) -> Report:
    if given.keep is not None:
        return play(setup, given.keep / f"{setup}-{seed}", seed, given.per_round)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return play(setup, Path(folder), seed, given.per_round)


def _read(results: Path) -> dict[tuple[str, int], Report]:
    if not results.exists():
        return {}
    reports = [Report(**json.loads(line)) for line in results.read_text().splitlines()]
    return {(report.setup, report.seed): report for report in reports}


def _show(report: Report) -> None:
    print(
        f"{report.setup}, seed {report.seed}: {report.kills} kills, {report.landed} landed,"
        f" {sum(report.jobs.values())} jobs, {report.seconds:.0f} s,"
        f" {len(report.violations)} violations",
        flush=True,
    )
    for violation in report.violations:
        print(f"  {violation}", flush=True)


def _sum_up(reports: list[Report]) -> int:
    def total(name: str) -> Counter[str]:
        return sum((Counter(getattr(report, name)) for report in reports), Counter())

    recoveries = sorted(each for report in reports for each in report.recoveries)
    taken_up = sorted(each for report in reports for each in report.taken_up)
    violations = sum(len(report.violations) for report in reports)
    print(f"kills {sum(r.kills for r in reports)}, landed {sum(r.landed for r in reports)}")
    for name in ("faults", "landed_by_kind", "requests", "jobs"):
        print(f"{name}: " + ", ".join(f"{key} {n}" for key, n in sorted(total(name).items())))
    print(f"events {sum(r.events for r in reports)}, webhooks {sum(r.messages for r in reports)}")
    paid, chats = sum(r.paid_calls for r in reports), sum(r.chat_jobs for r in reports)
    print(f"paid calls {paid} for {chats} chat jobs")
    timed = {
        "back in its queue": recoveries,
        "taken up": taken_up,
    }
    for name, seconds in timed.items():
        if seconds:
            print(
                f"work of the dead {name}: {len(seconds)} times, p50"
                f" {statistics.median(seconds):.1f} s, max {seconds[-1]:.1f} s"
            )
    print(f"violations {violations}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
