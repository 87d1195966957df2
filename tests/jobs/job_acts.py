"""What clients, workers and the engine do, in several worlds at once and in the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from tests.jobs.job_model import Model
from tests.jobs.job_parts import STEPS
from tests.jobs.job_world import Order, Run, World

from ragline.errors import RaglineError
from ragline.jobs.states import ENDED

STATUSES = ("pending", "queued", "processing", *ENDED)
OPEN = STATUSES[:3]
IN_VAIN = {
    "cancel": ("completed", "failed", "cancelled"),
    "retry": (*OPEN, "completed"),
    "dismiss": (*OPEN, "completed", "cancelled"),
}
QUEUES = {"ingest": "ingest", "chat": "chat", "delete": "default"}
TIDYING = {"ingest": "abandon", "chat": "give_up", "delete": "give_up"}
MOST_OPEN = 4


def outcome_of(act: Callable[[], Any]) -> Any:
    """Return what an act returns, or the name of the error it raises."""
    try:
        return act()
    except RaglineError as error:
        return type(error).__name__


class Acts:
    """Each act says by the model what is to come of it, then does the same in each world."""

    def __init__(self, worlds: Sequence[World]) -> None:
        super().__init__()
        self.worlds = worlds
        self.model = Model()
        self.runs: list[Run] = []
        self.begun: set[str] = set()
        self.dead: set[str] = set()
        self._numbers = count(1)
        for world in worlds:
            world.empty()

    # Clients

    def send(self, kind: str, priority: int, *, delayed: bool, key: str | None) -> None:
        """Send work, perhaps again under the same key."""
        document = self._id("d") if kind == "ingest" else None
        order = self._order(kind, priority, delayed, document)
        asked = (kind, priority, delayed)
        expected = self.model.accept(order, key, asked)
        self._do(expected, lambda world: world.accept(order, key, asked))
        self._let_clocks_move()

    def send_several(self, children: int, priority: int, *, delayed: bool) -> None:
        """Send several files at once."""
        parent = Order(self._id("j"), "", "import", priority, delayed)
        orders = [
            self._order("ingest", priority, delayed, self._id("d"), parent.id)
            for _ in range(children)
        ]
        self.model.accept_parent(parent, orders)
        self._do(None, lambda world: world.accept_parent(parent, orders))
        self._let_clocks_move()

    def send_again(self, document: str, priority: int) -> None:
        """Send the file of a failed or cancelled job again."""
        order = self._order("ingest", priority, False, document)
        self.model.accept(order, None, ())
        self._do(order.id, lambda world: world.accept(order, None, ()))
        self._let_clocks_move()

    def ask(self, name: str, job_id: str) -> None:
        """Cancel, retry or dismiss a job, in whatever state it is."""
        expected = getattr(self.model, name)(job_id)
        self._do(expected, lambda world: getattr(world, name)(job_id))
        self._let_clocks_move()

    # Workers

    def claim(self, flow: str) -> Run:
        """Let a new worker take work from its queue."""
        run = Run(f"worker {len(self.runs)}", flow, self.model.flows[flow].job)
        self.runs.append(run)
        self.model.claim(run)
        self._do(1, lambda world: world.claim(run))
        return run

    def begin(self, run: Run) -> None:
        """Begin an attempt; one that never gets anywhere is given up."""
        expected = self.model.begin(run)
        self._do(expected, lambda world: world.begin(run))
        if expected == "Superseded":
            self.end(run, "ERROR")
        elif expected is not None:
            self.fail(run)
        else:
            self.begun.add(run.token)

    def step(self, run: Run, number: int, *, stored: bool = True) -> None:
        """Do a step; the worker may die before the engine has stored that."""
        name = STEPS[number - 1]
        expected = self.model.step(run, name)
        self._do(expected, lambda world: world.step(run, name))
        if expected is not None:
            self.end(run, "ERROR")
        elif not stored:
            self.die(run)
        elif number > self.steps_done(run):
            self.store(run, number, name, failed=False)

    def complete(self, run: Run, *, told: bool) -> None:
        """Publish; the worker may die before it tells the engine."""
        expected = self.model.complete(run)
        self._do(expected, lambda world: world.complete(run))
        self.end(run, "ERROR" if expected == "Superseded" else "SUCCESS", told=told)

    def break_down(self, run: Run, *, told: bool) -> None:
        """Meet what cannot be worked on in the next step."""
        number = 1 + len(self.model.flows[run.flow].steps)
        if number <= len(STEPS):
            self.store(run, number, STEPS[number - 1], failed=True)
            number += 1
        self.fail(run, number, told=told)

    def fail(self, run: Run, number: int | None = None, *, told: bool = True) -> None:
        """End the attempt with a reason, as a step of this number."""
        self.model.fail(run)
        self._do(None, lambda world: world.fail(run))
        if number is not None:
            name = TIDYING[self.model.jobs[run.job].order.kind]
            self.store(run, number, name, failed=False)
        self.end(run, "ERROR", told=told)

    def undo(self, run: Run, *, told: bool) -> None:
        """Undo a cancelled attempt."""
        self.model.undo(run)
        self._do(None, lambda world: world.undo(run))
        self.end(run, "SUCCESS", told=told)

    def store(self, run: Run, number: int, name: str, *, failed: bool) -> None:
        """Let the engine store that a step ended."""
        stored = self.model.store_step(run, number, name, failed=failed)
        self._do(stored, lambda world: world.store_step(run, number, name, failed=failed))

    def end(self, run: Run, status: str, *, told: bool = True) -> None:
        """Let a worker's function return; it may die before it tells the engine."""
        self.begun.discard(run.token)
        self.runs = [each if each is not run else GONE for each in self.runs]
        if not told:
            self.die(run)
            return
        ended = self.model.end_workflow(run, status)
        self._do(ended, lambda world: world.end_workflow(run, status))

    def die(self, run: Run) -> None:
        """Let a worker's heart stop, though its work may still go on for a while."""
        if run.token not in self.dead:
            self.dead.add(run.token)
            self._do(None, lambda world: world.die(run))

    # The engine, and what every worker looks after

    def let_time_come(self) -> None:
        """Let the moment come that delayed work waits for."""
        self.model.let_time_come()
        self._do(None, lambda world: world.let_time_come())

    def time_out(self, flow: str) -> None:
        """End a workflow at its time limit."""
        self.model.time_out(flow)
        self._do([flow], lambda world: world.time_out(flow))

    def sweep(self) -> None:
        """Take over the work of the dead."""
        self._do(self.model.sweep(self.dead), lambda world: world.sweep())

    def settle(self) -> None:
        """End what the engine ended alone."""
        self.model.settle()
        self._do(None, lambda world: world.settle())

    # What there is

    def jobs(self, *statuses: str) -> list[str]:
        """Return the jobs in these states."""
        model = self.model
        return [name for name, job in model.jobs.items() if model.status(job) in statuses]

    def flows(self, status: str) -> list[str]:
        """Return the workflows in an engine's state."""
        return [name for name, flow in self.model.flows.items() if flow.status == status]

    def has_room(self) -> bool:
        """Few jobs with long histories meet more than many with short ones."""
        return len(self.jobs(*OPEN)) < MOST_OPEN

    def sent_in_vain(self) -> list[str]:
        """Return the documents whose latest job failed or was cancelled."""
        latest = {job.order.document_id: job for job in self.model.jobs.values()}
        return [
            document
            for document, job in latest.items()
            if document is not None and job.outcome in ("failed", "cancelled")
        ]

    def at_work(self) -> list[Run]:
        """Return the runs that have begun, the late ones too."""
        return [run for run in self.runs if run.token in self.begun]

    def undoing(self) -> list[Run]:
        """Return the runs that are to undo an attempt."""
        return [run for run in self.runs if run.flow.endswith("-undo")]

    def living(self) -> list[Run]:
        """Return the runs whose workers show signs of life."""
        return [run for run in self.runs if run is not GONE and run.token not in self.dead]

    def orphans(self) -> list[str]:
        """Return the workflows that dead workers hold."""
        return [name for name, flow in self.model.flows.items() if flow.owner in self.dead]

    def steps_done(self, run: Run) -> int:
        """Return how many steps the engine has stored as done."""
        steps = self.model.flows[run.flow].steps
        return len([name for _, name, well in steps if well and name in STEPS])

    def _do(self, expected: Any, act: Callable[[World], Any]) -> None:
        for world in self.worlds:
            actual = outcome_of(lambda world=world: act(world))  # type: ignore[misc]
            assert expected == actual, (world.name, expected, actual)

    def _let_clocks_move(self) -> None:
        # Queues are ordered by milliseconds, rounded up or down: what follows is to be later.
        later = time.time() + 0.002
        while time.time() < later:
            time.sleep(0.0005)

    def _order(
        self,
        kind: str,
        priority: int,
        delayed: bool,
        document: str | None,
        parent: str | None = None,
    ) -> Order:
        return Order(self._id("j"), QUEUES[kind], kind, priority, delayed, document, parent)

    def _id(self, kind: str) -> str:
        # Rising, so that what was made in one transaction has an order.
        return f"00000000-0000-4000-8000-{'0a' if kind == 'j' else '0d'}{next(self._numbers):010d}"


GONE = Run("", "", "")
