"""What can differ between rows, files and vectors, and how it is told; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "missing-vectors",
    "stray-vectors",
    "wrong-version",
    "missing-embeddings",
    "wrong-dimensions",
    "index-unusable",
    "missing-file",
    "stray-file",
    "stray-rows",
    "product-missing-vectors",
    "product-stray-vectors",
    "product-missing-file",
    "product-stray-embeddings",
    "index-too-large",
    "better-model-missing",
    "setting",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be; `message` says what, and what a repair does.

    `repairable` tells whether a repair does anything about it. `index` is the id of a vector
    index, None for the deployment's default one. `count` is how many vectors, rows or files.
    """

    kind: Kind
    message: str
    repairable: bool = True
    project_id: str | None = None
    document_id: str | None = None
    index: str | None = None
    version: int | None = None
    file: str | None = None
    count: int = 1

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the same difference the next time it is met."""
        return (
            self.kind,
            self.project_id,
            self.document_id,
            self.index,
            self.version,
            self.file,
            self.message if self.kind in ("setting", "index-unusable") else None,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A document in one index of its project, as sentences name it."""

    project_id: str
    document_id: str
    title: str
    index: str | None
    index_name: str

    @property
    def subject(self) -> str:
        """The document, in words."""
        return f"the document {self.title!r} ({self.document_id})"


def of_document(
    place: Place,
    *,
    published: int | None,
    wanted: Set[str],
    held: Mapping[str, int],
    under_way: Set[int] = frozenset(),
) -> list[Difference]:
    """Compare one document's vectors in one index with its rows.

    `wanted` are the ids of the passages that the index should hold, all of the version
    `published`; `held` are the ids it holds, with their versions. What versions `under_way`
    have there is nobody's business yet.
    """
    found = []
    missing = wanted - held.keys()
    if missing:
        found.append(_missing(place, published, len(missing), len(wanted)))
    moved = [each for each in wanted & held.keys() if held[each] != published]
    if moved:
        found.append(_wrong_version(place, published, len(moved)))
    others = {each: version for each, version in held.items() if each not in wanted}
    for version, count in sorted(Counter(others.values()).items()):
        if version not in under_way:
            found.append(_stray(place, version, count, is_published=version == published))
    return found


def _missing(place: Place, version: int | None, count: int, of: int) -> Difference:
    return Difference(
        "missing-vectors",
        f"{capital(place.index_name)} lacks {count} of {of} passages of {place.subject}, so "
        "that searches miss them; a repair writes them again from the database.",
        project_id=place.project_id,
        document_id=place.document_id,
        index=place.index,
        version=version,
        count=count,
    )


def _wrong_version(place: Place, version: int | None, count: int) -> Difference:
    return Difference(
        "wrong-version",
        f"{capital(place.index_name)} holds {count} passages of {place.subject} under "
        f"another version than the published {version}; a repair writes them again.",
        project_id=place.project_id,
        document_id=place.document_id,
        index=place.index,
        version=version,
        count=count,
    )


def _stray(place: Place, version: int, count: int, *, is_published: bool) -> Difference:
    why = (
        "that the database does not know"
        if is_published
        else f"of version {version}, which is not published"
    )
    again = " and writes the known ones again" if is_published else ""
    return Difference(
        "stray-vectors",
        f"{capital(place.index_name)} holds {count} vectors of {place.subject} {why}; search "
        f"never returns them, and a repair removes them{again}.",
        project_id=place.project_id,
        document_id=place.document_id,
        index=place.index,
        version=version,
        count=count,
    )


def of_embeddings(place: Place, *, missing: int, misfits: int, dimensions: int) -> list[Difference]:
    """Return what is wrong with the stored vectors of a document's published passages."""
    found = []
    if missing:
        found.append(
            Difference(
                "missing-embeddings",
                f"{missing} passages of {place.subject} have no stored vector for "
                f"{place.index_name}, which could not be rebuilt; a repair embeds them again.",
                project_id=place.project_id,
                document_id=place.document_id,
                index=place.index,
                count=missing,
            )
        )
    if misfits:
        found.append(
            Difference(
                "wrong-dimensions",
                f"{misfits} stored vectors of {place.subject} have not the {dimensions} dimensions "
                f"of {place.index_name}; a repair removes and embeds them again.",
                project_id=place.project_id,
                document_id=place.document_id,
                index=place.index,
                count=misfits,
            )
        )
    return found


def of_missing_file(
    project_id: str, document_id: str, title: str, content_hash: str, *, searchable: bool
) -> Difference:
    """Return the difference of a document whose stored file is gone."""
    still = (
        "its passages are still found, but it cannot be read again or downloaded"
        if searchable
        else "it cannot be read"
    )
    return Difference(
        "missing-file",
        f"The stored file of the document {title!r} ({document_id}) is gone: {still}. Send the "
        "file again; a repair queues the document, so that its job names the loss.",
        project_id=project_id,
        document_id=document_id,
        file=content_hash,
    )


def capital(text: str) -> str:
    """Return a text that may begin a sentence."""
    return text[:1].upper() + text[1:]
