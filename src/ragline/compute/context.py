"""How children are started: forked from a small server process that was started afresh.

Forking the parent itself is unsafe, for it has threads, and would hand its sockets and
database files to the children; the fork server inherits neither.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.util import get_temp_dir
from threading import Lock
from types import ModuleType

_main_lock = Lock()


class ChildProcess(ForkServerProcess):
    """A process that does not import its parent's main module again.

    Under a console script that module is the whole program, and nothing a child runs is
    defined in it.
    """

    def start(self) -> None:
        """Start the process while an empty module stands in for the main one."""
        with _main_lock:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                super().start()
            finally:
                sys.modules["__main__"] = main


class ChildContext(ForkServerContext):
    """The `multiprocessing` context of `ChildProcess`."""

    Process = ChildProcess


def child_context(preload: Sequence[str]) -> ChildContext:
    """Return a context whose children find these modules imported already."""
    # The fork server's socket lives in this folder, and a socket's path may have 107 bytes at
    # most; made now, it does not follow a later choice of a longer folder for other files.
    get_temp_dir()
    context = ChildContext()
    context.set_forkserver_preload(["ragline.compute.preload", "ragline.compute.child", *preload])
    return context
