"""Reference libraries: works with their files, or with what is known of them instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ragline.imports.fitting import clean, fitting, fitting_title
from ragline.imports.pool import Planned, PoolFile, name_of
from ragline.imports.sources import ItemWarning, short_identity
from ragline.references.matching import Files
from ragline.references.reading import Format, read_references
from ragline.references.records import Attachment, Reference

STAND_IN = "reference.txt"
"""The file name of a text that stands in for a work's file."""
_READ = ("document", "table")


class Shelf:
    """The files that works may have, by their paths as an export in each folder names them."""

    def __init__(self, pool: Sequence[PoolFile]) -> None:
        self._pool = [file for file in pool if file.kind.name != "references"]
        self._near: dict[str, _Nearby] = {}

    def near(self, export: str) -> _Nearby:
        """Return the files by their paths from an export's own folder on."""
        folder = PurePosixPath(export).parent.as_posix()
        if folder not in self._near:
            here = "" if folder == "." else f"{folder}/"
            self._near[folder] = _Nearby(here, self._pool)
        return self._near[folder]


class _Nearby:
    def __init__(self, here: str, pool: Sequence[PoolFile]) -> None:
        self._by_name = {file.path.removeprefix(here): file for file in pool}
        self._files = Files(self._by_name)

    def assign(self, attachments: Sequence[Attachment]) -> list[PoolFile | None]:
        """Return the file of each attachment."""
        found = self._files.assign(attachments)
        return [self._by_name[each.path] if each else None for each in found]

    def why(self, attachment: Attachment) -> str:
        """Return a sentence on why an attachment has no file."""
        return self._files.why(attachment)


def works(
    content: bytes, format: Format, export: str, shelf: Shelf, claimed: set[str]
) -> Iterator[Planned | ItemWarning]:
    """Go through the works of an export, each with those files of the shelf that are its own.

    The paths of these are added to `claimed`. Raises `UnreadableFile` where the content is no
    library.
    """
    library = read_references(content, format)
    for warning in library.warnings:
        yield ItemWarning(warning.code, warning.message, export)
    files = shelf.near(export)
    asked = [one for each in library.references for one in _with_files(each)]
    # By identity: two works may name the same file in the same words.
    found = dict(zip(map(id, asked), files.assign(asked), strict=True))
    for reference in library.references:
        yield from _work(reference, files, found, claimed)


def _work(
    reference: Reference,
    files: _Nearby,
    found: dict[int, PoolFile | None],
    claimed: set[str],
) -> Iterator[Planned | ItemWarning]:
    """Give a work's files as documents, the first under the work's own identity."""
    title, named = fitting_title(reference.title), reference.title or reference.identity
    metadata, cut = fitting(reference.metadata())
    if cut:
        yield ItemWarning("metadata-cut", f"Cut or left out: {', '.join(cut)}.", named)
    own: list[PoolFile] = []
    for attachment in _with_files(reference):
        file = found[id(attachment)]
        if file is None:
            yield ItemWarning("missing-file", files.why(attachment), named)
            continue
        claimed.add(file.path)
        if file.kind.name not in _READ or not file.size:
            yield ItemWarning("unreadable-type", f"Nothing here reads {file.path}.", named)
        elif file not in own:
            own.append(file)
    if not own:
        yield _stand_in(reference, title, metadata)
    for number, file in enumerate(own):
        identity = reference.identity if number == 0 else f"{reference.identity}/{file.path}"
        yield Planned(
            short_identity(identity), name_of(file.path), file.where, file.size, title, metadata
        )


def _with_files(reference: Reference) -> list[Attachment]:
    """Return the attachments that are files, not mere links."""
    return [each for each in reference.attachments if each.path]


def _stand_in(
    reference: Reference, title: str | None, metadata: dict[str, object]
) -> Planned | ItemWarning:
    """Give what is known of a work without a file as a text of its own, if that is anything."""
    said = [text.strip() for text in (reference.abstract or "", *reference.notes)]
    said = [clean(text) for text in said if text]
    if not said:
        return ItemWarning(
            "nothing-to-read",
            "It has neither a file at hand nor an abstract or notes; it was left out.",
            reference.title or reference.identity,
        )
    text = "\n\n".join([title, *said] if title else said)
    return Planned(
        short_identity(reference.identity),
        STAND_IN,
        {"text": text},
        len(text),
        title,
        metadata,
        media_type="text/plain",
        stands_in=True,
    )
