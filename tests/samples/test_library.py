"""The sample library is rebuilt byte for byte, and its demo questions can be answered from it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

SAMPLES = Path(__file__).parents[2] / "samples"
LIBRARY = SAMPLES / "library"
QUESTIONS = json.loads((SAMPLES / "questions.json").read_text(encoding="utf-8"))
ANSWERED = [question for question in QUESTIONS if question["expects"]]


def page_texts(document: str) -> list[str]:
    """Read each page's text with single spaces."""
    with pypdfium2.PdfDocument(LIBRARY / document) as pdf:
        texts = [page.get_textpage().get_text_bounded() for page in pdf]
    return [re.sub(r"\s+", " ", text).strip() for text in texts]


def contents(directory: Path) -> dict[str, bytes]:
    """Map each file's name to its bytes."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_rebuilding_gives_identical_bytes(tmp_path: Path) -> None:
    """`python samples/make_library.py` writes what is committed."""
    subprocess.run([sys.executable, SAMPLES / "make_library.py", tmp_path], check=True)
    rebuilt, committed = contents(tmp_path), contents(LIBRARY)

    assert sorted(committed) == sorted(rebuilt)
    assert [name for name in committed if committed[name] != rebuilt[name]] == []


@pytest.mark.parametrize("question", ANSWERED, ids=lambda question: question["question"])
def test_the_expected_words_stand_on_one_page_only(question: dict) -> None:
    """The words that answer a demo question are on the page it names and on no other."""
    expects = question["expects"]
    pdfs = sorted(path.name for path in LIBRARY.glob("*.pdf"))
    found = [
        (name, number)
        for name in pdfs
        for number, text in enumerate(page_texts(name), start=1)
        if expects["contains"] in text
    ]

    assert [(expects["document"], expects["page"])] == found


def test_one_question_has_no_answer() -> None:
    """Two English questions and a French one are answered; one English question is not."""
    kinds = sorted((question["language"], bool(question["expects"])) for question in QUESTIONS)

    assert kinds == [("en", False), ("en", True), ("en", True), ("fr", True)]


def test_the_subject_of_the_unanswered_question_is_nowhere() -> None:
    """No document names Korvel."""
    pages = [text for path in LIBRARY.glob("*.pdf") for text in page_texts(path.name)]
    others = [p.read_text(encoding="utf-8") for p in LIBRARY.iterdir() if p.suffix != ".pdf"]

    assert [text for text in pages + others if "Korvel" in text] == []


def test_only_the_scanned_page_has_no_text() -> None:
    """Page 3 of the keepers' log is a picture; every other page of every PDF has words."""
    empty = [
        (path.name, number)
        for path in LIBRARY.glob("*.pdf")
        for number, text in enumerate(page_texts(path.name), start=1)
        if not text
    ]

    assert empty == [("keepers-log-of-the-orrin-light.pdf", 3)]


def test_french_letters_and_quotes_survive_the_pdf() -> None:
    """œ, accents, guillemets, curly apostrophes and € come out as they were written."""
    text = " ".join(page_texts("histoire-du-moulin-de-saint-alban-des-eaux.pdf"))
    phrases = ["cœurs curieux", "« le molin des Œillets »", "Noël", "l’église", "4,00 €"]

    assert [phrase for phrase in phrases if phrase not in text] == []


def test_the_library_is_small_and_free() -> None:
    """The documents stay below 500 kB and the page beside them names their licence."""
    total = sum(path.stat().st_size for path in LIBRARY.iterdir())

    assert total < 500_000
    assert "CC0-1.0" in (SAMPLES / "README.md").read_text(encoding="utf-8")
