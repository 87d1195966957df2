"""The child process of the `local` adapter: llama.cpp as a server for its parent alone."""

from __future__ import annotations

import json
import os
import resource
import select
import sys
from typing import TypedDict

import xllamacpp

LISTENING = "LISTENING "
LOOK_SECONDS = 1.0
MIB = 1024**2


class Order(TypedDict):
    """What the parent wants, as one line of JSON: neither the key nor a path is an argument."""

    path: str
    alias: str
    key: str
    context: int
    parallel: int
    threads: int
    memory_mb: int


def main() -> None:
    """Serve on 127.0.0.1 until the parent has gone away."""
    parent = os.getppid()
    order: Order = json.loads(sys.stdin.readline())
    # What is mapped from the file can be dropped at any time and does not count here.
    _limit(resource.RLIMIT_DATA, order["memory_mb"] * MIB)
    _limit(resource.RLIMIT_CORE, 0)
    server = xllamacpp.Server(_parameters(order))
    try:
        print(f"{LISTENING}{server.listening_address}", flush=True)
    except BrokenPipeError:
        # The parent went away meanwhile; an ordinary end would wait for the server's threads.
        os._exit(0)
    while os.getppid() == parent:
        if select.select([sys.stdin], [], [], LOOK_SECONDS)[0] and not os.read(0, 1):
            break
    # Native threads may be computing: nothing waits for them.
    os._exit(0)


def _parameters(order: Order) -> xllamacpp.CommonParams:
    given = xllamacpp.CommonParams()
    given.model.path = order["path"]
    given.model_alias = {order["alias"]}
    given.hostnames, given.port = ["127.0.0.1"], 0
    given.api_keys = [order["key"]]
    given.n_ctx = order["context"] * order["parallel"]
    given.n_parallel = order["parallel"]
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = order["threads"]
    # Waiting threads sleep: on a busy machine they would take the time of those that compute.
    given.cpuparams.poll = given.cpuparams_batch.poll = 0
    given.cache_ram_mib = 0
    given.ui = given.endpoint_slots = given.warmup = False
    given.verbosity = 0
    return given


def _limit(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))


if __name__ == "__main__":
    main()
