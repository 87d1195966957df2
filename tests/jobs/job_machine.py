"""Random histories of jobs, acted out in several worlds at once and compared with the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.jobs.job_model import Model
from tests.jobs.job_parts import STEPS
from tests.jobs.job_world import Order, Run, World

from ragline.errors import RaglineError
from ragline.jobs.schemas import JobView
from ragline.jobs.states import ENDED

STATUSES = ("pending", "queued", "processing", *ENDED)
TERMINAL = {f"job.{status}" for status in ENDED}
QUEUES = {"ingest": "ingest", "chat": "chat", "delete": "default"}
TIDYING = {"ingest": "abandon", "chat": "give_up", "delete": "give_up"}
PRIORITIES = st.sampled_from((1, 100, 500))
MOST_OPEN = 4
PICK = st.integers(0, 2**16)
# Clocks and random ids differ between worlds; what they say is compared with the model.
OWN = {"attempts", "created_at", "started_at", "finished_at", "not_before"}
OWN |= {"cancel_requested_at", "dismissed_at"}
_examples: Iterator[int] = count(1)


def outcome_of(act: Callable[[], Any]) -> Any:
    """Return what an act returns, or the name of the error it raises."""
    try:
        return act()
    except RaglineError as error:
        return type(error).__name__


class JobMachine(RuleBasedStateMachine):
    """Every rule does the same in each world, and says before what is to come of it."""

    def __init__(self, worlds: Sequence[World]) -> None:
        super().__init__()
        self.worlds = worlds
        self.model = Model()
        self.runs: list[Run] = []
        self.begun: set[str] = set()
        self.dead: set[str] = set()
        self.ended: dict[tuple[str, str, int], Any] = {}
        self.looks = -1
        self._numbers = count(1)
        for world in worlds:
            world.empty()

    # Clients

    @precondition(lambda self: self._has_room())
    @rule(
        kind=st.sampled_from(("document", "document", "chat", "delete")),
        priority=PRIORITIES,
        delayed=st.sampled_from((False, False, True)),
        key=st.sampled_from((None, None, "a", "b")),
    )
    def accept(self, kind: str, priority: int, delayed: bool, key: str | None) -> None:
        """A client sends work, perhaps again under the same key."""
        document = self._id("d") if kind == "document" else None
        order = self._order("ingest" if document else kind, priority, delayed, document)
        asked = (kind, priority, delayed)
        expected = self.model.accept(order, key, asked)
        self._do(expected, lambda world: world.accept(order, key, asked))

    @precondition(lambda self: self._has_room())
    @rule(children=st.integers(1, 3), priority=PRIORITIES, delayed=st.booleans())
    def accept_parent(self, children: int, priority: int, delayed: bool) -> None:
        """A client sends several files at once."""
        parent = Order(self._id("j"), "", "import", priority, delayed)
        orders = [
            self._order("ingest", priority, delayed, self._id("d"), parent.id)
            for _ in range(children)
        ]
        self.model.accept_parent(parent, orders)
        self._do(None, lambda world: world.accept_parent(parent, orders))

    @precondition(lambda self: self._sent_again())
    @rule(pick=PICK, priority=PRIORITIES)
    def accept_again(self, pick: int, priority: int) -> None:
        """A client sends the file of a failed or cancelled job again."""
        document = self._one(self._sent_again(), pick)
        order = self._order("ingest", priority, False, document)
        self.model.accept(order, None, ())
        self._do(order.id, lambda world: world.accept(order, None, ()))

    @precondition(lambda self: self.model.jobs)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        """A client cancels a job, in whatever state it is."""
        job_id = self._one(list(self.model.jobs), pick)
        self._do(self.model.cancel(job_id), lambda world: world.cancel(job_id))

    @precondition(lambda self: self.model.jobs)
    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        """A client retries a job, in whatever state it is."""
        job_id = self._one(list(self.model.jobs), pick)
        self._do(self.model.retry(job_id), lambda world: world.retry(job_id))

    @precondition(lambda self: self._jobs("failed", "cancelled"))
    @rule(pick=PICK)
    def retry_ended(self, pick: int) -> None:
        """A client retries a job that can be retried."""
        job_id = self._one(self._jobs("failed", "cancelled"), pick)
        self._do(self.model.retry(job_id), lambda world: world.retry(job_id))

    @precondition(lambda self: self._jobs("failed", "completed"))
    @rule(pick=PICK)
    def dismiss(self, pick: int) -> None:
        """A client dismisses a job."""
        job_id = self._one(self._jobs("failed", "completed"), pick)
        self._do(self.model.dismiss(job_id), lambda world: world.dismiss(job_id))

    # The engine

    @precondition(lambda self: self._jobs("pending"))
    @rule()
    def let_time_come(self) -> None:
        """The moment comes that delayed work waits for."""
        self.model.let_time_come()
        self._do(None, lambda world: world.let_time_come())

    @precondition(lambda self: self._flows("ENQUEUED"))
    @rule(pick=PICK, begins=st.sampled_from((True, True, True, False)))
    def claim(self, pick: int, begins: bool) -> None:
        """A worker takes waiting work and, unless it dies first, begins it."""
        flow = self._one(self._flows("ENQUEUED"), pick)
        run = Run(f"worker {len(self.runs)}", flow, self.model.flows[flow].job)
        self.runs.append(run)
        self.model.claim(run)
        self._do(1, lambda world: world.claim(run))
        if begins and not flow.endswith("-undo"):
            self._begin(run)

    @precondition(lambda self: self._flows("PENDING"))
    @rule(pick=PICK)
    def time_out(self, pick: int) -> None:
        """The engine ends a workflow at its time limit."""
        flow = self._one(self._flows("PENDING"), pick)
        self.model.time_out(flow)
        self._do([flow], lambda world: world.time_out(flow))

    # Workers

    @precondition(lambda self: self._at_work())
    @rule(pick=PICK, times=st.integers(1, 3), stored=st.sampled_from((True, True, True, False)))
    def step(self, pick: int, times: int, stored: bool) -> None:
        """A worker does its next steps; it may die before the engine has stored the last one."""
        run = self._one(self._at_work(), pick)
        first = min(1 + len(self._done(run)), len(STEPS))
        last = min(first + times - 1, len(STEPS))
        for number in range(first, last + 1):
            self._step(run, number, stored=stored or number < last)

    @precondition(lambda self: self._at_work())
    @rule(pick=PICK, told=st.sampled_from((True, True, False)))
    def complete(self, pick: int, told: bool) -> None:
        """A worker does what is left and publishes; it may die before it tells the engine."""
        run = self._one(self._at_work(), pick)
        for number in range(1 + len(self._done(run)), 1 + len(STEPS)):
            self._step(run, number, stored=True)
        self._complete(run, told=told)

    @precondition(lambda self: self._at_work())
    @rule(pick=PICK, told=st.sampled_from((True, True, False)))
    def fail(self, pick: int, told: bool) -> None:
        """A worker meets what it cannot work on."""
        run = self._one(self._at_work(), pick)
        number = 1 + len(self.model.flows[run.flow].steps)
        if number <= len(STEPS):
            self._store(run, number, STEPS[number - 1], failed=True)
            number += 1
        self._fail(run, number, told=told)

    @precondition(lambda self: self._late())
    @rule(pick=PICK, act=st.sampled_from(("step", "complete", "fail")))
    def come_late(self, pick: int, act: str) -> None:
        """A worker whose attempt is over or was replaced does what it was about to do."""
        run = self._one(self._late(), pick)
        if act == "step":
            self._step(run, len(STEPS), stored=True)
        elif act == "complete":
            self._complete(run, told=True)
        else:
            self._fail(run, None, told=True)

    @precondition(lambda self: self._undoing())
    @rule(pick=PICK, works=st.sampled_from((True, True, False)), told=st.booleans())
    def undo(self, pick: int, works: bool, told: bool) -> None:
        """A worker undoes a cancelled attempt, or cannot."""
        run = self._one(self._undoing(), pick)
        if works:
            self.model.undo(run)
            self._do(None, lambda world: world.undo(run))
        self._end(run, "SUCCESS" if works else "ERROR", told=told or not works)

    @precondition(lambda self: self._living())
    @rule(pick=PICK)
    def die(self, pick: int) -> None:
        """A worker's heart stops, though its work may still go on for a while."""
        self._die(self._one(self._living(), pick))

    @precondition(lambda self: any(flow.owner in self.dead for flow in self.model.flows.values()))
    @rule()
    def sweep(self) -> None:
        """A living worker takes over the work of the dead."""
        self._do(self.model.sweep(self.dead), lambda world: world.sweep())

    @precondition(lambda self: self.model.stranded())
    @rule()
    def settle(self) -> None:
        """A living worker ends what the engine ended alone."""
        self.model.settle()
        self._do(None, lambda world: world.settle())

    # What must always be

    @invariant()
    def events_are_as_expected(self) -> None:
        """All worlds recorded what the model says."""
        seen = [self._events(world) for world in self.worlds]
        assert all(each == seen[0] for each in seen)

    @invariant()
    def jobs_are_as_expected(self) -> None:
        """All worlds show jobs, lists by status, and places in queues as the model; by turns."""
        self.looks += 1
        turn, look = divmod(self.looks, 3)
        seen = [
            (self._views, self._listed, self._placed)[look](world, turn) for world in self.worlds
        ]
        assert all(each == seen[0] for each in seen)

    def _views(self, world: World, _turn: int) -> Any:
        views = world.views()
        assert list(self.model.jobs)[::-1] == [view.id for view in views], world.name
        for view in views:
            assert self.model.view(self.model.jobs[view.id]) == _shown(view), world.name
        self._check_attempts(world, views)
        assert self._published() == world.published(), world.name
        return [view.model_dump(exclude=OWN) for view in views]

    def _listed(self, world: World, turn: int) -> Any:
        status = STATUSES[turn % len(STATUSES)]
        listed = world.listed(status)
        assert self._jobs(status)[::-1] == listed, (world.name, status)
        return listed

    def _placed(self, world: World, turn: int) -> Any:
        waiting = self._jobs("queued")
        if not waiting:
            return None
        job_id = waiting[turn % len(waiting)]
        place = world.view(job_id).queue_position
        assert self.model.position(self.model.jobs[job_id]) == place, (world.name, job_id)
        return place

    def _events(self, world: World) -> Any:
        found = world.events()
        for job_id, job in self.model.jobs.items():
            events = found[job_id]
            assert list(range(1, len(events) + 1)) == [number for number, _, _ in events]
            types = [type for _, type, _ in events]
            assert job.events == types, (world.name, job_id)
            ends = sum(type in TERMINAL for type in types)
            assert ends == types.count("job.retrying") + (job.outcome is not None), types
            assert (types[-1] in TERMINAL) == (job.outcome is not None), types
        return found

    def _check_attempts(self, world: World, views: Sequence[JobView]) -> None:
        """An ended attempt has an end like none before, and keeps it."""
        for view in views:
            for attempt in view.attempts:
                assert (attempt.outcome is None) == (attempt.ended_at is None)
                if attempt.outcome is not None:
                    known = self.ended.setdefault((world.name, view.id, attempt.number), attempt)
                    assert known == attempt, world.name

    def _published(self) -> dict[str, tuple[int | None, int]]:
        versions = {
            document: self.model.published.get(document) for document in self.model.versions
        }
        return {document: (version, int(bool(version))) for document, version in versions.items()}

    # How it is done

    def _do(self, expected: Any, act: Callable[[World], Any]) -> None:
        for world in self.worlds:
            actual = outcome_of(lambda world=world: act(world))  # type: ignore[misc]
            assert expected == actual, (world.name, expected, actual)
        # Queues are ordered by milliseconds, rounded up or down: what follows is to be later.
        later = time.time() + 0.002
        while time.time() < later:
            time.sleep(0.0005)

    def _begin(self, run: Run) -> None:
        expected = self.model.begin(run)
        self._do(expected, lambda world: world.begin(run))
        if expected == "Superseded":
            self._end(run, "ERROR")
        elif expected is not None:
            self._fail(run, None, told=True)
        else:
            self.begun.add(run.token)

    def _step(self, run: Run, number: int, *, stored: bool) -> None:
        name = STEPS[number - 1]
        expected = self.model.step(run, name)
        self._do(expected, lambda world: world.step(run, name))
        if expected is not None:
            self._end(run, "ERROR")
        elif not stored:
            self._die(run)
        elif number > len(self._done(run)):
            self._store(run, number, name, failed=False)

    def _complete(self, run: Run, *, told: bool) -> None:
        expected = self.model.complete(run)
        self._do(expected, lambda world: world.complete(run))
        self._end(run, "ERROR" if expected == "Superseded" else "SUCCESS", told=told)

    def _done(self, run: Run) -> list[str]:
        steps = self.model.flows[run.flow].steps
        return [name for _, name, well in steps if well and name in STEPS]

    def _fail(self, run: Run, number: int | None, *, told: bool) -> None:
        self.model.fail(run)
        self._do(None, lambda world: world.fail(run))
        if number is not None:
            name = TIDYING[self.model.jobs[run.job].order.kind]
            self._store(run, number, name, failed=False)
        self._end(run, "ERROR", told=told)

    def _store(self, run: Run, number: int, name: str, *, failed: bool) -> None:
        stored = self.model.store_step(run, number, name, failed=failed)
        self._do(stored, lambda world: world.store_step(run, number, name, failed=failed))

    def _end(self, run: Run, status: str, *, told: bool = True) -> None:
        """Let a worker's function return."""
        self.begun.discard(run.token)
        if not told:
            self._die(run)
        else:
            ended = self.model.end_workflow(run, status)
            self._do(ended, lambda world: world.end_workflow(run, status))
        self.runs = [each if each is not run else _GONE for each in self.runs]

    def _die(self, run: Run) -> None:
        if run.token not in self.dead:
            self.dead.add(run.token)
            self._do(None, lambda world: world.die(run))

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

    def _one(self, found: Sequence[Any], pick: int) -> Any:
        return found[pick % len(found)]

    def _status(self, job_id: str) -> str:
        return self.model.status(self.model.jobs[job_id])

    def _jobs(self, *statuses: str) -> list[str]:
        return [job_id for job_id in self.model.jobs if self._status(job_id) in statuses]

    def _flows(self, status: str) -> list[str]:
        return [name for name, flow in self.model.flows.items() if flow.status == status]

    def _has_room(self) -> bool:
        """Few jobs with long histories meet more than many with short ones."""
        return len(self._jobs(*STATUSES[:3])) < MOST_OPEN

    def _sent_again(self) -> list[str]:
        """Documents whose latest job failed or was cancelled."""
        latest = {job.order.document_id: job for job in self.model.jobs.values()}
        return [
            document
            for document, job in latest.items()
            if document is not None and job.outcome in ("failed", "cancelled")
        ]

    def _begun(self) -> list[Run]:
        return [run for run in self.runs if run.token in self.begun]

    def _at_work(self) -> list[Run]:
        """Runs of attempts that are their jobs'."""
        return [run for run in self._begun() if self.model.is_open(run)]

    def _late(self) -> list[Run]:
        """Runs of attempts that are over, whose workers do not know it."""
        return [run for run in self._begun() if not self.model.is_open(run)]

    def _undoing(self) -> list[Run]:
        return [run for run in self.runs if run.flow.endswith("-undo")]

    def _living(self) -> list[Run]:
        return [run for run in self.runs if run is not _GONE and run.token not in self.dead]


_GONE = Run("", "", "")


def _shown(view: JobView) -> dict[str, Any]:
    """Return what the model knows of a job."""
    return {
        "id": view.id,
        "status": view.status,
        "waiting_for": view.waiting_for,
        "priority": view.priority,
        "queue": view.queue,
        "document_id": view.document_id,
        "parent_id": view.parent_id,
        "children": view.children,
        "progress": (view.progress.done, view.progress.total),
        "attempts": [
            (each.number, each.first_step, each.outcome, each.started_at is not None)
            for each in view.attempts
        ],
        "started": view.started_at is not None,
        "finished": view.finished_at is not None,
        "failed": view.error is not None,
        "cancelling": view.cancel_requested_at is not None,
        "dismissed": view.dismissed_at is not None,
    }
