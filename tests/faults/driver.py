"""The fault proof: clients at work, faults at random, then silence, then the checks.

`python -m tests.faults.driver --kills 300 --seed 1` runs rounds on both set-ups in turn until so
many kills have landed. Finished rounds are kept in `--results`, with the commit of the code: the
same call goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.faults import faults
from tests.faults.report import Report
from tests.faults.round import play

ALL_POINTS_BY = 300
"""Kills after which each named failpoint must have been met."""


def main() -> int:
    """Play rounds until enough kills have landed; return 1 where anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="landed kills, over both set-ups")
    parser.add_argument("--per-round", type=int, default=30, help="landed kills of one round")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--setup", choices=("embedded", "scaled", "both"), default="both")
    parser.add_argument("--results", type=Path, default=Path(".faults/results.jsonl"))
    parser.add_argument("--keep", type=Path, help="folder for the data of rounds, kept")
    given = parser.parse_args()
    setups = ("embedded", "scaled") if given.setup == "both" else (given.setup,)
    done = _read(given.results)
    reports: list[Report] = []
    number = 0
    while sum(report.landed for report in reports) < given.kills:
        setup, seed = setups[number % len(setups)], given.seed + number
        number += 1
        report = done.get((setup, seed))
        if report is None:
            commit = _commit()
            report = _played(setup, seed, given)
            report.commit = commit
            given.results.parent.mkdir(parents=True, exist_ok=True)
            with given.results.open("a") as results:
                results.write(json.dumps(asdict(report)) + "\n")
        _show(report)
        reports.append(report)
    _sum_up(reports)
    never = _never_met(reports, setups)
    if never:
        print(f"NEVER MET: {', '.join(never)}")
    violations = sum(len(report.violations) for report in reports)
    print(f"violations {violations}")
    return 1 if violations or (never and given.kills >= ALL_POINTS_BY) else 0


def _never_met(reports: Sequence[Report], setups: Sequence[str]) -> list[str]:
    """Return the failpoints and faults that no round met."""
    died, landed = _total(reports, "died"), _total(reports, "landed_by_kind")
    found = [point for point in faults.failpoints() if not died[point]]
    if "scaled" in setups and not landed["run twice"]:
        found.append("run twice")
    if not sum(report.paid_calls for report in reports):
        found.append("paid calls")
    return found


def _total(reports: Sequence[Report], name: str) -> Counter[str]:
    return sum((Counter(getattr(report, name)) for report in reports), Counter())


def _commit() -> str:
    """Return the commit of the code, marked where files differ from it."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "HEAD")
    changed = "+changes" if git("status", "--porcelain", "--", "../../src", ".") else ""
    return commit + changed if commit else "unknown"


def _played(setup: str, seed: int, given: argparse.Namespace) -> Report:
    if given.keep is not None:
        folder = (given.keep / f"{setup}-{seed}").absolute()
        # What a round left that was stopped would be in the way.
        shutil.rmtree(folder, ignore_errors=True)
        return play(setup, folder, seed, given.per_round)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return play(setup, Path(folder), seed, given.per_round)


def _read(results: Path) -> dict[tuple[str, int], Report]:
    if not results.exists():
        return {}
    reports = [Report(**json.loads(line)) for line in results.read_text().splitlines()]
    return {(report.setup, report.seed): report for report in reports}


def _show(report: Report) -> None:
    print(
        f"{report.setup}, seed {report.seed}: {report.kills} kills, {report.landed} landed,"
        f" {sum(report.jobs.values())} jobs, {report.seconds:.0f} s,"
        f" {len(report.violations)} violations",
        flush=True,
    )
    phases = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in report.phases.items())
    missed = sorted(set(report.armed) - set(report.died))
    print(f"  {phases}" + (f"; not reached: {', '.join(missed)}" if missed else ""), flush=True)
    for violation in report.violations:
        print(f"  {violation}", flush=True)


def _sum_up(reports: list[Report]) -> None:
    recoveries = sorted(each for report in reports for each in report.recoveries)
    taken_up = sorted(each for report in reports for each in report.taken_up)
    died, armed = _total(reports, "died"), _total(reports, "armed")
    spent, landed = sum(r.seconds for r in reports), sum(r.landed for r in reports)
    commits = Counter(report.commit for report in reports)
    print("rounds by commit: " + ", ".join(f"{key} {n}" for key, n in commits.items()))
    kills = sum(report.kills for report in reports)
    print(f"kills {kills}, landed {landed}, {spent / max(landed, 1):.1f} s each")
    for name in ("faults", "landed_by_kind", "requests", "jobs"):
        print(
            f"{name}: "
            + ", ".join(f"{key} {n}" for key, n in sorted(_total(reports, name).items()))
        )
    points = (f"{each} {died[each]}/{armed[each]}" for each in faults.failpoints())
    print("died at points / were to: " + ", ".join(points))
    print(f"events {sum(r.events for r in reports)}, webhooks {sum(r.messages for r in reports)}")
    paid, chats = sum(r.paid_calls for r in reports), sum(r.chat_jobs for r in reports)
    print(f"paid calls {paid} for {chats} chat jobs")
    timed = {
        "back in its queue": recoveries,
        "taken up": taken_up,
    }
    for name, seconds in timed.items():
        if seconds:
            print(
                f"work of the dead {name}: {len(seconds)} times, p50"
                f" {statistics.median(seconds):.1f} s, max {seconds[-1]:.1f} s"
            )


if __name__ == "__main__":
    sys.exit(main())
