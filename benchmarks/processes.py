"""CPU time and memory of a server's process and of the children it computes in."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds since the start, of the main process and of all processes below it."""

    main: float
    children: float

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(self.main - before.main, self.children - before.children)

    @property
    def total(self) -> float:
        """CPU seconds of the whole tree."""
        return self.main + self.children


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of the whole tree in MiB; `pss` counts a page that n processes share as 1/n each."""

    rss: float
    pss: float
    processes: int


def cpu(pid: int) -> Cpu:
    """Return the CPU time used so far.

    A child that was replaced is counted by the process that reaped it, in its `children_*`
    times, so nothing is lost when children come and go.
    """
    main = psutil.Process(pid)
    own, below = main.cpu_times(), 0.0
    for child in main.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            below += sum(child.cpu_times()[:4])
    return Cpu(
        own.user + own.system,
        below + own.children_user + own.children_system,
    )


def memory(pid: int) -> Memory:
    """Return the memory held at the moment."""
    main = psutil.Process(pid)
    rss = pss = count = 0
    for process in [main, *main.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            held = process.memory_full_info()
            rss, pss, count = rss + held.rss, pss + held.pss, count + 1
    return Memory(rss / 1024**2, pss / 1024**2, count)


def idle_percent(pid: int, seconds: float) -> float:
    """Return the CPU time of the tree as percent of one core, over some seconds from now."""
    before, began = cpu(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu(pid) - before).total / (time.monotonic() - began)
