"""Asking one OCR engine: here in a child, or a provider within its limits and with patience."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.compute.pool import ComputeError
from ragline.errors import (
    ProviderError,
    TemporaryProviderError,
    UnreadableFile,
)
from ragline.ingestion.subject import Subject
from ragline.jobs import service as jobs
from ragline.jobs.pump import Pump
from ragline.jobs.turnstile import LOOK_SECONDS, Pause, Turnstile
from ragline.providers import tasks
from ragline.providers.contracts import OCR, PageReading
from ragline.settings import Settings

FIRST_WAIT_SECONDS = 1.0
BACKOFF = 3.0
NOT_IN_ANSWER = "Its answer lacks this page."


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine answered for a page, or the reason why it did not."""

    reading: PageReading | None
    seconds: float
    tries: int = 1
    reason: str | None = None

    def because(self, reason: str) -> Answer:
        """Return the same answer with a reason why it is of no use."""
        return replace(self, reason=reason)


class _TooLong(Exception):
    """The provider's limits make a page wait longer than it is to wait for this one."""


class _Failed(NamedTuple):
    reason: str
    may_be_one_page: bool


class Asking:
    """Asks one engine for pages of one version, as often as the settings say."""

    def __init__(
        self,
        runtime: Runtime,
        subject: Subject,
        engine: OCR,
        turnstile: Turnstile,
        *,
        has_others: bool,
    ) -> None:
        self.engine = engine
        self._runtime = runtime
        self._subject = subject
        self._has_others = has_others
        self._turnstile = turnstile
        self._tries = runtime.settings.ocr_tries
        self._given_up = False
        self._last_reason = ""

    def lose_patience(self) -> None:
        """Ask no more where there are others, and only once for each page where there are none."""
        self._given_up = self._has_others
        self._tries = 1

    def ask(self, numbers: Sequence[int]) -> dict[int, Answer]:
        """Return an answer for each page; raises only what ends the step."""
        if self._given_up:
            reason = f"It failed for other pages and was not asked again: {self._last_reason}"
            return {number: Answer(None, 0.0, 0, reason) for number in numbers}
        self._runtime.engine.pause(0)
        began = time.monotonic()
        found, tries = self._tried(numbers)
        seconds = (time.monotonic() - began) / len(numbers)
        if isinstance(found, _Failed):
            if found.may_be_one_page and len(numbers) > 1:
                return self._one_by_one(numbers)
            self._last_reason = found.reason
            return {number: Answer(None, seconds, tries, found.reason) for number in numbers}
        answers = {
            number: Answer(reading, seconds, tries, None if reading else NOT_IN_ANSWER)
            for number, reading in zip(numbers, found, strict=True)
        }
        lacking = [number for number, answer in answers.items() if answer.reading is None]
        if lacking and len(numbers) > 1:
            answers |= self._one_by_one(lacking)
        return answers

    def _one_by_one(self, numbers: Sequence[int]) -> dict[int, Answer]:
        answers: dict[int, Answer] = {}
        for number in numbers:
            answers |= self.ask([number])
        return answers

    def _tried(self, numbers: Sequence[int]) -> tuple[Sequence[PageReading | None] | _Failed, int]:
        """Ask until there is an answer, a failure that stays, or no try left."""
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, self._tries + 1):
            try:
                return self._called(numbers), attempt
            except TemporaryProviderError as error:
                failed = _Failed(error.message, may_be_one_page=False)
                if attempt < self._tries and not error.retry_after:
                    self._turnstile.pause(wait)
                    wait *= BACKOFF
            except (ProviderError, UnreadableFile, ComputeError) as error:
                return _Failed(error.message, may_be_one_page=True), attempt
            except _TooLong:
                reason = (
                    f"The limits of {self.engine.provider} would have made the page wait for more "
                    f"than {self._runtime.settings.ocr_wait_seconds:g} s."
                )
                return _Failed(reason, may_be_one_page=False), attempt
        return failed, self._tries

    def _called(self, numbers: Sequence[int]) -> Sequence[PageReading | None]:
        settings, subject = self._runtime.settings, self._subject
        drawing = (settings.ocr_dpi, settings.ocr_max_megapixels * 1_000_000)
        run, limits = self._runtime.compute.run, _limits(settings)
        with self._runtime.blobs.local(subject.content_hash) as path:
            if self.engine.provider is None:
                arguments = (self.engine, path, subject.media_type)
                return [
                    run(
                        tasks.read_page_here,
                        *arguments,
                        number,
                        *drawing,
                        limits=limits,
                        owner=subject.owner,
                    )
                    for number in numbers
                ]
            pictures = run(
                tasks.draw_pages,
                path,
                subject.media_type,
                list(numbers),
                *drawing,
                limits=limits,
                owner=subject.owner,
            )

        def read() -> Generator[list[PageReading | None], None, None]:
            yield self.engine.read(pictures)

        turnstile = replace(self._turnstile, pause=self._patience())
        with turnstile.gate(self._runtime, self.engine.provider, False), Pump(read()) as pump:
            while not pump.has_ended:
                answered = pump.take(LOOK_SECONDS)
                if answered is not None:
                    return answered
                self._check_wanted()
        raise RuntimeError("An engine ended without an answer.")

    def _patience(self) -> Pause:
        """Return a pause that waits as long as it takes, or not too long where there are others."""
        if not self._has_others:
            return self._turnstile.pause
        deadline = time.monotonic() + self._runtime.settings.ocr_wait_seconds

        def bounded(seconds: float) -> None:
            if time.monotonic() + seconds > deadline:
                raise _TooLong
            self._turnstile.pause(seconds)

        return bounded

    def _check_wanted(self) -> None:
        """Raise `Superseded` where the job is not wanted any more: leaving ends the call."""
        with self._runtime.database.read() as session:
            jobs.open_job(session, self._subject.job_id, self._subject.workflow_id)


def _limits(settings: Settings) -> Limits:
    return Limits(
        wall_seconds=settings.ocr_wall_seconds,
        cpu_seconds=settings.ocr_cpu_seconds,
        memory_bytes=settings.ocr_memory_mb * 1024**2,
        open_files=settings.ocr_open_files,
        output_bytes=settings.ocr_output_mb * 1024**2,
        settings="RAGLINE_OCR_",
    )
