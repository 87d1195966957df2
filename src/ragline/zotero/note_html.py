"""A model's words as a note of Zotero's: safe HTML with a mark of what it was written from."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt

from ragline.zotero.note_passages import Passage

LONGEST_HTML = 240_000
"""Characters of a note; Zotero refuses those with more than 250,000."""

# Nothing that a model writes becomes a tag of its choice, an address, or something to load.
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).disable(
    ["image", "link", "autolink", "reference", "html_inline", "html_block", "fence", "code"]
)
_REFERENCE = re.compile(r"\s?\[(\d{1,4})\]")
_TAG = re.compile(r"<[^>]*>")
_MARK = re.compile(r"ragline-note ([23456789A-Z]{8}) ([0-9a-f]{16}) ([0-9a-f]{16})")
_PAGES = {"fr": "p. {page}", "de": "S. {page}", "es": "p. {page}", "it": "p. {page}"}
_HEADINGS = {"fr": "Fiche de lecture", "de": "Lesenotiz", "es": "Nota de lectura"}


@dataclass(frozen=True, slots=True)
class Mark:
    """What a note of ours says of itself: its work, what it was written from, and its words.

    `is_intact` says that its words are still ours.
    """

    item_key: str
    written_from: str
    is_intact: bool


def note_html(
    text: str, passages: Sequence[Passage], *, item_key: str, written_from: str, language: str
) -> str:
    """Return a note for a model's Markdown; numbers of passages become their pages.

    `written_from` is the hash of all that decided it. Longer ones are cut at `LONGEST_HTML`.
    """
    heading = f"<h1>{_HEADINGS.get(language, 'Reading note')}</h1>\n"
    body = heading + _rendered(with_pages(text, passages, language))
    if len(body) > LONGEST_HTML:
        # A character becomes at most six.
        body = heading + _rendered(with_pages(text[: LONGEST_HTML // 8], passages, language))
    mark = f"ragline-note {item_key} {written_from[:16]} {_words_hash(body)}"
    return f"{body}\n<p><em>{mark}</em></p>"


def _rendered(markdown: str) -> str:
    return str(_MARKDOWN.render(markdown)).strip()


def with_pages(text: str, passages: Sequence[Passage], language: str) -> str:
    """Return a text with pages for the numbers of passages; numbers of none are left out."""
    pattern = _PAGES.get(language, "p. {page}")

    def page(match: re.Match[str]) -> str:
        number = int(match[1])
        if not 1 <= number <= len(passages):
            return ""
        return f" ({pattern.format(page=passages[number - 1].page)})"

    told = _REFERENCE.sub(page, text)
    # Neighbours from one page need its number once.
    return re.sub(r"( \([^()]{1,20}\))\1+", r"\1", told)


def mark_in(note: str) -> Mark | None:
    """Return what a note of ours says of itself; None for any other."""
    text = plain(note)
    found = list(_MARK.finditer(text))
    if not found:
        return None
    last = found[-1]
    is_intact = _hash(text[: last.start()].strip()) == last[3] and not text[last.end() :].strip()
    return Mark(last[1], last[2], is_intact)


def plain(note: str) -> str:
    """Return the words of a note, whatever its markup was made by."""
    return " ".join(html.unescape(_TAG.sub(" ", note)).split())


def _words_hash(body: str) -> str:
    return _hash(plain(body))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
