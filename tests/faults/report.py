"""What a round was, did and found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """What a round was, did and found."""

    setup: str
    seed: int
    kills: int = 0
    landed: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    landed_by_kind: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    events: int = 0
    messages: int = 0
    paid_calls: int = 0
    chat_jobs: int = 0
    recoveries: list[float] = field(default_factory=list)
    taken_up: list[float] = field(default_factory=list)
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds of the round by what they were spent on."""
    armed: dict[str, int] = field(default_factory=dict)
    died: dict[str, int] = field(default_factory=dict)
    """Failpoints with how often a process was to die there, and did."""
    commit: str = "unknown"
    violations: list[str] = field(default_factory=list)
