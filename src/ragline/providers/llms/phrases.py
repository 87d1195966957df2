"""What every answering model says where the passages hold no answer."""

from __future__ import annotations

from ragline.language.detect import detect_language
from ragline.language.terms import content_words, words_of

NOTHING_FOUND = {
    "en": "I found nothing about this in the documents.",
    "fr": "Je n'ai rien trouvé à ce sujet dans les documents.",
}


def nothing_found(question: str, language: str | None = None) -> str:
    """Return the sentence in this language, else the question's; English for all others."""
    spoken = language or detect_language(question) or _by_stop_words(question)
    return NOTHING_FOUND.get(spoken, NOTHING_FOUND["en"])


def _by_stop_words(text: str) -> str:
    """Return the language whose stop words a short text has most, English among equals."""
    words = words_of(text)
    return min(NOTHING_FOUND, key=lambda language: len(content_words(words, language)))
