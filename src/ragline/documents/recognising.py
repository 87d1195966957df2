"""Which document of a project an upload means: by its external id, else by its content."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.documents.storing import StoredUpload
from ragline.documents.views import Standing, being_cancelled, standings
from ragline.models import Document, DocumentVersion

READ_AGAIN = (None, "failed", "cancelled")
"""What became of the latest job of a document that another upload has ingested again."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a version of a document holds; another filename alone makes no other version."""

    content_hash: str
    media_type: str
    title: str
    metadata: Mapping[str, Any]
    filename: str = field(compare=False)
    size_bytes: int = field(compare=False)

    def is_like(self, other: Description) -> bool:
        """Tell whether nothing would change; of metadata `true` is not 1, but 1.0 is."""
        return self == other and _plain(self.metadata) == _plain(other.metadata)

    @classmethod
    def first(cls, item: StoredUpload) -> Description:
        """Return what an upload makes of a document that is not there yet."""
        upload = item.upload
        title = upload.title or title_from(upload.filename)
        return cls._of(item, title, upload.metadata or {})

    def then(self, item: StoredUpload) -> Description:
        """Return what an upload makes of a document that is like this; what it leaves out stays."""
        upload, title = item.upload, item.upload.title
        if title is None:
            was_derived = self.title == title_from(self.filename)
            title = title_from(upload.filename) if was_derived else self.title
        metadata = self.metadata if upload.metadata is None else upload.metadata
        return self._of(item, title, metadata)

    @classmethod
    def _of(cls, item: StoredUpload, title: str, metadata: Mapping[str, Any]) -> Description:
        return cls(
            content_hash=item.blob.content_hash,
            media_type=item.media_type,
            title=title,
            metadata=dict(metadata),
            filename=item.upload.filename,
            size_bytes=item.blob.size,
        )


@dataclass(slots=True)
class Known:
    """A document as the next upload meets it."""

    document: Document
    standing: Standing

    @property
    def is_read_again(self) -> bool:
        """Whether its latest job came to nothing."""
        return self.standing.status in READ_AGAIN

    @property
    def description(self) -> Description:
        """What its latest job makes of it."""
        row = self.standing.newer or self.document
        return Description(
            content_hash=self.content_hash,
            media_type=row.media_type,
            title=row.title,
            metadata=row.metadata_,
            filename=row.filename,
            size_bytes=row.size_bytes,
        )

    @property
    def content_hash(self) -> str:
        """The content that its latest job gives it."""
        newer = self.standing.newer
        return newer.content_hash if newer else self.document.stored_hash


class Library:
    """The documents that some uploads to a project may mean, locked until the block ends.

    A retry of a document's job and another upload of it cannot cross.
    """

    def __init__(
        self,
        session: Session,
        project_id: str,
        *,
        hashes: Collection[str] = (),
        external_ids: Collection[str] = (),
        document_ids: Collection[str] = (),
    ) -> None:
        values = {
            "project_id": project_id,
            "hashes": list(hashes),
            "external_ids": list(external_ids),
            "document_ids": list(document_ids),
        }
        documents = session.scalars(_LOCKED, values).all()
        standing = standings(session, documents)
        # What is sent again while it is taken back is wanted again, in a version of its own.
        for document_id in being_cancelled(session, documents):
            standing[document_id].status = "cancelled"
        found = (Known(document, standing[document.id]) for document in documents)
        self._all = sorted(found, key=lambda known: (known.document.created_at, known.document.id))
        self._rows = {known.document.content_hash for known in self._all}
        self._sort()

    def named(self, external_id: str | None) -> Known | None:
        """Return the document of an external id; the newest, where an old release kept several."""
        return self._named.get(external_id) if external_id else None

    def holding(self, content_hash: str) -> Known | None:
        """Return the document that has a content for good: one about to lose it has not."""
        return self._holding.get(content_hash)

    def has_row(self, content_hash: str) -> bool:
        """Tell whether the row of a document has this content, be it about to lose it."""
        return content_hash in self._rows

    def by_id(self, document_id: str) -> Known:
        """Return a document that was asked for by its id."""
        return next(known for known in self._all if known.document.id == document_id)

    def add(self, known: Known) -> None:
        """Take in a new document."""
        self._all.append(known)
        self._rows.add(known.document.content_hash)
        self._holding.setdefault(known.content_hash, known)
        if known.document.external_id:
            self._named[known.document.external_id] = known

    def changed(self) -> None:
        """Look again at which document has which content and external id."""
        self._rows = {known.document.content_hash for known in self._all}
        self._sort()

    def _sort(self) -> None:
        self._named = {each.document.external_id: each for each in self._all}
        self._holding = _firsts((each.content_hash, each) for each in self._all)
        for each in self._all:
            if each.is_read_again:  # the newer version came to nothing, so the older one stays
                self._holding.setdefault(each.document.stored_hash, each)


def title_from(filename: str) -> str:
    """Return the title of a file that was given none."""
    stem = filename.rpartition(".")[0] or filename
    return stem.replace("_", " ").strip() or filename


def _firsts(pairs: Iterable[tuple[str, Known]]) -> dict[str, Known]:
    first: dict[str, Known] = {}
    for content_hash, known in pairs:
        first.setdefault(content_hash, known)
    return first


def _plain(metadata: Mapping[str, Any]) -> str:
    return json.dumps({key: _number(value) for key, value in metadata.items()}, sort_keys=True)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Ids by one index each: with the conditions in one, SQLite goes through the whole project.
_in_project = Document.project_id == sa.bindparam("project_id")
_hashes: sa.BindParameter[str] = sa.bindparam("hashes", expanding=True)
_MEANT = sa.union(
    sa.select(Document.id).where(_in_project, Document.content_hash.in_(_hashes)),
    sa.select(Document.id).where(_in_project, Document.file_hash.in_(_hashes)),
    sa.select(Document.id).where(
        _in_project, Document.external_id.in_(sa.bindparam("external_ids", expanding=True))
    ),
    sa.select(Document.id).where(
        _in_project, Document.id.in_(sa.bindparam("document_ids", expanding=True))
    ),
    sa.select(Document.id)
    .join(DocumentVersion, DocumentVersion.document_id == Document.id)
    .where(_in_project, DocumentVersion.content_hash.in_(_hashes)),
)
_LOCKED = (
    sa.select(Document)
    .where(Document.id.in_(_MEANT))
    .order_by(Document.id)
    .with_for_update(key_share=True)
)
