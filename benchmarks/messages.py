"""How soon messages are accepted, answers begin, and pieces reach many open streams.

The model is one that answers at once, in a process of its own (`benchmarks/model.py`): what is
measured is all that Ragline adds to it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import numpy as np
from tests.servers import RunningServer

from benchmarks import filling, model, options, processes
from benchmarks.report import Report

WARM_UP = 5
_SENT = re.compile(r"\d{10}\.\d{4}")
_LOCATION = re.compile(r"location: (\S+)", re.IGNORECASE)


def main() -> None:
    """Measure accepting, the first piece, and open streams; a table for each."""
    given = _options()
    report = Report("messages", vars(given))
    report.table(
        "POST of a message to a session, accepted as a job",
        [_accepted(given, pause) for pause in (0.5, 0.1)],
        "Each message goes to a session of its own; pauses are those between two messages.",
    )
    report.table(
        f"From a question to the first piece of its answer, {given.chunks} chunks",
        [_first_piece(given, pause) for pause in (0.2, 2.0)],
        "The model answers at once, so that this is the overhead. Pauses are those between the "
        "end of an answer and the next question.",
    )
    report.table(
        "From the model's piece to the reader of a stream",
        [_open_streams(given, *shape) for shape in given.shapes],
        f"Each model sends {given.pieces} pieces, one every {given.pause:g} s. Pieces are sent on "
        "at most every 0.15 s. All clocks are this machine's.",
    )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--base", type=int, default=2_000, help="chunks embedded for real")
    parser.add_argument("--pieces", type=int, default=30, help="of each answer")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two pieces")
    parser.add_argument(
        "--shapes",
        type=lambda text: tuple(map(int, text.split("x"))),
        nargs="+",
        default=[(200, 1), (20, 10)],
        metavar="ANSWERSxREADERS",
        help="answers under way at once, and streams open for each",
    )
    return options.parsed(parser, "retrieval")


@contextmanager
def _served(
    given: argparse.Namespace, *, pieces: int, pause: float, chunks: int, at_once: int = 4
) -> Iterator[tuple[RunningServer, httpx2.Client, str]]:
    """Start a server over so many chunks; give it, a client, and the project."""
    with ExitStack() as stack:
        data_dir = stack.enter_context(options.data_dir(given))
        filled = filling.fill(data_dir, chunks, min(given.base, chunks))
        settings: dict[str, object] = {
            "llm": "openai",
            "openai_base_url": stack.enter_context(model.running(pieces, pause)),
            "openai_api_key": "none",
            "cache": False,
            "chat_concurrency": at_once,
            "max_active_sessions": 2 * at_once + 100,
        }
        server = stack.enter_context(RunningServer(data_dir, **settings))
        headers = {"Authorization": f"Bearer {server.api_key}"}
        http = stack.enter_context(
            httpx2.Client(base_url=server.url, headers=headers, timeout=60, verify=False)
        )
        yield server, http, filled.project_id


def _accepted(given: argparse.Namespace, pause: float) -> dict[str, Any]:
    times = []
    with _served(given, pieces=1, pause=0, chunks=1_000) as (_, http, project):
        agent = _made(http, "/v1/agents", name="measured", projects=[project])
        sessions = [
            _made(http, "/v1/sessions", agent_id=agent) for _ in range(given.messages + WARM_UP)
        ]
        for session in sessions:
            began = time.perf_counter()
            answer = http.post(
                f"/v1/sessions/{session}/messages", json={"content": "Which result was found?"}
            )
            times.append(time.perf_counter() - began)
            answer.raise_for_status()
            time.sleep(pause)
    return {"pause s": pause, **_percentiles(times[WARM_UP:])}


def _made(http: httpx2.Client, path: str, **fields: Any) -> str:
    answer = http.post(path, json=fields)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _first_piece(given: argparse.Namespace, pause: float) -> dict[str, Any]:
    times = []
    with _served(given, pieces=1, pause=0, chunks=given.chunks) as (server, _, project):
        for number in range(given.questions + WARM_UP):
            question = f"Which result was found in study {number}?"
            times.append(asyncio.run(_until_first_piece(server, project, question)))
            time.sleep(pause)
    return {"pause s": pause, **_percentiles(times[WARM_UP:])}


async def _until_first_piece(server: RunningServer, project: str, question: str) -> float:
    began = time.time()
    stream = await Stream.open(server, "POST", _path(project), _asked(question))
    arrived = [at async for at, _ in stream.pieces()]
    return arrived[0] - began


def _open_streams(given: argparse.Namespace, answers: int, readers: int) -> dict[str, Any]:
    served = _served(given, pieces=given.pieces, pause=given.pause, chunks=1_000, at_once=answers)
    with served as (server, _, project):
        asyncio.run(_answered(server, project, 1, readers=1, spread=0))  # loads the models
        before, began = processes.cpu(server.pid), time.perf_counter()
        delays = asyncio.run(_answered(server, project, answers, readers=readers, spread=10))
        used = (processes.cpu(server.pid) - before).total / (time.perf_counter() - began)
    return {
        "answers": answers,
        "streams": answers * readers,
        "pieces read": len(delays),
        **_percentiles(delays),
        "server's cores": used,
    }


async def _answered(
    server: RunningServer, project: str, answers: int, *, readers: int, spread: float
) -> list[float]:
    """Ask questions over so many seconds, read each over several streams; return all delays."""

    async def one(number: int) -> list[float]:
        # All of them in the same moment would measure a crowd at the door instead.
        await asyncio.sleep(number * spread / answers)
        first = await Stream.open(
            server, "POST", _path(project), _asked(f"Which result was found in study {number}?")
        )
        others = [
            await Stream.open(server, "GET", f"{first.location}/events") for _ in range(readers - 1)
        ]
        delays = await asyncio.gather(*(stream.delays() for stream in (first, *others)))
        return [delay for of_stream in delays for delay in of_stream]

    found = await asyncio.gather(*(one(number) for number in range(answers)))
    return [delay for delays in found for delay in delays]


def _path(project: str) -> str:
    return f"/v1/projects/{project}/chat"


def _asked(question: str) -> dict[str, Any]:
    return {"question": question, "stream": True}


class Stream:
    """Server-sent events of an answer, read with a tenth of a client library's time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, location: str
    ) -> None:
        self.location = location
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(
        cls, server: RunningServer, method: str, path: str, body: dict[str, Any] | None = None
    ) -> Stream:
        """Send a request and read the head of its answer."""
        address = urlsplit(server.url)
        assert address.hostname == "127.0.0.1", "load goes to this machine only"
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        content = b"" if body is None else json.dumps(body).encode()
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
            f"{server.api_key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
            + content
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 200"), head
        found = _LOCATION.search(head)
        return cls(reader, writer, found[1] if found else path)

    async def pieces(self) -> AsyncIterator[tuple[float, str]]:
        """Yield each piece of the answer with the time of its arrival, in seconds since 1970."""
        event = ""
        try:
            while raw := await self._reader.readline():
                line = raw.decode().strip()
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == "answer.delta":
                    yield time.time(), json.loads(line.removeprefix("data: "))["text"]
        finally:
            self._writer.close()

    async def delays(self) -> list[float]:
        """Return the time that each of the model's pieces was under way, in seconds."""
        delays, rest = [], ""
        async for at, text in self.pieces():
            rest += text
            delays += [at - float(sent) for sent in _SENT.findall(rest)]
            rest = _SENT.sub("", rest)
        return delays


def _percentiles(seconds: Sequence[float]) -> dict[str, Any]:
    p50, p95 = 1000 * np.percentile(seconds, (50, 95))
    return {"n": len(seconds), "p50 ms": float(p50), "p95 ms": float(p95)}


if __name__ == "__main__":
    main()
