"""Which passages are worth a model's repair: a judgement by their characters alone."""

from __future__ import annotations

import re

# A passage with fewer faults than this is left, whatever its length.
FEWEST_FAULTS = 2.0
# Faults for a hundred words from which on a passage is sent.
FAULTS_IN_100_WORDS = 3.0
# Beyond this there is hardly a word left to go by: no repair, only another reading, would help.
HOPELESS_IN_100_WORDS = 25.0
# Formulas and programs look broken and are not.
MOST_FORMULA_SHARE = 0.02
SHORTEST_WORDS = 8
LATIN_SHARE = 0.6

_WORD = re.compile(r"\S+")
_LETTERS = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_ADDRESS = re.compile(r"://|@|^www\.|^[\w-]+(?:\.[\w-]+)+(?:/|$)|\\|::|[({\[]\)?$|_")
_CORE = re.compile(r"^[^\w]+|[^\w]+$")

# "exam- ple", but not "pre- and post-war".
_OPEN_HYPHEN = re.compile(
    r"[^\W\d_]{2,}[-¬\u00ad] +(?!(?:and|or|to|et|ou|und|oder|bis|y|o|e|en|of)\b)[a-zà-ÿ]{2,}"
)
_SPACED_WORD = re.compile(r"(?<![^\W\d_])(?:[^\W\d_] ){3,}[^\W\d_](?![^\W\d_])")
_BEFORE_STOP = re.compile(r"(?<=\w) [.,](?=\s|$)")
_NO_GAP = re.compile(r"[a-zà-ÿ]{3,}[.,;!?][A-ZÀ-Þ][a-zà-ÿ]{2}")
_ODD = re.compile(r"[\ufffd\u25a0-\u25ff\u2500-\u259f\ue000-\uf8ff|~^¬¦\\{}<>=_#*•°§¤¨´`]")
_FORMULA = re.compile(
    r"[={}\\;∈∉⊂⊆∪∩∀∃∅∞∂∑∏∫√≤≥≠≈→⇒⇔↦±×÷·^α-ωΓ-Ω\U0001d400-\U0001d7ff]|\(\)|\w\(|\.{4}"
)
_STRAY = re.compile(r"(?<=[^\S\n])[^\w\s.,;:!?«»()\[\]–—\-&%/+=€$£<>*•·…'‘’“](?!\S)")
_DOUBLED = re.compile(r"[,;:!?]\s?[,;]|\.,|,\.(?!\.)")
_DIGIT_INSIDE = re.compile(r"[^\W\d_]{2}[0-9][^\W\d_]|[^\W\d_][0-9][^\W\d_]{2}")
_SYMBOL_INSIDE = re.compile(r"[^\W\d_][|~^¬¦\\{}<>=#*°§¤¨!?;,][^\W\d_]{2}")
_CASES = re.compile(r"[a-zà-ÿ][A-ZÀ-Þ]+[a-zà-ÿ]+[A-ZÀ-Þ]|^[A-ZÀ-Þ]?[a-zà-ÿ]{1,3}[A-ZÀ-Þ]{1,2}$")
_VOWEL = re.compile(r"[aeiouyàâäéèêëîïôöùûüœæáíóúãõåøAEIOUYÀ-Ý]")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}", re.IGNORECASE)
_THRICE = re.compile(r"([^\W\d_])\1\1", re.IGNORECASE)
_ALONE = frozenset("aàyoôeiuñ&")
_ROMAN = re.compile(r"^[ivxlcdm]+$", re.IGNORECASE)


def needs_tidying(text: str) -> bool:
    """Tell whether a passage reads as if it had been read badly from a picture or a layout.

    Digital text, tables and formulas mostly do not. Passages in scripts other than the Latin
    one are left: these signs say nothing of them.
    """
    words = _WORD.findall(text)
    if len(words) < SHORTEST_WORDS or not _is_latin(text):
        return False
    if len(_FORMULA.findall(text)) > MOST_FORMULA_SHARE * len(text):
        return False
    faults = faults_of(text)
    rate = 100 * faults / len(words)
    return faults >= FEWEST_FAULTS and FAULTS_IN_100_WORDS <= rate <= HOPELESS_IN_100_WORDS


def faults_of(text: str) -> float:
    """Return how many signs of bad reading a text shows, weak ones counted in part."""
    faults = 2.0 * len(_OPEN_HYPHEN.findall(text))
    faults += sum(len(match.group().split()) / 2 for match in _SPACED_WORD.finditer(text))
    faults += len(_BEFORE_STOP.findall(text)) / 2
    faults += len(_NO_GAP.findall(text)) / 2
    faults += len(_STRAY.findall(text)) + len(_DOUBLED.findall(text)) / 2
    return faults + sum(_faults_of_word(word) for word in _WORD.findall(text))


def _faults_of_word(word: str) -> float:
    if "\ufffd" in word:
        return 2.0
    if _ADDRESS.search(word):
        return 0.0
    core = _CORE.sub("", word)
    if _DIGIT_INSIDE.search(core) or _SYMBOL_INSIDE.search(core):
        return 1.0
    if _CASES.search(core) or (_THRICE.search(core) and not _ROMAN.match(core)):
        return 0.5
    letters = len(_LETTERS.findall(core))
    if letters == len(core) == 1 and core.islower():
        return 0.0 if core in _ALONE else 0.25
    if letters >= 4 and core.islower() and not _VOWEL.search(core):
        return 1.0
    if letters == len(core) and letters > 3 and _CONSONANTS.search(core):
        return 1.0
    return 0.25 * len(_ODD.findall(word)) if letters else 0.0


def _is_latin(text: str) -> bool:
    letters = len(_LETTERS.findall(text))
    return letters > 0 and len(_LATIN.findall(text)) / letters >= LATIN_SHARE
