"""What an import will take, in order: a file of JSON lines, an item or a warning each.

Made once, and read from a position on: that is what lets an import go on where it stopped. The
files it is made from never change; those of a folder may, its list does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.imports import libraries, tables
from ragline.imports.fitting import clean
from ragline.imports.folders import files_below, open_below
from ragline.imports.kinds import HEAD_BYTES, kind_of
from ragline.imports.pool import Contents, Inputs, Planned, PoolFile, name_of
from ragline.imports.products import product_lines
from ragline.imports.sources import ItemWarning, short_identity

Line = Planned | ItemWarning


class Totals(NamedTuple):
    """How much a manifest holds."""

    items: int
    warnings: int


class Part(NamedTuple):
    """Some lines of a manifest, and where the next ones begin; None at its end."""

    items: list[Planned]
    warnings: list[ItemWarning]
    after: int | None


def write_manifest(inputs: Inputs, scratch: Path, out: Path, most_items: int) -> Totals:
    """Write the manifest of an import; runs in a compute child.

    Raises:
        UnreadableFile: the one file there is, an export or a table, cannot be read.
        LimitExceeded: there is more than an import may hold.
    """
    items = warnings = 0
    seen: set[str] = set()
    with out.open("w", encoding="utf-8") as file, Contents(inputs, scratch) as contents:
        for line in _once(_lines(inputs, contents), inputs.prefix, seen):
            if isinstance(line, Planned):
                items += 1
                file.write(json.dumps({"item": line._asdict()}))
            else:
                warnings += 1
                file.write(json.dumps({"warning": asdict(line)}))
            file.write("\n")
            if items > most_items:
                raise LimitExceeded(
                    f"There are more than {most_items} documents in it: split it, or raise "
                    "RAGLINE_IMPORT_ITEMS."
                )
    return Totals(items, warnings)


def read_manifest(path: Path, at: int, *, most_items: int, most_bytes: int) -> Part:
    """Return the lines from a position on, as many as a batch may have."""
    items: list[Planned] = []
    warnings: list[ItemWarning] = []
    size = 0
    with path.open("rb") as file:
        file.seek(at)
        while len(items) < most_items and size < most_bytes:
            line = file.readline()
            if not line:
                return Part(items, warnings, None)
            read = json.loads(line)
            if "item" in read:
                items.append(Planned(**read["item"]))
                size += items[-1].size
            else:
                warnings.append(ItemWarning(**read["warning"]))
        return Part(items, warnings, file.tell())


def _once(lines: Iterator[Line], prefix: str, seen: set[str]) -> Iterator[Line]:
    """Pass lines on; of items that are known as the same thing, the first."""
    for line in lines:
        if isinstance(line, ItemWarning):
            yield line
            continue
        identity = short_identity(prefix + line.identity)
        if identity in seen:
            yield ItemWarning(
                "duplicate",
                f"An earlier one is known as {identity!r} too; the first was taken.",
                line.title or line.name,
            )
            continue
        seen.add(identity)
        yield line._replace(identity=identity)


def _lines(inputs: Inputs, contents: Contents) -> Iterator[Line]:
    pool = list(inputs.pool)
    if inputs.folder is not None:
        for found in _folder_pool(inputs.folder):
            if isinstance(found, ItemWarning):
                yield found
            else:
                pool.append(found)
    if inputs.products:
        yield from product_lines(pool, inputs, contents)
        return
    claimed: set[str] = set()
    shelf = libraries.Shelf(pool)
    for file in pool:
        if file.kind.name == "references":
            yield from _library(file, shelf, contents, claimed, alone=len(pool) == 1)
    for file in pool:
        if file.path not in claimed:
            yield from _other(file, pool, inputs, contents)


def _folder_pool(folder: Path) -> Iterator[PoolFile | ItemWarning]:
    """Go through the files of a folder; one that cannot be opened is a warning."""
    for path in files_below(folder):
        try:
            with open_below(folder, path) as file:
                head = file.read(HEAD_BYTES)
                size = file.seek(0, 2)
                file.seek(max(0, size - HEAD_BYTES))
                tail = file.read()
        except UnreadableFile as error:
            yield ItemWarning("refused-entry", error.message, clean(path))
            continue
        kind = kind_of(head, path, tail=tail)
        if kind.name == "archive":
            yield ItemWarning(
                "refused-entry", "Archives in a folder are not unpacked: import it.", clean(path)
            )
        else:
            yield PoolFile(clean(path), kind, {"path": path}, size)


def _library(
    file: PoolFile, shelf: libraries.Shelf, contents: Contents, claimed: set[str], *, alone: bool
) -> Iterator[Line]:
    """Give the works of an export; one that is none is a warning, unless it is all there is."""
    assert file.kind.format is not None, "references have a format"
    claimed.add(file.path)
    try:
        yield from libraries.works(contents.read(file), file.kind.format, file.path, shelf, claimed)
    except UnreadableFile as error:
        if alone:
            raise
        yield ItemWarning("unreadable-export", error.message, file.path)


def _other(
    file: PoolFile, pool: Sequence[PoolFile], inputs: Inputs, contents: Contents
) -> Iterator[Line]:
    """Give a file that belongs to no work: the rows of a table, or a document."""
    if file.kind.name == "unreadable":
        yield ItemWarning("unreadable-type", "Nothing here reads this kind of file.", file.path)
    elif file.size == 0:
        yield ItemWarning("nothing-to-read", "The file is empty.", file.path)
    elif file.kind.name == "table":
        yield from _table(file, pool, inputs, contents)
    else:
        yield _document(file)


def _table(
    file: PoolFile, pool: Sequence[PoolFile], inputs: Inputs, contents: Contents
) -> Iterator[Line]:
    """Give a table's rows; one without a column of texts among other files is a document."""
    content = contents.read(file)
    if len(pool) > 1 and not tables.has_text_column(content, inputs.columns):
        yield _document(file)
        return
    for row in tables.read_table(content, file.path, inputs.columns):
        if isinstance(row, ItemWarning):
            yield row
            continue
        name = f"{name_of(file.path)} row {row.number}.txt"
        yield Planned(
            row.identity,
            name,
            {"text": row.text},
            len(row.text),
            row.title,
            row.metadata,
            media_type="text/plain",
        )


def _document(file: PoolFile) -> Planned:
    return Planned(short_identity(file.path), name_of(file.path), file.where, file.size)
