"""Answers made safe to show: no image is fetched by showing one, and no HTML acts in it.

A model may be led by a document to write an image whose address carries what it has read, or
markup that a careless page would run. What is given out is Markdown without either; the pieces
of a stream, joined, are what the whole text becomes.
"""

from __future__ import annotations

import re

LONGEST = 2000
"""Characters within which a tag or an image must end to be taken for one."""

_SPECIAL = re.compile(r"[!<\]]")
_WORDS = r"!\[(?P<words>(?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]"
_IMAGE = re.compile(
    _WORDS + r"\(\s*(?:<[^<>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)"
    r"(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*\)",
    re.DOTALL,
)
_NO_IMAGE = re.compile(_WORDS + r"[^(]", re.DOTALL)
_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?=[^A-Za-z0-9-])")
_INSIDE_TAG = r"""(?:[^<>"']|"[^"]*"|'[^']*')*"""
_TAG = re.compile(
    rf"</?[A-Za-z][A-Za-z0-9-]*(?:[\s/]{_INSIDE_TAG})?>|<!--.*?-->|<(?:!(?!--)|\?)[^>]*>",
    re.DOTALL,
)
_MAY_BE_TAG = re.compile(
    rf"""<(?:/?[A-Za-z][A-Za-z0-9-]*(?:[\s/]{_INSIDE_TAG}(?:"[^"]*|'[^']*)?)?|/|[!?].*)""",
    re.DOTALL,
)
_ADDRESS = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>@]+)>")
_MAY_BE_ADDRESS = re.compile(r"<[^\s<>]*")
_BEGINS_TAG = re.compile(r"<[A-Za-z/!?]")
# Characters that may be written as entities or escaped hide a scheme as well as naming it does.
_UNSAFE = re.compile(
    r"\]\(\s*<?\s*(?!(?:https?|mailto|tel):)(?:[a-z][a-z0-9+.-]*\s*[:&\\]|&)"
    r"|\]:\s*<?\s*(?:java|vb)script\s*:",
    re.IGNORECASE,
)
_MAY_BE_UNSAFE = re.compile(r"\](?:\(\s*<?\s*[a-z0-9+.-]*\s*|:\s*<?\s*[a-z]*\s*)?", re.IGNORECASE)
_ELEMENT_NAMES = """\
    a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big
    blink blockquote body br button canvas caption center cite code col colgroup command content
    data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font
    footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img
    input ins isindex kbd keygen label legend li link listing main map mark marquee math menu
    menuitem meta meter multicol nav nextid nobr noembed noframes noscript object ol optgroup
    option output p param picture plaintext portal pre progress q rb rp rt rtc ruby s samp script
    search section select shadow slot small source spacer span strike strong style sub summary sup
    svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr
    xmp"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())


def rendered(text: str) -> str:
    """Return a text without images, HTML and links that run something.

    Of an image its words stay, of an element what is between its tags. What only looks like
    markup, such as `a <b`, stays with a blank in it.
    """
    rendering = Rendering()
    return rendering.feed(text) + rendering.end()


class Rendering:
    """Renders a text that comes in pieces; what may be part of markup is held back."""

    def __init__(self) -> None:
        self._held = ""
        self._last = ""

    def feed(self, piece: str) -> str:
        """Take a piece and return what can be shown so far."""
        self._held += piece
        return self._take(final=False)

    def end(self) -> str:
        """Return the rest."""
        return self._take(final=True)

    def _take(self, *, final: bool) -> str:
        shown: list[str] = []
        text, place = self._held, 0
        while (special := _SPECIAL.search(text, place)) is not None:
            self._show(shown, text[place : special.start()])
            place = special.start()
            done = _resolved(text[place : place + LONGEST], final or len(text) - place >= LONGEST)
            if done is None:
                break
            words, length = done
            if length > 1 and self._last in ("!", "<", "]"):
                # What is left out must not join its neighbours to something new.
                words = f" {words}"
            self._show(shown, words)
            place += length
        else:
            self._show(shown, text[place:])
            place = len(text)
        self._held = text[place:]
        return "".join(shown)

    def _show(self, shown: list[str], words: str) -> None:
        if words:
            shown.append(words)
            self._last = words[-1]


def _resolved(text: str, whole: bool) -> tuple[str, int] | None:
    """Return what a text that begins with a sign becomes, and how much of it that took.

    None: more of the text must be known; never where this is the `whole` of it.
    """
    if len(text) == 1:
        return (text, 1) if whole else None
    if text[0] == "!":
        return _image(text, whole)
    if text[0] == "<":
        return _element(text, whole)
    return _target(text, whole)


def _image(text: str, whole: bool) -> tuple[str, int] | None:
    if text[1] != "[":
        return "!", 1
    image = _IMAGE.match(text)
    if image:
        # The words of an image may hold markup themselves.
        return rendered(image["words"]), image.end()
    # A marker behind an exclamation, such as "fine![1]", is none either.
    return ("! ", 1) if whole or _NO_IMAGE.match(text) else None


def _element(text: str, whole: bool) -> tuple[str, int] | None:
    if not _BEGINS_TAG.match(text):
        return "<", 1
    address = _ADDRESS.match(text)
    if address and not _UNSAFE.match(f"](<{address[1]}"):
        return address[1], address.end()
    name = _NAME.match(text)
    is_tag = name is None or name[1].lower() in _ELEMENTS or "-" in name[1]
    tag = _TAG.match(text) if is_tag else None
    if tag:
        return "", tag.end()
    may_be = is_tag and _MAY_BE_TAG.fullmatch(text)
    if not whole and (may_be or _MAY_BE_ADDRESS.fullmatch(text)):
        return None
    return "< ", 1


def _target(text: str, whole: bool) -> tuple[str, int] | None:
    unsafe = _UNSAFE.match(text)
    if unsafe:
        return f"{text[:2]}#", unsafe.end()
    return None if not whole and _MAY_BE_UNSAFE.fullmatch(text) else ("]", 1)
