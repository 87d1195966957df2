"""Pages without good text of their own: the engines of `RAGLINE_OCR` read them, in turn.

What an engine answers is stored before anything uses it. An engine that keeps failing is not
asked for the other pages of a batch as long as there is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog

from ragline.bootstrap import Runtime
from ragline.failpoints import failpoint
from ragline.ingestion.asking import Answer, Asking
from ragline.ingestion.page_facts import Failure, Seen, Wanting
from ragline.ingestion.page_store import Batch
from ragline.ingestion.quality import garbage
from ragline.jobs.costs import paid_call
from ragline.jobs.turnstile import turnstile_of
from ragline.models import new_id
from ragline.providers.contracts import OCR

# An engine that failed for so many calls on end is left out for the rest of a batch.
MOST_FAILURES = 2
NO_TEXT = "It found no text on the page."
NO_ENGINE = (
    "no OCR engine is set up: install Tesseract (apt-get install tesseract-ocr) or set RAGLINE_OCR"
)

log = structlog.get_logger()


def recognise(runtime: Runtime, batch: Batch, wanting: Sequence[Wanting]) -> None:
    """Have engines read pages, list them, and list those that none could read with the reasons.

    A second run asks only for pages that are not listed, and no engine that answered before.
    """
    left = {page.number: _Page(page) for page in wanting}
    engines = runtime.ocr
    turnstile = turnstile_of(runtime, batch.subject.job_id, batch.subject.workflow_id)
    for place, engine in enumerate(engines):
        asking = Asking(
            runtime, batch.subject, engine, turnstile, has_others=place < len(engines) - 1
        )
        _Turn(runtime, batch, asking, left).run()
    _list_rest(runtime, batch, list(left.values()))


class _Page:
    """A page that is still to be read, with those who failed so far."""

    def __init__(self, wanting: Wanting) -> None:
        self.wanting = wanting
        self.number = wanting.number
        self.failed = list(wanting.failed)
        self.seconds = 0.0

    def knows(self, engine: OCR) -> bool:
        """Tell whether an engine looked at the page before and found nothing."""
        return any(each["engine"] == engine.name and each.get("answered") for each in self.failed)

    def note(self, engine: OCR, answer: Answer) -> None:
        """Add why an engine has no text for the page."""
        failure: Failure = {"engine": engine.name, "reason": answer.reason, "tries": answer.tries}
        if answer.reading is not None:
            failure["answered"] = True
        self.failed.append(failure)
        self.seconds += answer.seconds


class _Turn:
    """One engine's turn at the pages that are left; what it reads is taken out of them."""

    def __init__(
        self, runtime: Runtime, batch: Batch, asking: Asking, left: dict[int, _Page]
    ) -> None:
        self._runtime = runtime
        self._batch = batch
        self._asking = asking
        self._left = left
        self._failures = 0

    def run(self) -> None:
        """Ask for the pages, as many at a time as the engine takes."""
        engine = self._asking.engine
        numbers = [number for number, page in self._left.items() if not page.knows(engine)]
        for group in _groups(numbers, engine.pages_per_call):
            self._take_what_others_read(group)
            pages = [self._left[number] for number in group if number in self._left]
            if not pages:
                continue
            if self._failures >= MOST_FAILURES:
                self._asking.lose_patience()
            answers = self._asking.ask([page.number for page in pages])
            answered = any(answer.reading is not None for answer in answers.values())
            self._failures = 0 if answered else self._failures + 1
            self._keep(pages, answers)

    def _take_what_others_read(self, group: Sequence[int]) -> None:
        """List pages that were read meanwhile for another document of the same content."""
        with self._runtime.database.read() as session:
            read = self._batch.read_by_ocr(session, group)
        if read:
            _list(self._runtime, self._batch, read, lambda s: self._batch.list_own(s, read, ()))
        for number in read:
            del self._left[number]

    def _keep(self, pages: Sequence[_Page], answers: dict[int, Answer]) -> None:
        engine, seen = self._asking.engine, []
        for page in pages:
            answer = _judged(answers[page.number])
            if answer.reason is not None:
                page.note(engine, answer)
                log.warning(
                    "page.not_recognised",
                    document_id=self._batch.subject.document_id,
                    page=page.number,
                    engine=engine.name,
                    reason=answer.reason,
                )
            else:
                seen.append(_seen(page, engine, answer))
        paid = list(self._paid(answers))
        nothing = {page.number: page.failed for page in pages if page.knows(engine)}
        failpoint("ingest.page_answered")
        # A database that is away must not make the step begin anew: the answers are paid for.
        self._runtime.engine.patiently(_store, self._runtime, self._batch, seen, paid, nothing)
        failpoint("ingest.page_recognised")
        if seen:
            numbers = [page.number for page in seen]
            _list(self._runtime, self._batch, numbers, lambda s: self._batch.list_seen(s, seen))
            for number in numbers:
                del self._left[number]

    def _paid(self, answers: dict[int, Answer]) -> Iterator[dict[str, Any]]:
        engine, subject = self._asking.engine, self._batch.subject
        for number, answer in answers.items():
            reading = answer.reading
            if reading is None or not (reading.cost or reading.prompt_tokens):
                continue
            yield paid_call(
                new_id(),
                job_id=subject.job_id,
                purpose="ocr",
                about=self._batch.keys[number].ocr,
                provider=engine.provider or engine.name,
                model=reading.model,
                cost=reading.cost,
                prompt_tokens=reading.prompt_tokens,
                completion_tokens=reading.completion_tokens,
            )


