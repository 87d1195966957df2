"""Faults happen where and when a test asks for them, and nowhere else."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ragline import failpoints
from ragline.errors import ConfigurationError
from ragline.failpoints import InjectedFault, failpoint


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """Leave no fault behind."""
    yield
    failpoints.arm(None, production=False)


def passes(rules: str, *points: str) -> list[str]:
    """Return the points that are passed before one fails."""
    failpoints.arm(rules, production=False)
    passed = []
    try:
        for point in points:
            failpoint(point)
            passed.append(point)
    except InjectedFault:
        return passed
    return [*passed, "all"]


@pytest.mark.parametrize("rules", [None, ""])
def test_without_rules(rules: str | None) -> None:
    """Without a rule nothing happens."""
    failpoints.arm(rules, production=True)

    failpoint("a")


@pytest.mark.parametrize(
    ("rules", "passed"),
    [
        ("a=error", []),
        ("b=error", ["a", "all"]),
        ("a=error:2", ["a", "a"]),
        ("x=error; a=error:1", ["a"]),
        ("*=error:1", ["a"]),
        ("a=error%0", ["a", "a", "a", "all"]),
        ("a=error%100", []),
        ("*=error%0;a=error", []),
        ("a=sleep:0.001", ["a", "a", "a", "all"]),
    ],
)
def test_error(rules: str, passed: list[str]) -> None:
    """A point fails once it was passed as often as its rule says."""
    points = ["a"] if rules == "b=error" else ["a", "a", "a"]

    assert passed == passes(rules, *points)


def test_points_are_counted_alone() -> None:
    """The rule for every point counts each of them for itself."""

    assert ["a", "b"] == passes("*=error:1", "a", "b", "b")


def test_arming_again() -> None:
    """New rules take the place of the old ones, and of what was counted."""
    assert ["a"] == passes("a=error:1", "a", "a")
    assert ["a"] == passes("a=error:1", "a", "a")
    assert ["a", "all"] == passes("b=error", "a")


@pytest.mark.parametrize(
    "rules",
    ["a", "a=", "a=explode", "=kill", "a=kill:x", "a=sleep:1.2.3", "a=kill:.", "a=kill%", "A=kill"],
)
def test_unreadable(rules: str) -> None:
    """Rules that cannot be read stop the start, and are named."""
    with pytest.raises(ConfigurationError, match="RAGLINE_FAILPOINTS"):
        failpoints.arm(rules, production=False)


def test_production() -> None:
    """Production refuses all rules."""
    with pytest.raises(ConfigurationError, match="RAGLINE_PRODUCTION"):
        failpoints.arm("a=kill", production=True)


SCRIPT = """
from ragline import failpoints
failpoints.arm("a=kill:1", production=False)
failpoints.failpoint("a")
print("passed", flush=True)
failpoints.failpoint("a")
print("survived", flush=True)
"""


def test_kill() -> None:
    """A process is killed at its point, without a last word."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)

    assert (-signal.SIGKILL, "passed\n") == (done.returncode, done.stdout)


def test_holding() -> None:
    """Whoever is held at a point goes on once other rules are set."""
    failpoints.arm("here=hold", production=False)
    with ThreadPoolExecutor() as threads:
        held = threads.submit(failpoint, "here")
        was_held = not held.done()
        failpoints.arm(None, production=False)

        assert (True, None) == (was_held, held.result(timeout=30))
