"""Pages in the database: their texts under what decides them, and the ledger of who read them.

A page has at most two texts. Its own, under content, reader and number, tells whether it is good
enough. The one that an engine read is under content and number alone: whichever engine read a
page, it is never read, nor paid for, again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import insert_missing
from ragline.errors import TemporaryProviderError
from ragline.ingestion.page_facts import (
    OCR,
    Failure,
    Keys,
    ReadPage,
    Seen,
    Standing,
    Wanting,
    page_key,
    runs,
)
from ragline.ingestion.results import note_left
from ragline.ingestion.subject import Subject
from ragline.jobs import service as jobs
from ragline.jobs.costs import note_paid, paid_by_subject
from ragline.models import Page, PageText, now


class Batch:
    """The pages `first` to `last` of the version that a job builds."""

    def __init__(self, subject: Subject, reader: str, first: int, last: int) -> None:
        self.subject = subject
        self.reader = reader
        self.numbers = range(first, last + 1)
        self.keys = {
            number: Keys(page_key(subject, reader, number), page_key(subject, OCR, number))
            for number in self.numbers
        }

    def standing(self, session: Session) -> Standing:
        """Return where the pages of this batch stand."""
        texts = _texts(session, self.keys.values())
        listed = self._listed(session)
        ready, wanting, missing = [], [], []
        for number in self.numbers:
            own = texts.get(self.keys[number].own)
            if number in listed:
                continue
            if self.keys[number].ocr in texts or (own is not None and own.needs_ocr is None):
                ready.append(number)
            elif own is None:
                missing.append(number)
            else:
                wanting.append(_wanting(number, own))
        return Standing(frozenset(listed), tuple(ready), tuple(wanting), tuple(missing))

    def read_by_ocr(self, session: Session, numbers: Iterable[int]) -> set[int]:
        """Return which of these pages an engine has read by now, perhaps for somebody else."""
        by_key = {self.keys[number].ocr: number for number in numbers}
        found = session.scalars(sa.select(PageText.key).where(PageText.key.in_(by_key)))
        return {by_key[key] for key in found}

    def keep_own(self, session: Session, read: Sequence[ReadPage]) -> None:
        """Store pages' own texts."""
        insert_missing(
            session,
            PageText,
            [
                self._row(self.keys[page.number].own, page.text, needs_ocr=page.needs_ocr)
                for page in read
                if page.text is not None
            ],
        )
        wanting = [self.keys[page.number].own for page in read if page.needs_ocr]
        note_left(session, self.subject.document_id, PageText, wanting)

    def keep_seen(
        self, session: Session, seen: Sequence[Seen], paid: Iterable[dict[str, Any]]
    ) -> None:
        """Store what an engine read together with what was paid for it; twice changes nothing.

        Whether the job goes on or not plays no part: what was read is read.
        """
        note_paid(session, self.subject.job_id, paid)
        insert_missing(session, PageText, [self._seen_row(page) for page in seen])
        keys = [self.keys[page.number] for page in seen]
        _remove_unused(session, [each.own for each in keys])
        note_left(session, self.subject.document_id, PageText, [each.ocr for each in keys])

    def keep_failures(self, session: Session, failed: Mapping[int, Sequence[Failure]]) -> None:
        """Note beside pages' own texts which engines answered that there is nothing to read."""
        for number, failures in failed.items():
            own = session.get(PageText, self.keys[number].own)
            if own is not None:
                own.failed_engines = [each for each in failures if each.get("answered")]

    def list_own(self, session: Session, numbers: Iterable[int], read: Sequence[ReadPage]) -> None:
        """Write the ledger for pages whose stored text will do, whoever read it first."""
        read_now = {page.number: page for page in read}
        wanted = list(numbers)
        texts = _texts(session, [self.keys[number] for number in wanted])
        paid = paid_by_subject(session, self.subject.job_id)
        for number in wanted:
            keys, page = self.keys[number], read_now.get(number)
            seen = texts.get(keys.ocr)
            own = texts.get(keys.own)
            if seen is None and own is None:
                # Another document's deletion took it between the look and now.
                raise TemporaryProviderError(
                    "The stored text of a page is gone; it will be read again."
                )
            text = seen or own
            assert text is not None
            session.merge(
                self._page(
                    number,
                    text_key=text.key,
                    engine=text.engine or self.reader,
                    failed_engines=_shown(text.failed_engines or []),
                    characters=len(text.text.strip()),
                    confidence=text.confidence,
                    seconds=page.seconds if page else 0.0,
                    cost=paid.get(keys.ocr, 0.0),
                    needs_ocr=text.needs_ocr,
                )
            )

    def list_seen(self, session: Session, seen: Sequence[Seen]) -> None:
        """Write the ledger for pages that an engine read just now."""
        insert_missing(session, PageText, [self._seen_row(page) for page in seen])
        paid = paid_by_subject(session, self.subject.job_id)
        for page in seen:
            keys = self.keys[page.number]
            session.merge(
                self._page(
                    page.number,
                    text_key=keys.ocr,
                    engine=page.engine,
                    failed_engines=_shown(page.failed),
                    characters=len(page.text.strip()),
                    confidence=page.confidence,
                    seconds=page.seconds,
                    cost=paid.get(keys.ocr, 0.0),
                    needs_ocr=page.why,
                )
            )

    def list_nothing(
        self, session: Session, page: Wanting, failed: Sequence[Failure], *, seconds: float
    ) -> None:
        """Write the ledger for a picture on which all that were asked found no text.

        That is stored as well: nobody is asked for it again.
        """
        own = session.get(PageText, self.keys[page.number].own)
        seen = Seen(
            page.number,
            own.text if own else "",
            engine=str(failed[-1]["engine"]),
            why=page.why,
            confidence=None,
            seconds=seconds,
            failed=tuple(failed),
        )
        self.list_seen(session, [seen])

    def list_unread(
        self,
        session: Session,
        page: Wanting,
        failed: Sequence[Failure],
        unread: str,
        *,
        seconds: float = 0.0,
    ) -> None:
        """Write the ledger for a page that nobody could read; what text it has is kept."""
        keys = self.keys[page.number]
        own = session.get(PageText, keys.own)
        session.merge(
            self._page(
                page.number,
                text_key=keys.own,
                engine=self.reader,
                failed_engines=_shown(failed),
                characters=len(own.text.strip()) if own else 0,
                seconds=seconds,
                cost=paid_by_subject(session, self.subject.job_id).get(keys.ocr, 0.0),
                needs_ocr=page.why,
                unread=unread,
            )
        )

    def advance(self, session: Session, numbers: Iterable[int]) -> None:
        """Tell of pages that are in the ledger now, in runs without gaps."""
        session.flush()
        job = self.subject.job_in(session)
        done = session.scalar(sa.select(sa.func.count()).select_from(Page).where(self._mine()))
        for first, last in runs(sorted(numbers)):
            jobs.advance(
                session,
                job,
                done=done or 0,
                total=job.progress_total,
                unit="pages",
                event="page.done",
                first=first,
                last=last,
            )

    def _page(self, number: int, **values: Any) -> Page:
        return Page(
            document_id=self.subject.document_id,
            version=self.subject.version,
            number=number,
            **values,
        )

    def _seen_row(self, page: Seen) -> dict[str, Any]:
        return self._row(
            self.keys[page.number].ocr,
            page.text,
            engine=page.engine,
            needs_ocr=page.why,
            failed_engines=list(page.failed),
            confidence=page.confidence,
            seconds=page.seconds,
        )

    def _row(self, key: str, text: str | None, **values: Any) -> dict[str, Any]:
        empty = dict.fromkeys(("engine", "needs_ocr", "failed_engines", "confidence", "seconds"))
        return {"key": key, "text": text, "created_at": now(), **empty, **values}

    def _listed(self, session: Session) -> set[int]:
        listed = sa.select(Page.number).where(self._mine(), Page.number.in_(self.numbers))
        return set(session.scalars(listed))

    def _mine(self) -> sa.ColumnElement[bool]:
        subject = self.subject
        return sa.and_(Page.document_id == subject.document_id, Page.version == subject.version)


def _wanting(number: int, own: PageText) -> Wanting:
    return Wanting(number, own.needs_ocr or "", tuple(own.failed_engines or ()))


def _texts(session: Session, keys: Iterable[Keys]) -> dict[str, PageText]:
    wanted = [key for pair in keys for key in (pair.own, pair.ocr)]
    return {row.key: row for row in session.scalars(_TEXTS, {"keys": wanted})}


def _remove_unused(session: Session, keys: Sequence[str]) -> None:
    """Remove pages' own texts that are not good enough and that no ledger refers to."""
    session.execute(_REMOVE, {"keys": list(keys)})


def _shown(failed: Iterable[Failure]) -> list[Failure]:
    """Return failures as the ledger shows them."""
    return [{name: each[name] for name in each if name != "answered"} for each in failed]


_TEXTS = sa.select(PageText).where(PageText.key.in_(sa.bindparam("keys", expanding=True)))
_REMOVE = sa.delete(PageText).where(
    PageText.key.in_(sa.bindparam("keys", expanding=True)),
    ~sa.exists().where(Page.text_key == PageText.key),
)
