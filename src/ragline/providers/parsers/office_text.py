"""Marks in the XML of word processors where a page turns, before a library reads it.

Word notes where its pages ended when it last showed them, and so does LibreOffice; breaks
that the author set are in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from ragline.providers.parsers.marks import MARK, STAND_INS
from ragline.providers.parsers.office_notes import place_odf_notes, place_word_notes
from ragline.providers.parsers.package import (
    Parts,
    locked,
    main_part,
    packed,
    parsed,
    written,
)

_WORD_MAIN = "word/document.xml"
_ENTITIES = {b"&amp;": "&", b"&lt;": "<", b"&gt;": ">"}
_NO = frozenset({"0", "false", "off"})
_ODF_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
_ODF_STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0"
_ODF_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
_FO = "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
_MOST_PARENTS = 16


def marked_docx(parts: Parts) -> bytes:
    """Return a Word document with a mark wherever a page turns."""
    main = main_part(parts, _WORD_MAIN)
    root = parsed(parts[main])
    place_word_notes(root, parts, root.tag.partition("}")[0] + "}")
    _mark_word(root)
    folder, _, name = main.rpartition("/")
    rels = parts.pop(f"{folder}/_rels/{name}.rels", None)
    del parts[main]
    # Some programs number this part; the library knows it by its usual name alone.
    parts[_WORD_MAIN] = _without_entities(written(root))
    if rels is not None:
        parts["word/_rels/document.xml.rels"] = rels
    return packed(parts)


def marked_odt(parts: Parts) -> bytes:
    """Return an OpenDocument text with a mark wherever a page turns."""
    if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        raise locked()
    root = parsed(parts["content.xml"])
    styles = [parsed(parts["styles.xml"])] if "styles.xml" in parts else []
    for changes in list(root.iter(f"{{{_ODF_TEXT}}}tracked-changes")):
        changes.getparent().remove(changes)  # what was deleted is kept in there
    place_odf_notes(root, f"{{{_ODF_TEXT}}}")
    _mark_odf(root, _breaks([*styles, root]))
    parts["content.xml"] = written(root)
    return packed(parts)


def _without_entities(content: bytes) -> bytes:
    """Return a part in which other characters stand for what the library would lose."""
    for entity, character in _ENTITIES.items():
        content = content.replace(entity, STAND_INS[character].encode())
    return content


class _Pages:
    """What was seen since the last turn: nothing, so that one turn is not counted twice."""

    def __init__(self) -> None:
        self.has_words = False

    def turn(self, *, certain: bool) -> bool:
        """Tell whether a page turns here; breaks that only follow another do not count."""
        turns = certain or self.has_words
        if turns:
            self.has_words = False
        return turns


def _mark_word(root: Any) -> None:
    space = root.tag.partition("}")[0] + "}"
    starts = _section_starts(root, space)
    pages = _Pages()
    for element in list(_word_order(root, space)):
        kind = element.tag.removeprefix(space)
        if kind == "t":
            pages.has_words = pages.has_words or bool((element.text or "").strip())
        elif kind in ("br", "lastRenderedPageBreak"):
            if pages.turn(certain=kind == "br"):
                _become_mark(element, space)
        elif kind == "pageBreakBefore":
            if element.get(f"{space}val") not in _NO and pages.turn(certain=False):
                _insert_run(element.getparent(), space)
        elif element in starts and pages.turn(certain=True):
            _append_run(element.getparent().getparent(), space)


def _word_order(root: Any, space: str) -> Iterator[Any]:
    """Yield what matters for pages in reading order; a section's end follows its words."""
    skipped = {f"{space}{name}" for name in ("del", "txbxContent")}
    wanted = {f"{space}{name}" for name in ("t", "lastRenderedPageBreak", "pageBreakBefore")}
    echoes = _echoes(root, space)
    for paragraph in root.iter(f"{space}p"):
        if any(
            above.tag in skipped or above.tag == f"{space}p" for above in paragraph.iterancestors()
        ):
            continue
        for element in paragraph.iter():
            is_break = element.tag == f"{space}br" and element.get(f"{space}type") == "page"
            if is_break or (element.tag in wanted and element not in echoes):
                yield element
        yield from paragraph.findall(f"{space}pPr/{space}sectPr")


