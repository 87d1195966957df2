"""Points at which tests make a process die, stop or fail; without a setting they do nothing.

`RAGLINE_FAILPOINTS` is a list such as `ingest.indexed=kill;jobs.begun=stop:3`: a point's name,
what happens there (`kill`, `stop`, `error`, `sleep`, `hold`), and after a colon a number: for
`kill`, `stop` and `error` how often the point is passed first, for `sleep` the seconds. `hold`
lasts until other rules are set. `*` names every point; `kill%20` acts with a probability of 20 %.
"""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass

from ragline.errors import ConfigurationError

_RULE = re.compile(
    r"(?P<point>[a-z_.*]+)=(?P<action>kill|stop|error|sleep|hold)(%(?P<percent>\d+))?(:(?P<number>\d+(\.\d+)?))?"
)
_ENTRY = "RAGLINE_FAILPOINTS"


class InjectedFault(Exception):
    """What the action `error` raises."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens at a point, with which probability, and the number after the colon."""

    action: str
    probability: float
    number: float


_rules: dict[str, Rule] = {}
_passed: Counter[str] = Counter()


def arm(text: str | None, *, production: bool) -> None:
    """Set what happens at which point in this process.

    Raises:
        ConfigurationError: the text cannot be read, or this is production.
    """
    _rules.clear()
    _passed.clear()
    if not text:
        return
    if production:
        raise ConfigurationError(
            f"{_ENTRY} injects faults and RAGLINE_PRODUCTION refuses that: unset one of them."
        )
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise ConfigurationError(
                f"{_ENTRY} cannot be read at {part!r}: write point=action, for instance "
                "ingest.indexed=kill, with kill, stop, error, sleep or hold."
            )
        _rules[match["point"]] = Rule(
            match["action"],
            float(match["percent"] or 100) / 100,
            float(match["number"] or 0),
        )


def failpoint(name: str) -> None:
    """Die, stop or fail here if a test asked for it."""
    if not _rules:
        return
    rule = _rules.get(name) or _rules.get("*")
    if rule is None or random.random() >= rule.probability:  # noqa: S311 # not a secret
        return
    if rule.action == "sleep":
        _say(name, rule)
        time.sleep(rule.number)
        return
    if rule.action == "hold":
        while rule is (_rules.get(name) or _rules.get("*")):
            time.sleep(0.01)
        return
    _passed[name] += 1
    if _passed[name] <= rule.number:
        return
    if rule.action == "error":
        raise InjectedFault(name)
    _say(name, rule)
    os.kill(os.getpid(), signal.SIGKILL if rule.action == "kill" else signal.SIGSTOP)


def _say(name: str, rule: Rule) -> None:
    """Tell whoever looks on where this process is; past all buffers, since it may be the end."""
    os.write(2, f"failpoint {name}={rule.action}\n".encode())
