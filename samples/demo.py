"""`make demo`: from an empty folder to cited answers, with the commands a user would type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "samples" / "library"
DATA_DIR = ROOT / ".demo"
RAGLINE = Path(sys.executable).with_name("ragline")
START_SECONDS = 60


def main() -> int:
    """Start a server, ingest the sample library, ask questions, and tell how to go on."""
    environment = {**os.environ, "RAGLINE_DATA_DIR": str(DATA_DIR)}
    # A key or a server of the user's own would be used instead of the demo's.
    for name in ("RAGLINE_API_KEY", "RAGLINE_URL", "RAGLINE_DATABASE_URL"):
        environment.pop(name, None)
    say("Starting the embedded server (SQLite, durable engine, offline embedder)")
    with server(environment) as url:
        environment["RAGLINE_URL"] = url
        say(f"Ingesting {LIBRARY.relative_to(ROOT)}/: English and French, one page only a scan")
        run(environment, "ingest", str(LIBRARY), "--project", "samples", "--wait")
        questions = json.loads((ROOT / "samples" / "questions.json").read_text())
        for question in [q for q in questions if q["expects"]][:3]:
            say(question["question"])
            run(environment, "ask", "samples", question["question"])
    how_to_go_on()
    return 0


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n── {text}", flush=True)


def run(environment: dict[str, str], *arguments: str) -> None:
    """Run one `ragline` command as a user would, or end the demo with its exit code."""
    done = subprocess.run([RAGLINE, *arguments], env=environment, check=False)  # noqa: S603 # ours
    if done.returncode != 0:
        sys.exit(done.returncode)


@contextmanager
def server(environment: dict[str, str]) -> Iterator[str]:
    """Serve on a free port while the block runs; give the URL."""
    DATA_DIR.mkdir(exist_ok=True)
    log_path = DATA_DIR / "server.log"
    with log_path.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 # our own command
            [RAGLINE, "serve", "--port", "0"], env=environment, stdout=log, stderr=log
        )
    try:
        yield ready_url(process, log_path)
    finally:
        process.terminate()
        process.wait()


def ready_url(process: subprocess.Popen[bytes], log_path: Path) -> str:
    """Wait until the server says where it is ready."""
    deadline = time.monotonic() + START_SECONDS
    marker = "Ragline is ready at "
    while time.monotonic() < deadline and process.poll() is None:
        for line in log_path.read_text().splitlines():
            if line.startswith(marker):
                return line.removeprefix(marker).strip()
        time.sleep(0.05)
    sys.exit(f"The server did not start:\n{log_path.read_text()}")


def how_to_go_on() -> None:
    """Say what to type next."""
    folder = DATA_DIR.relative_to(ROOT)
    print(
        f"""
── That was all of it. To go on:

   export RAGLINE_DATA_DIR={folder}       # the demo's data; leave it out for ~/.ragline
   .venv/bin/ragline serve              # then open http://127.0.0.1:8080/docs
   .venv/bin/ragline ingest ~/Documents --project mine --wait
   .venv/bin/ragline ask mine "What does it say about ...?"
"""
    )


if __name__ == "__main__":
    sys.exit(main())
