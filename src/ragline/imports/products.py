"""Tables of products: each row becomes a product, with its picture from the files at hand.

Runs in compute children.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ragline.errors import UnreadableFile
from ragline.imports.fitting import clean, fitting, fitting_title, value_of
from ragline.imports.pool import Contents, Inputs, Planned, PoolFile, name_of
from ragline.imports.sources import ItemWarning
from ragline.imports.tables import Columns, column_of, decoded, rows_in

ID_NAMES = ("product_id", "product", "sku", "id", "ref", "reference", "external_id")
NAME_NAMES = ("name", "product_name", "title", "nom", "titre", "titel", "nombre")
DESCRIPTION_NAMES = ("description", "text", "texte", "descripción", "beschreibung", "details")
IMAGE_NAMES = ("image", "image_path", "image_file", "picture", "photo", "file", "filename", "path")
MOST_DESCRIPTION = 20_000


def product_lines(
    pool: Sequence[PoolFile], inputs: Inputs, contents: Contents
) -> Iterator[Planned | ItemWarning]:
    """Go through the products of all tables, with a warning for each that is not as it should be.

    Raises `UnreadableFile` where no table names products.
    """
    shelf = _Shelf(pool)
    tables = 0
    for file in pool:
        if file.kind.name == "table":
            rows = rows_in(decoded(contents.read(file)))
            layout = _Layout.of([cell.strip() for cell in next(rows, [])], inputs.columns)
            if layout is not None:
                tables += 1
                for number, cells in enumerate(rows, start=2):
                    yield from _taken(layout, file, number, cells, shelf)
    if not tables:
        raise UnreadableFile(
            "There is no table of products in it: a CSV file whose first row names the columns "
            "product_id, name, description and image; id_column says which one names products."
        )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which column holds what; all others become metadata."""

    header: Sequence[str]
    id: int
    name: int | None
    description: int | None
    image: int | None

    @classmethod
    def of(cls, header: Sequence[str], columns: Columns) -> _Layout | None:
        """Return the layout of a table, None for one without products."""
        names = [cell.casefold() for cell in header]
        product = column_of(names, columns.id, ID_NAMES, "products")
        name = column_of(names, columns.title, NAME_NAMES, "products")
        image = column_of(names, None, IMAGE_NAMES, "products")
        if product is None or (name is None and image is None):
            return None
        description = column_of(names, columns.text, DESCRIPTION_NAMES, "products")
        return cls(header, product, name, description, image)

    def cell(self, cells: Sequence[str], column: int | None) -> str:
        """Return what a row has in a column, nothing where there is none."""
        return "" if column is None else clean(cells[column]).strip()


class _Shelf:
    """Finds pictures by the paths that a table gives, else by a name that one file alone has."""

    def __init__(self, pool: Sequence[PoolFile]) -> None:
        self._by_path = {_plain(file.path): file for file in pool}
        self._by_name: dict[str, PoolFile | None] = {}
        for file in pool:
            name = _plain(name_of(file.path))
            self._by_name[name] = None if name in self._by_name else file

    def find(self, given: str, table: str) -> PoolFile | None:
        """Return the file that a table means: beside it, from the top, or anywhere by its name."""
        path = given.replace("\\", "/").removeprefix("./")
        beside = str(PurePosixPath(table).parent / path)
        for wanted in (beside, path):
            if (found := self._by_path.get(_plain(wanted))) is not None:
                return found
        return self._by_name.get(_plain(name_of(path)))


def _taken(
    layout: _Layout, table: PoolFile, number: int, cells: list[str], shelf: _Shelf
) -> Iterator[Planned | ItemWarning]:
    where, width = f"{table.path}, row {number}", len(layout.header)
    if not any(cell.strip() for cell in cells):
        return
    if len(cells) != width:
        message = f"The row has {len(cells)} cells where the table has {width} columns."
        yield ItemWarning("ragged-row", message, where)
        cells = (cells + [""] * width)[:width]
    product_id = layout.cell(cells, layout.id)
    if not product_id:
        yield ItemWarning("empty-row", "The row names no product; it was left out.", where)
        return
    given = layout.cell(cells, layout.image)
    picture = shelf.find(given, table.path) if given else None
    if given and picture is None:
        message = f"The picture {given!r} of {product_id!r} is not among the files."
        yield ItemWarning("missing-file", message, where)
    metadata, cut = fitting(_metadata(layout, cells))
    if cut:
        yield ItemWarning("metadata-cut", f"Cut or left out: {', '.join(cut)}.", where)
    yield Planned(
        product_id,
        name_of(picture.path) if picture else product_id,
        picture.where if picture else {"text": ""},
        picture.size if picture else 0,
        fitting_title(layout.cell(cells, layout.name)),
        {
            "description": layout.cell(cells, layout.description)[:MOST_DESCRIPTION] or None,
            "metadata": metadata or None,
        },
        stands_in=picture is None,
    )


def _metadata(layout: _Layout, cells: Sequence[str]) -> Mapping[str, object]:
    used = (layout.id, layout.name, layout.description, layout.image)
    return {
        name or f"column {number + 1}": value_of(cell.strip())
        for number, (name, cell) in enumerate(zip(layout.header, cells, strict=True))
        if number not in used and cell.strip()
    }


def _plain(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
