"""Footnotes and endnotes, put below the paragraph that they belong to.

The library would collect them at the end of the document, where their page is another.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from ragline.providers.parsers.package import Parts, parsed

_WORD_PARTS = (
    ("word/footnotes.xml", "footnote", "footnoteReference"),
    ("word/endnotes.xml", "endnote", "endnoteReference"),
)
_PLACED = "placed"


def place_word_notes(root: Any, parts: Parts, space: str) -> None:
    """Move the notes of a Word document's parts into its body; `space` is its XML namespace."""
    numbers = count(1)
    for part, note_tag, reference_tag in _WORD_PARTS:
        content = parts.pop(part, None)
        if content is None:
            continue
        notes = {
            note.get(f"{space}id"): note for note in parsed(content).iter(f"{space}{note_tag}")
        }
        for reference in list(root.iter(f"{space}{reference_tag}")):
            note = notes.get(reference.get(f"{space}id"))
            text = _joined(note.itertext(f"{space}t")) if note is not None else ""
            paragraph = next(reference.iterancestors(f"{space}p"), None)
            if not text or paragraph is None:
                continue
            sign = f"[{next(numbers)}]"
            reference.clear(keep_tail=True)
            reference.tag = f"{space}t"
            reference.text = sign
            below = paragraph.makeelement(f"{space}p")
            below.append(below.makeelement(f"{space}r"))
            below[0].append(below.makeelement(f"{space}t"))
            below[0][0].text = f"{sign} {text}"
            _place(paragraph, below)


def place_odf_notes(root: Any, space: str) -> None:
    """Move the notes of an OpenDocument text out of its sentences; `space` is that of text."""
    numbers = count(1)
    for note in list(root.iter(f"{space}note")):
        body = note.find(f"{space}note-body")
        text = _joined(body.itertext()) if body is not None else ""
        paragraph = next(note.iterancestors(f"{space}p", f"{space}h"), None)
        if not text or paragraph is None:
            continue
        sign = f"[{next(numbers)}]"
        below = paragraph.makeelement(f"{space}p")
        below.text = f"{sign} {text}"
        _become_text(note, sign)
        _place(paragraph, below)


def _joined(texts: Iterator[str]) -> str:
    return " ".join("".join(texts).split())


def _place(paragraph: Any, below: Any) -> None:
    """Put a note below a paragraph and the notes that are there already."""
    last = paragraph
    while last.getnext() is not None and last.getnext().get(_PLACED):
        last = last.getnext()
    below.set(_PLACED, "1")
    last.addnext(below)


def _become_text(element: Any, text: str) -> None:
    """Put words in an element's place."""
    words = text + (element.tail or "")
    before, parent = element.getprevious(), element.getparent()
    if before is not None:
        before.tail = (before.tail or "") + words
    else:
        parent.text = (parent.text or "") + words
    element.tail = None
    parent.remove(element)
