"""The job contract in plain Python: what each act must lead to, without a database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.jobs.job_parts import STEPS
from tests.jobs.job_world import MAX_IDLE_STARTS, Order, Run

OPEN = ("DELAYED", "ENQUEUED", "PENDING")
UNDONE = {"ingest": ("build_chunks",), "chat": (), "delete": ()}
"""Of each kind, the steps whose effects an undo takes away."""
UNDO_QUEUE = "default"


@dataclass
class Flow:
    """A workflow of the engine; `steps` are its stored results as number, name, and whether well.

    `owner` is the worker whose writes the engine takes.
    """

    job: str
    queue: str
    priority: int
    status: str = "ENQUEUED"
    owner: str | None = None
    steps: list[tuple[int, str, bool]] = field(default_factory=list)


@dataclass
class Try:
    """An attempt."""

    flow: str
    first_step: int = 1
    outcome: str | None = None
    started: bool = False
    idle_starts: int = 0


@dataclass
class Work:
    """A job; `tries` are none for a parent."""

    order: Order
    tries: list[Try] = field(default_factory=list)
    version: int | None = None
    delayed: bool = False
    started: bool = False
    cancelling: bool = False
    dismissed: bool = False
    outcome: str | None = None
    progress: tuple[int, int | None] = (0, None)
    events: list[str] = field(default_factory=lambda: ["job.queued"])

    @property
    def flow(self) -> str:
        """The workflow of the current attempt."""
        return self.tries[-1].flow


class Model:
    """What is to be: jobs and workflows in the order of their making."""

    def __init__(self) -> None:
        self.jobs: dict[str, Work] = {}
        self.flows: dict[str, Flow] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, int] = {}
        self.keys: dict[str, tuple[tuple[Any, ...], str]] = {}

    # What clients ask for

    def accept(self, order: Order, key: str | None, asked: tuple[Any, ...]) -> str:
        """Accept a job, once under its key; return its id, or the error's name."""
        if key is not None and key in self.keys:
            known, job_id = self.keys[key]
            return job_id if known == asked else "KeyReused"
        if key is not None:
            self.keys[key] = asked, order.id
        self._accept(order)
        return order.id

    def accept_parent(self, parent: Order, children: list[Order]) -> None:
        """Accept a job of several."""
        self.jobs[parent.id] = Work(parent, delayed=parent.delayed, progress=(0, len(children)))
        for child in children:
            self._accept(child)

    def cancel(self, job_id: str) -> str | None:
        """Cancel a job; return the error's name."""
        job = self.jobs[job_id]
        if job.order.kind == "delete" or job.outcome in ("completed", "failed"):
            return "Conflict"
        if job.outcome is None:
            self._cancel(job)
        return None

    def retry(self, job_id: str) -> str | None:
        """Retry a job; return the error's name."""
        job = self.jobs[job_id]
        if job.outcome not in ("failed", "cancelled") or self._is_replaced(job):
            return "Conflict"
        self._retry(job)
        return None

    def dismiss(self, job_id: str) -> str | None:
        """Dismiss a job; return the error's name."""
        if self.jobs[job_id].outcome != "failed":
            return "Conflict"
        self.jobs[job_id].dismissed = True
        return None

    # What the engine does

    def let_time_come(self) -> None:
        """Let the time of all that is delayed come."""
        for job in self.jobs.values():
            job.delayed = False
        for flow in self.flows.values():
            if flow.status == "DELAYED":
                flow.status = "ENQUEUED"

    def claim(self, run: Run) -> None:
        """Give a workflow to a worker."""
        self.flows[run.flow].status, self.flows[run.flow].owner = "PENDING", run.token

    def store_step(self, run: Run, number: int, name: str, *, failed: bool) -> bool:
        """Store that a step ended, if the worker owns the work."""
        flow = self.flows[run.flow]
        if flow.owner != run.token:
            return False
        flow.steps.append((number, name, not failed))
        return True

    def end_workflow(self, run: Run, status: str) -> bool:
        """End a workflow, if the worker owns it."""
        flow = self.flows[run.flow]
        if flow.owner != run.token:
            return False
        flow.status, flow.owner = status, None
        return True

    def time_out(self, flow_id: str) -> None:
        """End a workflow at its limit."""
        self.flows[flow_id].status, self.flows[flow_id].owner = "CANCELLED", None

    # What workers do

    def begin(self, run: Run) -> str | None:
        """Begin an attempt; return the error's name."""
        job = self.jobs[run.job]
        if not self.is_open(run):
            return "Superseded"
        attempt = job.tries[-1]
        attempt.idle_starts += 1
        if not attempt.started:
            attempt.started = job.started = True
            job.events.append("job.started")
        parent = self.jobs.get(job.order.parent_id or "")
        if parent is not None and not parent.started and parent.outcome is None:
            parent.started = True
            parent.events.append("job.started")
        return "UnreadableFile" if attempt.idle_starts > MAX_IDLE_STARTS else None

    def step(self, run: Run, name: str) -> str | None:
        """Note a step's progress; return the error's name."""
        job = self.jobs[run.job]
        if not self.is_open(run):
            return "Superseded"
        job.tries[-1].idle_starts = min(job.tries[-1].idle_starts, 1)
        job.progress = 1 + STEPS.index(name), len(STEPS)
        job.events.append("page.done" if name == "read_batch" else "job.progress")
        return None

    def complete(self, run: Run) -> bool | str:
        """Publish and end well; return whether this did it, or the error's name."""
        job = self.jobs[run.job]
        document_id = job.order.document_id
        if document_id is not None and job.flow != run.flow:
            return "Superseded"
        if not self.is_open(run):
            return False
        if document_id is not None:
            assert job.version is not None
            self.published[document_id] = job.version
        self._end(job, "completed")
        return True

    def fail(self, run: Run) -> None:
        """End an attempt as failed, if it is the job's."""
        if self.is_open(run):
            self._end(self.jobs[run.job], "failed")

    def undo(self, run: Run) -> None:
        """End a cancelled attempt, if it is the job's."""
        self._end_cancelled(run.job, run.flow.removesuffix("-undo"))

    # What every worker looks after

    def sweep(self, dead: set[str]) -> list[str]:
        """Put the work of the dead back; return the workflows."""
        found = [name for name, flow in self.flows.items() if flow.owner in dead]
        for name in found:
            flow = self.flows[name]
            flow.status, flow.owner = "ENQUEUED", None
            job = self.jobs[flow.job]
            if job.flow == name and job.outcome is None:
                job.events.append("job.recovered")
        return sorted(found)

    def settle(self) -> None:
        """End what the engine ended alone."""
        for job in self.stranded():
            if job.cancelling:
                self._end_cancelled(job.order.id, job.flow)
            else:
                self._end(job, "failed")

    def stranded(self) -> list[Work]:
        """Return open jobs whose workflow, or whose undoing, has ended."""
        waiting = [job for job in self.jobs.values() if job.outcome is None and job.tries]
        flows = {job.order.id: job.flow + ("-undo" if job.cancelling else "") for job in waiting}
        return [job for job in waiting if self.flows[flows[job.order.id]].status not in OPEN]

    # What is seen

    def is_open(self, run: Run) -> bool:
        """Tell whether a run's attempt may still change its job."""
        job, flow = self.jobs[run.job], run.flow
        return job.outcome is None and not job.cancelling and job.flow == flow

    def status(self, job: Work) -> str:
        """Return a job's status."""
        if job.outcome is not None:
            return job.outcome
        if not job.tries:
            return "processing" if job.started else "pending" if job.delayed else "queued"
        words = {"DELAYED": "pending", "ENQUEUED": "queued"}
        return words.get(self.flows[job.flow].status, "processing")

    def view(self, job: Work) -> dict[str, Any]:
        """Return what is known of a job as clients see it."""
        status = self.status(job)
        cancelling = job.cancelling and bool(job.tries) and job.outcome is None
        children = [each for each in self.jobs.values() if each.order.parent_id == job.order.id]
        waits = "undo" if cancelling else "not_before" if status == "pending" else None
        return {
            "id": job.order.id,
            "status": status,
            "waiting_for": waits,
            "priority": job.order.priority,
            "queue": job.order.queue if job.tries else None,
            "document_id": job.order.document_id,
            "parent_id": job.order.parent_id,
            "children": dict(Counter(self.status(child) for child in children)) or None,
            "progress": job.progress,
            "attempts": [
                (number, each.first_step, each.outcome, each.started)
                for number, each in enumerate(job.tries, start=1)
            ],
            "started": job.started,
            "finished": job.outcome is not None,
            "failed": job.outcome == "failed",
            "cancelling": job.cancelling,
            "dismissed": job.dismissed,
        }

    def position(self, job: Work) -> int | None:
        """Return a job's place in its queue."""
        if self.status(job) != "queued" or not job.tries:
            return None
        queue = [
            (flow.priority, order, name)
            for order, (name, flow) in enumerate(self.flows.items())
            if flow.status == "ENQUEUED" and flow.queue == job.order.queue
        ]
        return 1 + [name for _, _, name in sorted(queue)].index(job.flow)

    def _accept(self, order: Order) -> None:
        job = Work(order, [Try(order.id)], delayed=order.delayed)
        if order.document_id is not None:
            job.version = self._next_version(order.document_id)
        status = "DELAYED" if order.delayed else "ENQUEUED"
        self.flows[order.id] = Flow(order.id, order.queue, order.priority, status)
        self.jobs[order.id] = job

    def _cancel(self, job: Work) -> None:
        if not job.tries:
            job.cancelling = True
            for child in self._children(job):
                if child.outcome is None:
                    self._cancel(child)
            return
        if job.cancelling:
            return
        flow = self.flows[job.flow]
        waits = flow.status in ("DELAYED", "ENQUEUED")
        if flow.status in OPEN:
            flow.status, flow.owner = "CANCELLED", None
        if waits and not job.started:
            self._end(job, "cancelled")
            return
        job.cancelling = True
        self.flows[f"{job.flow}-undo"] = Flow(job.order.id, UNDO_QUEUE, 1)

    def _retry(self, job: Work) -> None:
        if job.order.document_id is not None:
            job.version = self._next_version(job.order.document_id)
        kept, job.dismissed, job.cancelling, job.outcome = not job.dismissed, False, False, None
        job.events.append("job.retrying")
        if not job.tries:
            for child in self._children(job):
                if child.outcome in ("failed", "cancelled") and not self._is_replaced(child):
                    self._retry(child)
            self._end_if_children_have(job)
            return
        done = self._steps_done(job.flow) if kept else []
        name = f"{job.order.id}-{len(job.tries) + 1}"
        job.tries.append(Try(name, first_step=len(done) + 1))
        status = "DELAYED" if job.delayed else "ENQUEUED"
        flow = Flow(job.order.id, job.order.queue, job.order.priority, status, steps=done)
        self.flows[name] = flow

    def _steps_done(self, flow: str) -> list[tuple[int, str, bool]]:
        done: list[tuple[int, str, bool]] = []
        for number, name, well in self.flows[flow].steps:
            if not well or name not in STEPS or number != len(done) + 1:
                break
            done.append((number, name, well))
        return done

    def _end(self, job: Work, outcome: str) -> None:
        job.outcome = job.tries[-1].outcome = outcome
        job.events.append(f"job.{outcome}")
        if job.order.parent_id is not None:
            self._end_if_children_have(self.jobs[job.order.parent_id])

    def _end_cancelled(self, job_id: str, flow: str) -> None:
        job = self.jobs[job_id]
        if job.outcome is not None or not job.cancelling or job.flow != flow:
            return
        gone = UNDONE[job.order.kind]
        self.flows[flow].steps = [step for step in self.flows[flow].steps if step[1] not in gone]
        self._end(job, "cancelled")

    def _end_if_children_have(self, parent: Work) -> None:
        if parent.outcome is not None:
            return
        outcomes = [child.outcome for child in self._children(parent)]
        ended = [outcome for outcome in outcomes if outcome is not None]
        parent.progress = len(ended), len(outcomes)
        if len(ended) < len(outcomes):
            parent.events.append("job.progress")
            return
        if parent.cancelling or set(ended) == {"cancelled"}:
            parent.outcome = "cancelled"
        else:
            parent.outcome = "completed" if "completed" in ended else "failed"
        parent.events.append(f"job.{parent.outcome}")

    def _children(self, parent: Work) -> list[Work]:
        return [job for job in self.jobs.values() if job.order.parent_id == parent.order.id]

    def _is_replaced(self, job: Work) -> bool:
        document_id = job.order.document_id
        return document_id is not None and self.versions[document_id] != job.version

    def _next_version(self, document_id: str) -> int:
        self.versions[document_id] = self.versions.get(document_id, 0) + 1
        return self.versions[document_id]
