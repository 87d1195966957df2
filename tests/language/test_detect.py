"""Language detection says a language only when it is sure."""

from __future__ import annotations

import pytest

from ragline.language.detect import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What are the structural problems of high speed aircraft?", "en"),
        ("Quelles sont les plus proches voisines de ces tortues ?", "fr"),
        ("¿Cuántos puntos dejaron escapar en defensa los Panthers?", "es"),
        ("Wie viele Punkte gab die Verteidigung der Panthers ab?", "de"),
    ],
)
def test_a_question_tells_its_language(text: str, language: str) -> None:
    """A whole sentence is enough."""
    assert language == detect_language(text)


@pytest.mark.parametrize(
    "text", ["", "   ", "123 456", "prix", "error 404", "rotor torque", "\ud800"]
)
def test_too_little_text_has_no_language(text: str) -> None:
    """Single words and numbers are not guessed at."""
    assert detect_language(text) is None
