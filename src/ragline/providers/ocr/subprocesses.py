"""Programs that a compute child runs, which end when it does."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1


def run(command: Sequence[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run a program with these bytes as its input, on one thread; return what it wrote.

    The limits of this process hold for it too. It is killed with this process: whoever stops a
    compute child knows nothing of its children.
    """
    with subprocess.Popen(  # noqa: S603 # the operator's own program, without a shell
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"},
        preexec_fn=_dying_with(os.getpid()),
    ) as process:
        try:
            written, told = process.communicate(given)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, written, told)


def _dying_with(parent: int) -> Callable[[], None] | None:
    """Return what has a new process killed when this one is gone, where the system can."""
    if not sys.platform.startswith("linux"):
        return None
    system = ctypes.CDLL(None, use_errno=True)

    def tie() -> None:
        system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tie
