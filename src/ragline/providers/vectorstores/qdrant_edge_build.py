"""The child process that builds the index of a copied shard, so that the server goes on.

The engine holds the interpreter for as long as it builds: minutes, in which the server would
answer nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from ragline.providers.vectorstores.qdrant_edge_shard import load_shard, sync

_PR_SET_PDEATHSIG = 1


def command(folder: Path, dimensions: int, *, threads: int, niceness: int) -> list[str]:
    """Return the command that builds the index of a shard, to be run by this process."""
    arguments = (folder, dimensions, threads, niceness, os.getpid())
    return [sys.executable, "-m", __name__, *map(str, arguments)]


def main(folder: str, dimensions: str, threads: str, niceness: str, parent: str) -> None:
    """Build the index; all of it is on disk at the end."""
    _die_with(int(parent))
    os.nice(int(niceness))
    shard = load_shard(Path(folder), int(dimensions), threads=int(threads))
    shard.optimize()
    shard.flush()
    shard.close()
    _sync_all(Path(folder))


def _die_with(parent: int) -> None:
    """Be killed when the server is gone, where the system can do that."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The process that wanted this index is gone.")


def _sync_all(root: Path) -> None:
    """Have every file below a folder on disk."""
    for folder, _, names in os.walk(root):
        for name in names:
            with (Path(folder) / name).open("rb") as file:
                os.fsync(file.fileno())
        sync(Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
