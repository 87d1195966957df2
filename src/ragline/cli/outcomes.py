"""What became of each file of an upload, as people and machines read it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ragline.cli.output import say
from ragline.client import Document, Job

_LOOKS = {"completed": ("✓", "green"), "failed": ("✗", "red"), "cancelled": ("✗", "red")}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A document with the latest view of its job; without one it was there already."""

    document: Document
    job: Job | None

    @property
    def status(self) -> str:
        """The job's status, else that of the document that was there."""
        return self.job.status if self.job else self.document.status

    @property
    def warnings(self) -> list[str]:
        """What its reader should know, in words."""
        return [str(warning.get("message")) for warning in (self.job.warnings if self.job else [])]

    @property
    def failed(self) -> bool:
        """Whether it will not be searchable unless someone does something."""
        return self.status in ("failed", "cancelled")

    def for_machines(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        error = self.job.error if self.job else None
        return {
            "document_id": self.document.id,
            "filename": self.document.filename,
            "job_id": self.job.id if self.job else None,
            "status": self.status,
            "known_before": self.job is None,
            "warnings": self.warnings,
            "error": error.model_dump(mode="json") if error else None,
        }

    def show(self) -> None:
        """Print the outcome with its warnings, or with the reason why it failed."""
        mark, style = _LOOKS.get(self.status, ("…", "dim"))
        if self.job is None:
            say(f"= {self.document.filename}: already there ({self.status})", "dim")
        elif self.job.error:
            say(f"{mark} {self.document.filename}: {self.job.error.detail}", style)
        else:
            say(f"{mark} {self.document.filename}: {self.status}{_pages(self.job)}", style)
        for warning in self.warnings:
            say(f"  ! {warning}", "yellow")


def summary(outcomes: list[Outcome], rejected: int) -> str:
    """Count what became of the documents."""
    counts = Counter(outcome.status for outcome in outcomes)
    parts = [f"{count} {status}" for status, count in counts.items()]
    if rejected:
        parts.append(f"{rejected} rejected")
    return ", ".join(parts) or "nothing to upload"


def _pages(job: Job) -> str:
    pages = (job.result or {}).get("pages")
    if pages is None:
        return ""
    return ", 1 page" if pages == 1 else f", {pages} pages"
