"""What citeproc writes → text or HTML, in which nothing of a work is a tag."""

from __future__ import annotations

import html
import re

# Signs of the private area stand for tags until everything else has been escaped.
_TAGS = {
    "\ue100": "<i>",
    "\ue101": "</i>",
    "\ue102": "<b>",
    "\ue103": "</b>",
    "\ue104": "<u>",
    "\ue105": "</u>",
    "\ue106": "<sup>",
    "\ue107": "</sup>",
    "\ue108": "<sub>",
    "\ue109": "</sub>",
    "\ue10a": '<span style="font-variant:small-caps">',
    "\ue10b": "</span>",
}
_SIGNS = str.maketrans(_TAGS)
_NO_SIGNS = {ord(sign): None for sign in _TAGS}
# Titles may hold these in CSL-JSON; they are the only markup that is kept.
_OWN = re.compile(r"<(/?)(i|b|sup|sub)>", re.IGNORECASE)
_OWN_SIGNS = {"i": 0xE100, "b": 0xE102, "sup": 0xE106, "sub": 0xE108}
_OTHER = re.compile(r"</?span[^<>]{0,200}>", re.IGNORECASE)
_BEFORE_STOP = re.compile(r"[\u200b ]+(?=[.,](?:\s|$))")
_STOPS = re.compile(r"([.,])(?:\s*\1)+(?=\s|$)")
_OPENING = '«“‘"\u00a0\u202f' + "".join(sign for sign in _TAGS if not ord(sign) % 2)
_CLOSING = '»”’"\u00a0\u202f' + "".join(sign for sign in _TAGS if ord(sign) % 2)
_NUMBER = re.compile(r"^(\[\d+\]|\d+\.)(?=\S)")


class _Wrapped(str):
    """Text in italics, say; its class tells between which signs."""

    signs = ("", "")

    def __new__(cls, text: object) -> _Wrapped:
        return super().__new__(cls, f"{cls.signs[0]}{text}{cls.signs[1]}")


class Formatter:
    """The formatter that citeproc asks: marks by signs, escapes nothing."""

    class Italic(_Wrapped):
        """Slanted."""

        signs = ("\ue100", "\ue101")

    class Bold(_Wrapped):
        """Heavy."""

        signs = ("\ue102", "\ue103")

    class Underline(_Wrapped):
        """Underlined."""

        signs = ("\ue104", "\ue105")

    class Superscript(_Wrapped):
        """Raised."""

        signs = ("\ue106", "\ue107")

    class Subscript(_Wrapped):
        """Lowered."""

        signs = ("\ue108", "\ue109")

    class SmallCaps(_Wrapped):
        """Small capitals."""

        signs = ("\ue10a", "\ue10b")

    class Light(_Wrapped):
        """Thin: no tag stands for it."""

    Oblique = Italic

    @staticmethod
    def preformat(text: object) -> str:
        """Return text as it is."""
        return str(text)


def safe_text(text: str) -> str:
    """Return a value of a work for citeproc: its own markup as signs, no signs of others."""
    plain = _OTHER.sub("", text.translate(_NO_SIGNS))
    return _OWN.sub(lambda tag: chr(_OWN_SIGNS[tag[2].lower()] + bool(tag[1])), plain)


def without_repetition(written: str, title: str) -> str:
    """Return an entry without its title's second mention.

    A work without names begins with its title, and citeproc then writes it once more where it
    would stand otherwise.
    """
    again = re.escape(safe_text(title))
    found = list(re.finditer(f"[{_OPENING}]*{again}[{_CLOSING}]*", written, re.IGNORECASE))
    if not title or len(found) < 2:
        return written
    return f"{written[: found[1].start()]} {written[found[1].end() :]}"


def as_html(written: str) -> str:
    """Return what citeproc wrote as HTML; tags that do not match are dropped."""
    return html.escape(_balanced(_tidy(written))).translate(_SIGNS)


def as_text(written: str) -> str:
    """Return what citeproc wrote as plain text."""
    return _tidy(written.translate(_NO_SIGNS))


def _tidy(written: str) -> str:
    """Mend what citeproc leaves where a field is missing: doubled stops, stray blanks."""
    text = " ".join(written.replace("\u200b", "").split(" "))
    text = re.sub(r" {2,}", " ", _STOPS.sub(r"\1", _BEFORE_STOP.sub("", text)))
    return _NUMBER.sub(r"\1 ", text.strip())


def _balanced(written: str) -> str:
    """Return text in which every opening sign has its closing one, in the right order."""
    out: list[str] = []
    opened: list[str] = []
    for character in written:
        if character in _TAGS and ord(character) % 2:
            if opened and ord(opened[-1]) + 1 == ord(character):
                opened.pop()
            else:
                continue
        elif character in _TAGS:
            opened.append(character)
        out.append(character)
    return "".join(out) + "".join(chr(ord(sign) + 1) for sign in reversed(opened))
