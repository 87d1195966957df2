"""Log lines, as the one place that configures them lets them out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, os, signal, structlog
from ragline.cli import logs
logs.configure({level!r})
log = structlog.get_logger()
log.info("document.indexed", document_id="d1")
logging.getLogger("library").warning("from %s", "elsewhere")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("job.broken")
os.kill(os.getpid(), signal.SIGKILL)
"""


def logged(level: str) -> list[dict[str, str]]:
    """Return what a program logged that was killed right after it."""
    command = [sys.executable, "-c", PROGRAM.format(level=level)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "" == done.stdout
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.fixture(scope="module")
def lines() -> list[dict[str, str]]:
    """All lines of the program, from the level info on."""
    return logged("info")


def test_no_line_is_lost_when_the_process_is_killed(lines: list[dict[str, str]]) -> None:
    """Each line is out before the next thing happens."""
    assert ["document.indexed", "from elsewhere", "job.broken"] == [one["event"] for one in lines]


def test_fields_stand_beside_the_event(lines: list[dict[str, str]]) -> None:
    """A line carries its fields, its level and the module it came from."""
    found = {name: lines[0][name] for name in ("document_id", "level", "logger")}

    assert {"document_id": "d1", "level": "info", "logger": "__main__"} == found


def test_a_trace_is_one_field_of_its_line(lines: list[dict[str, str]]) -> None:
    """An error's trace does not break the line apart."""
    assert "ZeroDivisionError" in lines[2]["exception"]


def test_lines_below_the_level_are_left_out() -> None:
    """The level in the settings holds for our events and for the libraries' lines."""
    assert ["job.broken"] == [one["event"] for one in logged("error")]
