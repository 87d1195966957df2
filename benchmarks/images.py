"""How long a server takes to accept a product, and how many products a worker indexes.

The image model is a generated one of a few kilobytes, so that its own time is almost nothing:
what is measured is all the rest. Pictures are photographs of the test data, each made another
file by a few bytes behind its end. The load comes from a process of its own, and each time is
counted from the moment when a request was due (open loop).
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from tests import tiny_clip
from tests.servers import RunningServer

from benchmarks import options, processes
from benchmarks.load import Sample, Target
from benchmarks.report import Report
from ragline.client import Client

BOUNDARY = "ragline-benchmark"
PRODUCTS_OF_THE_SYSTEM_BEFORE = 3.6


def main() -> None:
    """Measure acceptance at a low rate, then how fast a backlog is worked off."""
    given = _options()
    report = Report("images", vars(given))
    photos = _photos(given.photos)
    with (
        options.data_dir(given) as data_dir,
        RunningServer(data_dir, **_settings(data_dir)) as server,
        server.client() as client,
    ):
        project = client.create_project("benchmark").id
        target = Target(server.url, f"/v1/projects/{project}/images", server.api_key)
        _sent(target, photos[:2], "warm", rate=10, connections=1)
        _wait_until_done(client, project)
        idle = _sent(target, photos * (given.requests // len(photos) + 1), "idle", given)
        _wait_until_done(client, project)
        report.table(
            f"POST of products, {given.rate:g} per second",
            [{"server": "idle", **idle.row()}],
            "Times run from when a request was due to the end of its answer.",
        )
        report.table("Products indexed", [_throughput(given, server, client, project, photos)])


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--rate", type=float, default=4, help="products per second, when idle")
    parser.add_argument("--requests", type=int, default=120, help="products sent when idle")
    parser.add_argument("--products", type=int, default=300, help="products of the backlog")
    parser.add_argument("--photos", type=int, default=50, help="different photographs")
    return options.parsed(parser, "images")


def _settings(data_dir: Path) -> dict[str, object]:
    clip = tiny_clip.write(data_dir.parent / "clip")
    return {"image_embedder": "clip", "clip_path": clip}


def _photos(most: int) -> list[bytes]:
    folder = options.test_data("images") / "clothing" / "images"
    return [path.read_bytes() for path in sorted(folder.iterdir())[:most]]


def _throughput(
    given: argparse.Namespace,
    server: RunningServer,
    client: Client,
    project: str,
    photos: Sequence[bytes],
) -> dict[str, Any]:
    """Send a backlog as fast as it is accepted, and wait until all of it is searchable."""
    target = Target(server.url, f"/v1/projects/{project}/images", server.api_key)
    used, began = processes.cpu(server.pid), time.monotonic()
    many = [photos[number % len(photos)] for number in range(given.products)]
    _sent(target, many, "backlog", rate=1e6, connections=4)
    failed = _wait_until_done(client, project)
    seconds = time.monotonic() - began
    used = processes.cpu(server.pid) - used
    per_second = given.products / seconds
    return {
        "products": given.products,
        "failed": failed,
        "per second": per_second,
        "times 3.6": per_second / PRODUCTS_OF_THE_SYSTEM_BEFORE,
        "CPU ms each, main": 1000 * used.main / given.products,
        "CPU ms each, children": 1000 * used.children / given.products,
    }


def _wait_until_done(client: Client, project: str) -> int:
    """Wait until no product's job is open; return how many failed."""
    for status in ("queued", "processing"):
        while [*client.jobs(project=project, status=status, limit=1)]:
            time.sleep(0.05)
    return len([*client.jobs(project=project, status="failed")])


def _sent(
    target: Target,
    photos: Sequence[bytes],
    name: str,
    given: argparse.Namespace | None = None,
    *,
    rate: float = 0,
    connections: int = 2,
) -> Sample:
    """Send products in a process of its own."""
    if given is not None:
        photos, rate = photos[: given.requests], given.rate
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as generator:
        return generator.submit(_load, target, list(photos), name, rate, connections).result()


def _load(
    target: Target, photos: Sequence[bytes], name: str, rate: float, connections: int
) -> Sample:
    sample, numbers = Sample(), count()
    bodies = [_body(f"{name}-{number}", photo) for number, photo in enumerate(photos)]
    start = time.perf_counter() + 0.1

    def client(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
        connection.connect()
        while (number := next(numbers)) < len(bodies):
            due = max(start, start + number / rate)
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", target.path, bodies[number], _headers(target))
            answer = connection.getresponse()
            answer.read()
            if answer.status == 202:
                sample.seconds.append(time.perf_counter() - due)
            else:
                sample.errors[f"HTTP {answer.status}"] += 1
        connection.close()

    with ThreadPoolExecutor(connections) as threads:
        list(threads.map(client, range(connections)))
    sample.wall = time.perf_counter() - start
    return sample


def _headers(target: Target) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {target.api_key}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }


def _body(name: str, photo: bytes) -> bytes:
    """Return the form of a product whose picture is a file of its own."""
    fields = {"product_id": name, "name": f"Product {name}", "description": "As seen in a photo."}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    picture = head.encode() + photo + f"#{name}".encode() + b"\r\n"
    return b"".join(parts) + picture + f"--{BOUNDARY}--\r\n".encode()


if __name__ == "__main__":
    main()
