"""Which faults a round has: each kind on purpose, with the work that reaches it."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.faults import faults
from tests.faults.faults import Fault, Inject, Scene
from tests.faults.workload import Acts
from tests.servers import RunningProcess, RunningServer

REACH_SECONDS = 60
MOST_OPEN_JOBS = 30
SWEEP_SECONDS = 8
NAMED = ("undo", "cancel", "retry", "delete", "cleanup", "webhook.claimed", "webhook.sent", "chat")
"""Beginnings of points; each round has one of each."""
ON_SERVERS = ("accept", "cancel", "retry", "delete")
REACHED_BY: dict[str, Callable[[Acts], None]] = {
    "accept": Acts.send_text,
    "cancel": Acts.cancel_begun,
    "chat": Acts.ask,
    "cleanup": Acts.clean_up,
    "delete": Acts.remove_ended,
    "ingest": Acts.send_pdf,
    "retry": Acts.retry_ended,
    "sweep": Acts.send_pdf,
    "undo": Acts.cancel_begun,
    "webhook": Acts.end_soon,
}
"""What a client does so that a process comes past the points of an area."""


@dataclass
class Lane:
    """Faults that come one after the other; what a round must have comes first."""

    must: list[Inject]
    then: Iterator[Inject]


def lanes(setup: str, seed: int) -> list[Lane]:
    """Return what a round does: on servers and on workers side by side where they are apart."""
    points, rest = faults.failpoints(), list(faults.ELSE[setup])
    if setup == "embedded":
        return [_lane(points, rest, seed)]
    apart = {True: list[str](), False: list[str]()}
    for point in points:
        apart[_area(point) in ON_SERVERS].append(point)
    return [_lane(apart[True], [], seed), _lane(apart[False], rest, seed)]


def weighted(injects: dict[Inject, int], seed: int) -> Lane:
    """Return a lane of these faults at random, with how often each comes."""
    chance = random.Random(seed)
    kinds, weights = list(injects), list(injects.values())
    return Lane([], (chance.choices(kinds, weights)[0] for _ in itertools.count()))


def _lane(points: Sequence[str], rest: Sequence[Inject], seed: int) -> Lane:
    chance = random.Random(seed)
    named = [[each for each in points if each.startswith(name)] for name in NAMED]
    first = [chance.choice(found) for found in named if found]
    left = sorted(set(points) - set(first))
    # Rounds with consecutive seeds begin at different places, so that a few of them pass all.
    start = seed // 2 * 7 % len(left)
    must: list[Inject] = [*map(DieAt, first), *rest]
    chance.shuffle(must)
    return Lane(must, map(DieAt, itertools.cycle(left[start:] + left[:start])))


@dataclass(frozen=True)
class DieAt:
    """Kills a process at work, and again at a point that clients lead it to."""

    point: str

    def __call__(self, scene: Scene) -> Iterator[Fault]:
        """Go on until it has died there, or for so long in vain."""
        process, began = self._process(scene), time.time()
        armed = f"{self.point}=kill:{scene.chance.randint(0, 1)}"
        scene.armed.append(self.point)
        scene.acts.only = process if isinstance(process, RunningServer) else None
        yield from faults.replace(scene, process, armed)
        deadline = time.monotonic() + REACH_SECONDS
        while not _has_died(scene, self.point, began) and time.monotonic() < deadline:
            if process.settings.get("failpoints") != armed:
                # Another fault has restarted it meanwhile.
                yield from faults.replace(scene, process, armed)
            elif process.is_ready:
                yield from _lead(scene, _area(self.point), process, armed)
            time.sleep(0.02)

    def _process(self, scene: Scene) -> RunningProcess:
        if _area(self.point) in ON_SERVERS:
            return faults.at_work(scene, scene.cluster.servers, faults.answers)
        return faults.at_work(scene, scene.cluster.workers, faults.holds)


def _lead(scene: Scene, area: str, process: RunningProcess, armed: str) -> Iterator[Fault]:
    """Do what makes a process come past the points of an area."""
    if scene.cluster.open_jobs() < MOST_OPEN_JOBS:
        REACHED_BY[area](scene.acts)
    if area != "sweep":
        return
    others = [each for each in scene.cluster.workers if each is not process]
    victim = faults.at_work(scene, others or [process], faults.holds)
    yield from faults.replace(scene, victim, None if others else armed)
    deadline = time.monotonic() + SWEEP_SECONDS
    while process.is_running and time.monotonic() < deadline:
        time.sleep(0.05)


def _has_died(scene: Scene, point: str, since: float) -> bool:
    return any(each.point == point and each.at >= since for each in list(scene.so_far))


def _area(point: str) -> str:
    return point.partition(".")[0]
