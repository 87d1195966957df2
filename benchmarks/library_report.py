"""What becomes of every file of the test data: each is imported through the public interface.

The report names each file with its documents, pages and passages, its warnings and failures. A
file that no format covers is refused, and said to be. Run it again where formats have changed:
`python -m benchmarks.library_report --output docs/ingestion-report.md`.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.servers import RunningServer

from benchmarks import machine, options
from benchmarks.report import markdown

ENDED = ("completed", "failed", "cancelled")
AT_ONCE = 40
"""Imports that wait or run at a time."""
LONGEST_SECONDS = 4 * 3600
LONGEST_REASON = 160
LONGEST_NAME = 200
PAGE = 200


@dataclass
class Outcome:
    """What became of a file; `status` is `refused` where no job was made of it."""

    name: str
    status: str
    documents: int = 0
    pages: int = 0
    chunks: int = 0
    failed: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The part of the test data that it belongs to."""
        return "/".join(self.name.split("/")[:2]) if self.name.count("/") > 1 else self.name


def main() -> None:
    """Import all files, or a sample of them, and write the report."""
    given = _options()
    root = options.test_data(".")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if given.sample:
        files = sorted(random.Random(20261122).sample(files, given.sample))
    began = time.monotonic()
    with options.data_dir(given) as folder, RunningServer(folder) as server:
        headers = {"Authorization": f"Bearer {server.api_key}"}
        with httpx2.Client(base_url=server.url, headers=headers, timeout=300) as http:
            outcomes = list(_imported(http, root, files))
    text = _report(outcomes, time.monotonic() - began)
    if given.output is None:
        print(text)
    else:
        given.output.write_text(text + "\n", encoding="utf-8")
        print(f"{len(outcomes)} files: {given.output}")


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="import so many files, by chance")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report here")
    return options.parsed(parser)


def _imported(http: httpx2.Client, root: Path, files: Sequence[Path]) -> Iterator[Outcome]:
    """Import files, some at a time, each into a project of its own: none is another's duplicate."""
    for start in range(0, len(files), AT_ONCE):
        begun: list[tuple[Outcome, str | None]] = []
        for path in files[start : start + AT_ONCE]:
            name = path.relative_to(root).as_posix()
            made = http.post("/v1/projects", json={"name": name[-LONGEST_NAME:]})
            project = str(made.raise_for_status().json()["id"])
            begun.append(_begin(http, project, path, name))
        for outcome, job_id in begun:
            yield _ended(http, outcome, job_id) if job_id else outcome


def _begin(http: httpx2.Client, project: str, path: Path, name: str) -> tuple[Outcome, str | None]:
    """Send a file; return what became of it if nothing will, else the job that it became."""
    with path.open("rb") as file:
        answer = http.post(
            f"/v1/projects/{project}/imports",
            files=[("file", (path.name, file))],
        )
    if answer.status_code != 202:
        problem = answer.json()
        reason = f"{answer.status_code} {problem['type'].rpartition('/')[2]}: {problem['detail']}"
        return Outcome(name, "refused", reasons=[reason]), None
    return Outcome(name, "open"), str(answer.json()["job"]["id"])


def _ended(http: httpx2.Client, outcome: Outcome, job_id: str) -> Outcome:
    """Wait for an import and add up what its documents came to."""
    job = _job(http, job_id)
    outcome.status = job["status"]
    for each in (job, *_children(http, job_id)):
        outcome.warnings.update(warning["code"] for warning in each["warnings"])
        if each["error"]:
            outcome.reasons.append(each["error"]["detail"])
        if each["id"] == job_id:
            continue
        result = each["result"] or {}
        outcome.documents += 1
        outcome.failed += each["status"] != "completed"
        outcome.pages += result.get("pages", 0)
        outcome.chunks += result.get("chunks", 0)
    return outcome


def _job(http: httpx2.Client, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        job = dict(http.get(f"/v1/jobs/{job_id}", params={"wait": 30}).json())
        if job["status"] in ENDED:
            return job
    raise TimeoutError(f"The import {job_id} did not end in {LONGEST_SECONDS} s.")


def _children(http: httpx2.Client, job_id: str) -> Iterator[dict[str, Any]]:
    params: dict[str, str | int] = {"parent": job_id, "limit": PAGE}
    while True:
        page = http.get("/v1/jobs", params=params).json()
        yield from page["jobs"]
        if not page["has_more"]:
            return
        params["after"] = page["jobs"][-1]["id"]


def _report(outcomes: Sequence[Outcome], seconds: float) -> str:
    """Return the report as Markdown."""
    total = Counter(outcome.status for outcome in outcomes)
    told = ", ".join(f"{count} {status}" for status, count in sorted(total.items()))
    shown = [f"- {key}: {value}" for key, value in machine.description().items()]
    folders = dict.fromkeys(outcome.folder for outcome in outcomes)
    rows = [_summed([each for each in outcomes if each.folder == name]) for name in folders]
    return "\n".join(
        [
            "# What became of every file of the test data",
            "",
            "Made by `python -m benchmarks.library_report`; do not edit. Each file was imported "
            "alone, with the default settings. A document is what a file, a row of a table or a "
            "work of a reference library became; a refused file is of no format that is read.",
            "",
            f"{len(outcomes)} files in {seconds:.0f} s: {told}.",
            "",
            *shown,
            "",
            "## By folder",
            "",
            markdown(rows, aligned=False),
            "",
            "## By file",
            "",
            markdown([_row(outcome) for outcome in outcomes], aligned=False),
        ]
    )


def _summed(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    warnings: Counter[str] = Counter()
    for outcome in outcomes:
        warnings += outcome.warnings
    status = Counter(outcome.status for outcome in outcomes)
    return {
        "folder": outcomes[0].folder,
        "files": len(outcomes),
        "completed": status["completed"],
        "failed": status["failed"],
        "refused": status["refused"],
        "documents": sum(outcome.documents for outcome in outcomes),
        "pages": sum(outcome.pages for outcome in outcomes),
        "passages": sum(outcome.chunks for outcome in outcomes),
        "warnings": _listed(warnings),
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    reasons = [" ".join(each.split())[:LONGEST_REASON] for each in dict.fromkeys(outcome.reasons)]
    return {
        "file": outcome.name.replace("|", "\\|"),
        "status": outcome.status,
        "documents": outcome.documents,
        "failed": outcome.failed,
        "pages": outcome.pages,
        "passages": outcome.chunks,
        "warnings": _listed(outcome.warnings),
        "reasons": "; ".join(reasons[:3]).replace("|", "\\|"),
    }


def _listed(warnings: Counter[str]) -> str:
    return ", ".join(f"{count} {code}" for code, count in sorted(warnings.items()))


if __name__ == "__main__":
    main()
