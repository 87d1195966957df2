"""Questions and passages meet in their terms."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ragline.language.lexical import (
    LexicalVector,
    lexical_vector_of_passage,
    lexical_vector_of_query,
)
from ragline.language.terms import (
    PAIRS,
    content_words,
    fold,
    pair_ids,
    term_id,
    terms_of,
    words_of,
)


def meet(question: str, passage: str, *, asked_in: str | None, written_in: str | None) -> bool:
    """Tell whether a question and a passage have a term in common."""
    query = lexical_vector_of_query(question, asked_in, {written_in})
    return bool(set(query.indices) & set(lexical_vector_of_passage(passage, written_in).indices))


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("été", "ete"),
        ("straße", "strasse"),
        ("œuvre", "oeuvre"),
        ("が", "が"),
        ("й", "й"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_only_latin_and_greek_lose_their_marks(word: str, folded: str) -> None:
    """In other scripts marks make another letter."""
    assert folded == fold(word)


def test_elision_and_clitics_are_cut() -> None:
    """Articles and possessives before or after an apostrophe are no part of the word."""
    text = "L’énergie n'est qu'une idée d'Artagnan, John's; aujourd'hui"

    expected = ["energie", "est", "une", "idee", "artagnan", "john", "aujourd", "hui"]
    assert expected == words_of(text)


def test_unspaced_scripts_are_cut_in_pairs() -> None:
    """Chinese and Japanese have no spaces: neighbours make the terms."""
    assert words_of("日本語 abc") == ["日本", "本語", "abc"]


def test_stop_words_are_those_of_the_language() -> None:
    """What is empty in one language may mean something in another."""
    assert content_words(["the", "est", "wing"], "en") == ["est", "wing"]
    assert content_words(["the", "est", "wing"], "fr") == ["the", "wing"]


def test_without_language_nothing_is_stemmed() -> None:
    """An unknown language leaves words as they are."""
    assert terms_of(["studies", "wings"], None) == ["studies", "wings"]
    assert terms_of(["studies", "wings"], "en") == ["studi", "wing"]


def test_term_ids_are_the_same_in_every_process() -> None:
    """Ids do not depend on the hash seed of the interpreter."""
    code = "from ragline.language.terms import term_id; print(term_id('énergie'))"

    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert runs == {f"{term_id('énergie')}\n"}


def test_weights_grow_less_with_each_repetition() -> None:
    """Term frequency saturates, and weighs less in a long passage."""
    [once] = lexical_vector_of_passage("wing", "en").values
    twice = max(lexical_vector_of_passage("wing wing", "en").values)
    in_long = lexical_vector_of_passage("wing " + " ".join(f"w{n}" for n in range(200)), "en")

    assert once < twice < 2 * once
    assert min(in_long.values) < once


def meeting(question: str, passage: str) -> float:
    """Return what a passage's lexical score would be if all terms were equally rare."""
    weights = dict(zip(*_both(lexical_vector_of_passage(passage, "en")), strict=True))
    query = lexical_vector_of_query(question, "en", {"en"})
    return sum(weights.get(term, 0.0) * weight for term, weight in zip(*_both(query), strict=True))


def _both(vector: LexicalVector) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return vector.indices, vector.values


def test_an_exact_phrase_comes_first() -> None:
    """Among passages of the same words, the one that has them side by side scores higher."""
    apart = "at the boundary the gas under pressure makes a layer"
    together = "the gas under pressure makes a boundary layer"

    assert meeting("boundary layer", apart) < meeting("boundary layer", together)


def test_words_count_more_than_their_order() -> None:
    """One more word of the question is worth more than a phrase of it."""
    question = "turbulent boundary layer"

    assert meeting(question, "boundary layer") < meeting(question, "layer turbulent x boundary")


def test_pairs_have_few_numbers() -> None:
    """However many pairs there are, a store keeps no more lists of them than this."""
    assert all(number < PAIRS for number in pair_ids([f"w{n}" for n in range(100)]))


def test_a_passage_of_stop_words_has_no_terms() -> None:
    """Nothing to weigh gives an empty vector."""
    assert lexical_vector_of_passage("the of and", "en").indices == ()


@pytest.mark.parametrize("asked_in", ["fr", "en", "de", None])
def test_a_wrong_language_of_the_question_does_no_harm(asked_in: str | None) -> None:
    """Whatever the question is taken for, it finds the forms its passages have."""
    assert meet("dépenses publiques", "la dépense publique", asked_in=asked_in, written_in="fr")
    assert meet("public studies", "a public study", asked_in=asked_in, written_in="en")


def test_accents_may_be_left_out() -> None:
    """A question typed without accents meets the accented passage."""
    assert meet("DEPENSES", "les dépenses", asked_in=None, written_in="fr")


def test_an_unknown_passage_language_still_meets() -> None:
    """A passage too short for its language to be known is found by its own words."""
    assert meet("wings", "wings", asked_in="en", written_in=None)


def test_unknown_passage_languages_mean_all() -> None:
    """Without knowledge of the passages, every language with stop words is tried."""
    query = lexical_vector_of_query("dépenses publiques", None)
    passage = lexical_vector_of_passage("la dépense publique", "fr")

    assert set(passage.indices) <= set(query.indices)


def test_words_beside_a_passage_find_it() -> None:
    """What is said beside a passage finds it, and leaves the weights of its own words."""
    alone = lexical_vector_of_passage("the lamp of a tower", "en")
    passage = lexical_vector_of_passage("the lamp of a tower", "en", beside="Zoé Lamp 1911")
    asked = lexical_vector_of_query("zoe 1911", "en")

    weights = dict(zip(passage.indices, passage.values, strict=True))
    assert dict(zip(alone.indices, alone.values, strict=True)).items() <= weights.items()
    assert 2 == len(set(asked.indices) & set(weights))
