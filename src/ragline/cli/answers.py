"""Answers as people read them: at once, or as they are written."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ragline.cli.output import plain, say
from ragline.client import Bibliography, Citation, Event
from ragline.errors import RaglineError


class NoAnswer(RaglineError):
    """A question ended without an answer."""


class Written:
    """An answer as its events told it."""

    def __init__(self) -> None:
        self.text = ""
        self.citations: list[Citation] = []


def show_sources(citations: Iterable[Citation]) -> None:
    """Print the sources of an answer, with the words it rests on."""
    listed = list(citations)
    if listed:
        say("\nSources", "bold")
    for number, citation in enumerate(listed, start=1):
        quote = " ".join(citation.quote.split())
        say(f"[{number}] {citation.title}, p. {citation.page}: “{quote}”", "dim")


def show_bibliography(written: Bibliography | None) -> None:
    """Print the works an answer rests on, and what their style could not write."""
    if written is None:
        return
    say("\nBibliography", "bold")
    for entry in written.entries:
        say(entry.entry)
    for warning in written.warnings:
        say(warning, "dim")


def write_out(events: Iterable[Event]) -> Written:
    """Print an answer as it comes, and return it.

    Raises:
        NoAnswer: its job failed or was cancelled.
    """
    written = Written()
    for event in events:
        if event.type == "answer.delta":
            written.text += event.text
            _put(event.text)
        elif event.type == "answer.restart":
            # What was printed cannot be taken back; it is told apart instead.
            _put(" …\n" if written.text else "")
            written.text = ""
        elif event.type == "answer.citations":
            written.citations = event.citations
        elif event.type in ("job.failed", "job.cancelled"):
            _put("\n" if written.text else "")
            raise NoAnswer(event.error.detail if event.error else "The question was cancelled.")
    _put("\n")
    return written


def _put(text: str) -> None:
    sys.stdout.write(plain(text))
    sys.stdout.flush()
