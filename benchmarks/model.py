"""A model that answers at once or piece by piece, in a process of its own.

It speaks OpenAI's streamed chat completions. Each piece tells when it was sent, in seconds
since 1970, so that its reader knows how long it was under way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


@contextmanager
def running(pieces: int, pause: float) -> Iterator[str]:
    """Start such a model; give its base URL."""
    command = [sys.executable, "-m", "benchmarks.model", str(pieces), str(pause)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


def main() -> None:
    """Serve until terminated; the first line written is the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pieces", type=int)
    parser.add_argument("pause", type=float)
    given = parser.parse_args()
    asyncio.run(_serve(given.pieces, given.pause))


async def _serve(pieces: int, pause: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                await reader.readexactly(int(length[1]) if length else 0)
                await _stream(writer, pieces, pause)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _stream(writer: asyncio.StreamWriter, pieces: int, pause: float) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for _ in range(pieces):
        _send(writer, {"content": f"{time.time():.4f} "})
        await writer.drain()
        await asyncio.sleep(pause)
    _send(writer, {"content": "."}, "stop")
    _chunk(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _send(
    writer: asyncio.StreamWriter, delta: dict[str, str], finish_reason: str | None = None
) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "timed"}
    _chunk(writer, f"data: {json.dumps(head | {'choices': [choice]})}\n\n".encode())


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


if __name__ == "__main__":
    main()