def _echoes(root: Any, space: str) -> set[Any]:
    """Return the turns that another cell of their row tells of too: a row has each but once."""
    turned = f"{space}lastRenderedPageBreak"
    echoes: set[Any] = set()
    for row in root.iter(f"{space}tr"):
        turns = [list(cell.iter(turned)) for cell in row.iterchildren(f"{space}tc")]
        tallest = max(turns, key=len, default=[])
        for cell in turns:
            echoes.update(cell if cell is not tallest else ())
    return echoes


def _section_starts(root: Any, space: str) -> set[Any]:
    """Return the ends of sections after which a page begins, which the next section decides."""
    ends = list(root.iter(f"{space}sectPr"))
    starts = set()
    for end, following in pairwise(ends):
        kind = following.find(f"{space}type")
        if kind is None or kind.get(f"{space}val") not in ("continuous", "nextColumn"):
            starts.add(end)
    return starts


def _become_mark(element: Any, space: str) -> None:
    element.clear(keep_tail=True)
    element.tag = f"{space}t"
    element.text = MARK


def _insert_run(properties: Any, space: str) -> None:
    run = properties.makeelement(f"{space}r")
    run.append(run.makeelement(f"{space}t"))
    run[0].text = MARK
    properties.addnext(run)


def _append_run(paragraph: Any, space: str) -> None:
    run = paragraph.makeelement(f"{space}r")
    run.append(run.makeelement(f"{space}t"))
    run[0].text = MARK
    paragraph.append(run)


def _breaks(roots: list[Any]) -> dict[str, tuple[bool, bool]]:
    """Return for each style whether a page turns before or after what bears it."""
    own: dict[str, tuple[bool, bool, str]] = {}
    for root in roots:
        for style in root.iter(f"{{{_ODF_STYLE}}}style"):
            before = bool(style.get(f"{{{_ODF_STYLE}}}master-page-name"))
            after = False
            for properties in style:
                before = before or properties.get(f"{{{_FO}}}break-before") == "page"
                after = after or properties.get(f"{{{_FO}}}break-after") == "page"
            parent = style.get(f"{{{_ODF_STYLE}}}parent-style-name", "")
            own[style.get(f"{{{_ODF_STYLE}}}name", "")] = (before, after, parent)
    return {name: _inherited(own, name) for name in own}


def _inherited(own: dict[str, tuple[bool, bool, str]], name: str) -> tuple[bool, bool]:
    before = after = False
    for _ in range(_MOST_PARENTS):
        if name not in own:
            break
        before, after = before or own[name][0], after or own[name][1]
        name = own[name][2]
    return before, after


def _mark_odf(root: Any, breaks: dict[str, tuple[bool, bool]]) -> None:
    pages = _Pages()
    blocks = {f"{{{_ODF_TEXT}}}p", f"{{{_ODF_TEXT}}}h"}
    table, soft = f"{{{_ODF_TABLE}}}table", f"{{{_ODF_TEXT}}}soft-page-break"
    owed = False
    for element in list(root.iter(*blocks, table, soft)):
        if element.tag == soft:
            owed = _mark_soft(element, pages, blocks) or owed
            continue
        space = _ODF_TABLE if element.tag == table else _ODF_TEXT
        before, after = breaks.get(element.get(f"{{{space}}}style-name", ""), (False, False))
        owed = owed or (before and pages.turn(certain=False))
        if element.tag == table:
            continue  # the first paragraph in it bears the mark
        if owed:
            element.text = MARK + (element.text or "")
            owed = False
        pages.has_words = pages.has_words or bool("".join(element.itertext()).strip(MARK).strip())
        owed = after and pages.turn(certain=False)


def _mark_soft(element: Any, pages: _Pages, blocks: set[str]) -> bool:
    """Mark where a page turned in the middle of a paragraph, or tell that the next one bears it."""
    inside = any(above.tag in blocks for above in element.iterancestors())
    if not inside:
        return pages.turn(certain=False)
    element.tail = MARK + (element.tail or "")
    return False