def _store(
    runtime: Runtime,
    batch: Batch,
    seen: Sequence[Seen],
    paid: Sequence[dict[str, Any]],
    nothing: dict[int, list[Failure]],
) -> None:
    if not (seen or paid or nothing):
        return
    with runtime.database.write() as session:
        batch.keep_seen(session, seen, paid)
        batch.keep_failures(session, nothing)


def _list(
    runtime: Runtime, batch: Batch, numbers: Sequence[int] | set[int], write: Callable[[Any], None]
) -> None:
    with runtime.database.write() as session:
        batch.subject.job_in(session)
        write(session)
        batch.advance(session, numbers)


def _list_rest(runtime: Runtime, batch: Batch, pages: Sequence[_Page]) -> None:
    """List pages that no engine read: pictures without text, and those that all failed for."""
    if not pages:
        return
    with runtime.database.write() as session:
        batch.subject.job_in(session)
        for page in pages:
            asked = [each for each in page.failed if each["engine"] != batch.reader]
            if asked and all(each.get("answered") for each in asked):
                batch.list_nothing(session, page.wanting, page.failed, seconds=page.seconds)
            else:
                batch.list_unread(
                    session, page.wanting, page.failed, _unread(page), seconds=page.seconds
                )
        batch.advance(session, [page.number for page in pages])


def _unread(page: _Page) -> str:
    """Return in words why nobody read a page."""
    if not page.failed:
        return f"{page.wanting.why}, and {NO_ENGINE}"
    if len(page.failed) == 1 and page.failed[0]["reason"] == page.wanting.why:
        return page.wanting.why
    return "; ".join(f"{each['engine']}: {each['reason']}" for each in page.failed)


def _judged(answer: Answer) -> Answer:
    """Return an answer with the reason why it gives no text, where it does not."""
    reading = answer.reading
    if reading is None or answer.reason is not None:
        return answer
    reason = reading.problem
    if reason is None and not reading.text.strip():
        reason = NO_TEXT
    if reason is None and (rubbish := garbage(reading.text)):
        reason = f"What it read is no text: {rubbish}."
    return answer if reason is None else answer.because(reason)


def _seen(page: _Page, engine: OCR, answer: Answer) -> Seen:
    assert answer.reading is not None, "an answer without a reading has a reason"
    return Seen(
        number=page.number,
        text=answer.reading.text,
        engine=engine.name,
        why=page.wanting.why,
        confidence=answer.reading.confidence,
        seconds=page.seconds + answer.seconds,
        failed=tuple(page.failed),
    )


def _groups(numbers: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(numbers), size):
        yield list(numbers[start : start + size])
