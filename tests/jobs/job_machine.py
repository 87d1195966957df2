"""Random histories of jobs, acted out in several worlds at once and compared with the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.jobs.job_acts import IN_VAIN, STATUSES, Acts
from tests.jobs.job_parts import STEPS
from tests.jobs.job_world import World

from ragline.jobs.schemas import JobView
from ragline.jobs.states import ENDED

TERMINAL = {f"job.{status}" for status in ENDED}
PICK = st.integers(0, 2**16)
MOSTLY = st.sampled_from((True, True, True, False))
# Clocks differ between worlds; what they say is compared with the model.
OWN = {"attempts", "created_at", "started_at", "finished_at", "not_before"}
OWN |= {"cancel_requested_at", "dismissed_at"}


class JobMachine(Acts, RuleBasedStateMachine):
    """Few rules that each choose among acts, since most histories leave some rules out."""

    def __init__(self, worlds: Sequence[World]) -> None:
        super().__init__(worlds)
        self.ended: dict[tuple[str, str, int], Any] = {}
        self.looks = -1

    @precondition(lambda self: self.has_room())
    @rule(
        kind=st.sampled_from(("ingest", "several", "again", "chat", "delete")),
        pick=st.integers(1, 3),
        priority=st.sampled_from((1, 100, 500)),
        delayed=st.sampled_from((False, False, False, True)),
        key=st.sampled_from((None, None, None, "a", "b")),
    )
    def accept(self, kind: str, pick: int, priority: int, delayed: bool, key: str | None) -> None:
        """A client sends work."""
        if kind == "several":
            self.send_several(pick, priority, delayed=delayed)
        elif kind != "again":
            self.send(kind, priority, delayed=delayed, key=key)
        elif documents := self.sent_in_vain():
            self.send_again(_one(documents, pick), priority)

    @precondition(lambda self: self.model.jobs)
    @rule(
        pick=PICK,
        name=st.sampled_from(("retry", "retry", "cancel", "dismiss")),
        allowed=MOSTLY,
    )
    def ask_for(self, pick: int, name: str, allowed: bool) -> None:
        """A client cancels, retries or dismisses a job, mostly one whose state allows it."""
        wrong = self.jobs(*IN_VAIN[name])
        right = [job_id for job_id in self.model.jobs if job_id not in wrong]
        if found := right if allowed else wrong:
            self.ask(name, _one(found, pick))

    @precondition(lambda self: self.flows("ENQUEUED"))
    @rule(pick=PICK, steps=st.integers(0, len(STEPS)))
    def work(self, pick: int, steps: int) -> None:
        """A worker takes waiting work, begins it and does some steps, or all of an undoing."""
        run = self.claim(_one(self.flows("ENQUEUED"), pick))
        if run.flow.endswith("-undo"):
            if steps:
                self.undo(run, told=True)
            return
        self.begin(run)
        if run in self.at_work():
            for number in range(1 + self.steps_done(run), 1 + steps):
                self.step(run, number)

    @precondition(lambda self: self.at_work())
    @rule(
        pick=PICK,
        act=st.sampled_from(("complete", "complete", "step", "fail")),
        told=MOSTLY,
    )
    def go_on(self, pick: int, act: str, told: bool) -> None:
        """A worker goes on, even if its attempt has ended or was replaced meanwhile.

        It may die before it tells the engine what it did.
        """
        run = _one(self.at_work(), pick)
        is_late = not self.model.is_open(run)
        left = range(1 + self.steps_done(run), 1 + len(STEPS))
        if act == "step":
            self.step(run, len(STEPS) if is_late or not left else left[0], stored=told)
        elif act == "fail" and is_late:
            self.fail(run)
        elif act == "fail":
            self.break_down(run, told=told)
        else:
            for number in () if is_late else left:
                self.step(run, number)
            self.complete(run, told=told)

    @precondition(lambda self: self.undoing())
    @rule(pick=PICK, works=MOSTLY, told=MOSTLY)
    def undo_attempt(self, pick: int, works: bool, told: bool) -> None:
        """A worker undoes a cancelled attempt, or cannot."""
        run = _one(self.undoing(), pick)
        if works:
            self.undo(run, told=told)
        else:
            self.end(run, "ERROR")

    @precondition(lambda self: self._incidents())
    @rule(pick=PICK)
    def happen(self, pick: int) -> None:
        """Something happens that nobody asked for, or is put right by whoever lives."""
        _one(self._incidents(), pick)()

    def _incidents(self) -> list[Callable[[], None]]:
        """Return what can happen, most likely what puts things right."""
        return [
            *(partial(self.time_out, flow) for flow in self.flows("PENDING")[:1]),
            *(partial(self.die, run) for run in self.living()[:1]),
            *(partial(self._die_before_it_begins, flow) for flow in self.flows("ENQUEUED")[:1]),
            *((self.let_time_come,) * 2 if self.jobs("pending") else ()),
            *((self.sweep,) * 4 if self.orphans() else ()),
            *((self.settle,) * 4 if self.model.stranded() else ()),
        ]

    def _die_before_it_begins(self, flow: str) -> None:
        self.die(self.claim(flow))

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
        assert self.jobs(status)[::-1] == listed, (world.name, status)
        return listed

    def _placed(self, world: World, turn: int) -> Any:
        waiting = self.jobs("queued")
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


def _one(found: Sequence[Any], pick: int) -> Any:
    return found[pick % len(found)]


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
