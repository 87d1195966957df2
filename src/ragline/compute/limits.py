"""What one call in a child may take, and the sentences for a call that took more."""

from __future__ import annotations

import contextlib
import errno
import math
import resource
from collections.abc import Iterator
from dataclasses import dataclass

from ragline.errors import LimitExceeded


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one call: seconds, bytes, and the number of files open at once."""

    wall_seconds: float
    cpu_seconds: int
    memory_bytes: int
    open_files: int
    output_bytes: int
    settings: str | None = None
    """How the names of the settings behind these limits begin, if there are any."""

    def past_wall(self) -> LimitExceeded:
        """The call ran longer than it may."""
        return self._exceeded(f"took longer than {self.wall_seconds:g} seconds", "WALL_SECONDS")

    def past_cpu(self) -> LimitExceeded:
        """The call used more CPU time than it may."""
        return self._exceeded(
            f"used more than {self.cpu_seconds} seconds of CPU time", "CPU_SECONDS"
        )

    def past_memory(self) -> LimitExceeded:
        """The call asked for more memory than it may have."""
        return self._exceeded(f"needed more than {_mib(self.memory_bytes)} of memory", "MEMORY_MB")

    def past_open_files(self) -> LimitExceeded:
        """The call opened more files than it may."""
        return self._exceeded(f"opened more than {self.open_files} files at once", "OPEN_FILES")

    def past_output(self) -> LimitExceeded:
        """The call gave back, or wrote to a file, more than it may."""
        return self._exceeded(f"gave more than {_mib(self.output_bytes)} of output", "OUTPUT_MB")

    def _exceeded(self, what: str, setting: str) -> LimitExceeded:
        raising = f", or raise {self.settings}{setting}," if self.settings else ""
        return LimitExceeded(
            f"Reading this document {what} and was stopped; no other document is affected. "
            f"Split or simplify it{raising} and try again."
        )

    def behind(self, error: BaseException | None) -> LimitExceeded | None:
        """Return the limit that caused an error, however deeply a library wrapped it."""
        while error is not None:
            if isinstance(error, MemoryError):
                return self.past_memory()
            if isinstance(error, OSError) and error.errno == errno.EMFILE:
                return self.past_open_files()
            if isinstance(error, OSError) and error.errno == errno.EFBIG:
                return self.past_output()
            error = error.__cause__ or error.__context__
        return None


@contextlib.contextmanager
def enforced(limits: Limits) -> Iterator[None]:
    """Hold the running process to the limits that its kernel keeps.

    They are lifted again afterwards, since sending the answer is not the call's doing.
    """
    wanted = {
        # The kernel counts a process's CPU time from its start, over all its calls.
        resource.RLIMIT_CPU: math.ceil(cpu_seconds() + limits.cpu_seconds),
        # DATA rather than AS: it counts memory that can be written, not the address space
        # that libraries and memory-mapped models merely reserve.
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.output_bytes,
    }
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    for kind, value in wanted.items():
        hard = before[kind][1]
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (soft, hard))
    try:
        yield
    finally:
        for kind, pair in before.items():
            resource.setrlimit(kind, pair)


def cpu_seconds() -> float:
    """Return the CPU time this process has used since its start."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _mib(size: int) -> str:
    return f"{size / 1024**2:g} MiB"
