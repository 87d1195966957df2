"""What is looked at while faults happen: deaths, ends, and how soon work is taken up again."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.faults.cluster import Cluster
from tests.faults.faults import AT_POINT, OUTAGES, Fault
from tests.servers import RunningProcess

LOOK_SECONDS = 0.2
ENDS_EVERY = 5
"""Looks at processes for one look at what has ended."""


@dataclass
class Ended:
    """Attempts as they were when they were first seen ended."""

    attempts: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)

    def look(self, cluster: Cluster) -> None:
        """Note what has ended since."""
        for row in cluster.rows("SELECT * FROM attempts WHERE outcome IS NOT NULL"):
            values = dict(row._mapping)
            self.attempts.setdefault((values["job_id"], values["number"]), values)


@dataclass
class _Waiting:
    workflow: str
    executor: str
    since: float
    is_back: bool = False


@dataclass
class Watch:
    """A thread that starts dead processes again and times recoveries.

    A recovery counts only while another worker was ready, and the database there, all the time.
    """

    cluster: Cluster
    faults: list[Fault] = field(default_factory=list)
    ended: Ended = field(default_factory=Ended)
    recoveries: list[float] = field(default_factory=list)
    """Seconds from a kill until work of the dead was back in its queue."""
    taken_up: list[float] = field(default_factory=list)
    """Seconds from a kill until somebody had begun it again."""
    breakdowns: list[str] = field(default_factory=list)
    _waiting: list[_Waiting] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def note(self, fault: Fault) -> None:
        """Remember a fault, and wait for what its process held."""
        self.faults.append(fault)
        with (self.cluster.folder / "faults.log").open("a") as log:
            at = datetime.fromtimestamp(fault.at, UTC).time().isoformat("milliseconds")
            log.write(f"{at} {fault.kind} {dict(fault.held)}\n")
        if fault.kind in OUTAGES:
            with self._lock:
                self._waiting.clear()
        if fault.is_kill and not self.cluster.is_embedded:
            with self._lock:
                self._waiting += [
                    _Waiting(workflow, executor, fault.at)
                    for workflow, executor in fault.held.items()
                ]

    def _run(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_SECONDS):
            looks += 1
            try:
                # Whoever stops a process in order holds the guard for long: looks go on meanwhile,
                # or recoveries would seem as late as the next look.
                if self.cluster.guard.acquire(blocking=False):
                    try:
                        self._revive()
                    finally:
                        self.cluster.guard.release()
                with self._lock:
                    self._time_recoveries()
                if looks % ENDS_EVERY == 0:
                    self.ended.look(self.cluster)
            except Exception as error:  # noqa: BLE001 # a broken watch is a violation, not a hang
                self.breakdowns.append(f"The watch failed: {error!r}")

    def _revive(self) -> None:
        for process in self.cluster.processes:
            if process.has_ended:
                fault = self._death_of(process)
                self.note(fault)
                # It was to die there once; what acts at any point goes on until the next kill.
                if not str(process.settings.get("failpoints", "")).startswith("*"):
                    process.settings.pop("failpoints", None)
                self.cluster.begin(process)

    def _death_of(self, process: RunningProcess) -> Fault:
        """Take note of a process that ended by itself: at a failpoint, or by a fault of its own."""
        at, pid = time.time(), process.pid
        was_ready = process.ready.search(process.output_path.read_text()) is not None
        point = self.cluster.stopped_at(process)
        code = process.stop()
        if code == -9:
            held = self.cluster.held_by(pid)
            return Fault(f"{AT_POINT} {point}", at, held, is_kill=True, point=point)
        if was_ready:
            self.breakdowns.append(f"{process.name} ended by itself with the code {code}.")
        return Fault("start failed", at, {})

    def _time_recoveries(self) -> None:
        if not self._waiting:
            return
        if not any(w.is_ready and w not in self.cluster.asleep for w in self.cluster.workers):
            self._waiting.clear()
            return
        rows = self.cluster.rows(
            "SELECT workflow_uuid, status, executor_id FROM workflow_status"
            " WHERE workflow_uuid IN :ids",
            ids=[each.workflow for each in self._waiting],
        )
        now = {row[0]: (row[1], row[2]) for row in rows}
        self._waiting = [each for each in self._waiting if not self._is_taken_up(each, now)]

    def _is_taken_up(self, each: _Waiting, now: Mapping[str, tuple[str, str]]) -> bool:
        status, executor = now.get(each.workflow, ("gone", ""))
        if status == "PENDING" and executor == each.executor:
            return False
        seconds = time.time() - each.since
        if not each.is_back:
            each.is_back = True
            self.recoveries.append(seconds)
            with (self.cluster.folder / "faults.log").open("a") as log:
                log.write(f"  {each.workflow} of {each.executor} back after {seconds:.1f} s\n")
        if status == "ENQUEUED":
            return False
        self.taken_up.append(seconds)
        return True
