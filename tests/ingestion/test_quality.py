"""When a page's own text is good, and when its picture has to be read."""

from __future__ import annotations

import pytest

from ragline.ingestion.quality import garbage, judge
from ragline.providers.contracts import PageText

PROSE = (
    "The keepers of the light wrote down the weather every day, and the oil that was burnt. "
    "Le gardien notait chaque jour le temps qu'il faisait et l'huile qu'il avait brûlée. "
)


def needs_ocr(text: str, *, picture_share: float = 0.0, reason: str | None = None) -> bool:
    return judge(PageText(1, text, picture_share, reason)).needs_ocr is not None


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        PROSE * 20,
        "7",
        "Chapter 3",
        "1 234,50 €  2 345,60 €\n" * 30,
        "Introduction .............................. 7\nMethods .................... 12\n" * 9,
        "∑ xᵢ² = ∫ f(x) dx,  α ≤ β ⇒ γ ≥ δ  (1.4)",
        "東京は日本の首都です。人口は約一千四百万人です。" * 4,
        "हिन्दी भारत की राजभाषा है और देवनागरी लिपि में लिखी जाती है।" * 3,
        "Москва — столица России, город федерального значения." * 3,
        "def f(x):\n    return {k: v for k, v in x.items() if v is not None}\n" * 10,
        "| a | b |\n|---|---|\n| 1 | 2 |\n" * 10,
        "- one\n- two\n☐ three\n☑ four\n" * 10,
    ],
    ids=[
        "prose", "long", "number", "heading", "table", "contents", "formula", "Japanese",
        "Hindi", "Russian", "code", "Markdown", "boxes",
    ],
)  # fmt: skip
def test_good_texts(text: str) -> None:
    """Texts of any script and kind are left alone, pages of few words as well."""
    assert garbage(text) is None
    assert not needs_ocr(text)


@pytest.mark.parametrize(
    "text",
    [
        "(cid:12)(cid:3)(cid:88)" * 20,
        PROSE + "(cid:12)(cid:3)" * 20,
        "\ufffd" * 60,
        "".join(character + "\ufffd" for character in PROSE),
        "\ue001\ue002\ue003\ue004" * 20,
        "\x01\x02\x03 \x04\x05\x06 " * 20,
        "!\"#$ %&'( )*+, -./: ;<=> ?@[ ]^_` " * 10,
        "Wkh nhhshuv ri wkh oljkw zurwh grzq wkh bhdwkhu ".replace("e", "h") * 10,
        "xkcd bcdf ghjk lmnp qrst vwxz " * 20,
    ],
    ids=[
        "cid", "prose with cid", "replacement", "every other", "private use", "control",
        "soup", "shifted", "no vowels",
    ],
)  # fmt: skip
def test_garbage(text: str) -> None:
    """Texts of no characters, of signs alone or of no words are garbage."""
    assert garbage(text) is not None
    found = judge(PageText(1, text))
    assert found.needs_ocr is not None
    assert not found.usable


def test_blank_page() -> None:
    """A page with nothing on it stays blank."""
    assert not needs_ocr("")
    assert not needs_ocr(" \n\t", picture_share=0.01)


def test_scan() -> None:
    """A page that is a picture without a word is to be read."""
    assert needs_ocr("", picture_share=0.98)
    assert needs_ocr("", picture_share=0.1)


def test_scan_with_a_footer() -> None:
    """A picture all over the page with a line of text is to be read; the line is kept."""
    found = judge(PageText(1, "Digitized by a library", picture_share=1.0))

    assert found.needs_ocr is not None
    assert found.usable


def test_scan_with_its_text() -> None:
    """A scan whose text was put behind it, and a page with a photo, are left alone."""
    assert not needs_ocr(PROSE * 3, picture_share=1.0)
    assert not needs_ocr("A caption below a photo.", picture_share=0.4)


def test_what_the_parser_knows() -> None:
    """Letters that no table names are garbage, however much they look like a text."""
    assert needs_ocr(PROSE, reason="83 % of its letters have no Unicode character")
