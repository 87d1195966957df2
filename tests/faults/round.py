"""One round: clients at work, faults, then silence, then the checks."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.openai_server import FakeOpenAI, Reply, completion
from tests.faults import checks, plan
from tests.faults.cluster import Cluster, embedded, scaled
from tests.faults.faults import Inject, Scene
from tests.faults.history import History
from tests.faults.plan import Lane
from tests.faults.receiver import Receiver
from tests.faults.report import Report
from tests.faults.state import State, read_rows, read_stores
from tests.faults.watch import Watch
from tests.faults.workload import WORDS, Acts, Client, Known

CLIENTS = 4
OPEN_JOBS = 16
"""Open jobs past which clients wait, so that the silence at the end is soon there."""
DRAIN_SECONDS = 300
SILENCE_SECONDS = 60
CHILDREN_SECONDS = 15
ANSWER_SECONDS = 0.3
WORKERS = 3
"""Of a scaled set-up: one may be killed and one may be stalled while another takes up work."""
KEPT_SECONDS = 60


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
class Round:
    """One cluster from its start to the checks; all choices follow from the seed."""

    cluster: Cluster
    seed: int
    receiver: Receiver
    provider: Provider
    history: History = field(default_factory=History)
    phases: dict[str, float] = field(default_factory=dict)
    armed: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, kills: int, *, only: dict[Inject, int] | None = None) -> Report:
        """Inject faults until so many kills have landed, let all work end, and check."""
        began = time.monotonic()
        watch = Watch(self.cluster)
        known = Known([self._project(name) for name in ("library", "archive")])
        self._subscribe()
        with self._timed("library"):
            known.kept += [self._keep(project) for project in known.projects]
        clients = [
            Client(self._acts(str(number), known), may_send=self._may_send)
            for number in range(CLIENTS)
        ]
        watch.start()
        try:
            for client in clients:
                client.start()
            with self._timed("faults"):
                self._inject(watch, known, kills, only)
            for client in clients:
                client.stop()
            with self._timed("calm"):
                self._calm_down(watch)
                for client in clients:
                    client.join()
            with self._timed("drain"):
                self._drain(watch)
            with self._timed("clean-up"):
                self._clean_up()
        finally:
            for client in clients:
                client.stop()
            watch.stop()
        with self._timed("checks"):
            report = self._report(watch)
        report.seconds = round(time.monotonic() - began, 1)
        report.phases = self.phases
        return report

    def _inject(
        self, watch: Watch, known: Known, kills: int, only: dict[Inject, int] | None
    ) -> None:
        lanes = plan.lanes(self.cluster.name, self.seed)
        if only is not None:
            lanes = [plan.weighted(only, self.seed)]
        with ThreadPoolExecutor(len(lanes)) as pool:
            played = [
                pool.submit(self._play, lane, watch, self._acts(f"lane{number}", known), kills)
                for number, lane in enumerate(lanes)
            ]
            try:
                for each in as_completed(played):
                    each.result()
            finally:
                # One that failed, or whoever interrupts, ends the others too.
                self.over.set()

    def _play(self, lane: Lane, watch: Watch, acts: Acts, kills: int) -> None:
        scene = Scene(self.cluster, self.history, acts.chance, acts, watch.faults, self.armed)
        while not self.over.is_set() and (lane.must or _landed(watch) < kills):
            inject = lane.must.pop() if lane.must else next(lane.then)
            for fault in inject(scene):
                watch.note(fault)
            # Long enough now and then that work comes to its end and something new begins.
            time.sleep(acts.chance.uniform(0, 1 if acts.chance.random() < 0.9 else 5))
        acts.close()

    def _acts(self, name: str, known: Known) -> Acts:
        return Acts(name, self.seed, self.cluster, self.history, known)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.phases[name] = round(time.monotonic() - began, 1)

    def _calm_down(self, watch: Watch) -> None:
        """Have all processes run without any fault to come."""
        self.receiver.refuses = 0
        for process in self.cluster.processes:
            with self.cluster.guard:
                if process.settings.pop("failpoints", None) is not None and process.is_running:
                    self.cluster.end(process)
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
            armed=dict(Counter(self.armed)),
            died=dict(Counter(fault.point for fault in watch.faults if fault.point)),
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

    def _keep(self, project: str) -> str:
        """Have a document with all words in a project, and return it."""
        text = ". ".join(" ".join(WORDS[at : at + 8]) for at in range(0, len(WORDS), 8))
        with self.cluster.http(self.cluster.servers[0]) as http:
            path, body = f"/v1/projects/{project}/documents", {"text": f"In the library: {text}."}
            answer = http.post(path, json=body).raise_for_status().json()
            params = {"wait": KEPT_SECONDS}
            http.get(f"/v1/jobs/{answer['job']['id']}", params=params).raise_for_status()
            return str(answer["documents"][0]["id"])

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
    setup: str, folder: Path, seed: int, kills: int, *, only: dict[Inject, int] | None = None
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
        made = (
            embedded(folder, **settings)
            if setup == "embedded"
            else scaled(folder, workers=WORKERS, **settings)
        )
        cluster = stack.enter_context(made)
        return Round(cluster, seed, receiver, provider).run(kills, only=only)


def _landed(watch: Watch) -> int:
    return sum(each.is_kill and each.landed for each in list(watch.faults))
