"""Which language a text is written in."""

from __future__ import annotations

from functools import cache

import structlog
from py3langid.langid import MODEL_FILE, LanguageIdentifier

log = structlog.get_logger()

# At this probability the answer was wrong for 3 of 4,000 short questions in three languages,
# and 4 to 9 % of them had no answer; single words nearly always have none.
SURE = 0.5
SAMPLE = 2_000


@cache
def _identifier() -> LanguageIdentifier:
    """Load the model once, on first use: 0.6 s and 78 MB."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def detect_language(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or None when that is not sure."""
    sample = text[:SAMPLE].strip()
    if not any(character.isalpha() for character in sample):
        return None
    try:
        identifier = _identifier()
    except OSError as error:
        # It unpacks its model into a temporary file: questions go on where there is no room.
        log.warning("language.not_detected", error=str(error))
        return None
    code, probability = identifier.classify(sample)
    return str(code) if probability >= SURE and len(code) == 2 else None
