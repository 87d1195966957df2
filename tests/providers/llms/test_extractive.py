"""Answers from the passages' own sentences, and how often they hold what was asked."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ragline.providers import registry
from ragline.providers.contracts import Answer, Ask, Passage, Turn
from ragline.providers.llms.extractive import MOST_SENTENCES, ExtractiveLLM
from ragline.settings import Settings
from ragline.testing.llm import HISTORY, PASSAGES, QUESTION, UNRELATED_QUESTION, LLMConformance

NOTHING = "I found nothing about this in the documents."
# Of the questions, one in so many is asked.
SHARE = 3
RIEN = "Je n'ai rien trouvé à ce sujet dans les documents."


@pytest.fixture
def llm() -> ExtractiveLLM:
    return ExtractiveLLM()


class TestConformance(LLMConformance):
    """The built-in model passes the suite for all models."""


def quoted(llm: ExtractiveLLM, question: str, *texts: str) -> list[str]:
    """Return the quotes from passages with these texts."""
    passages = [Passage("", text, 1 / (1 + index)) for index, text in enumerate(texts)]
    return [quote.text for quote in llm.answer(Ask(question, passages)).quotes]


def test_registered() -> None:
    """It is found by its name."""
    assert isinstance(registry.llm("extractive", Settings(_env_file=None)), ExtractiveLLM)


def test_answer(llm: ExtractiveLLM) -> None:
    """The answer is the sentence that holds the question's words, with its marker."""
    answer = llm.answer(Ask(QUESTION, PASSAGES))

    assert answer.quotes[0].passage == 0
    assert "The warranty of the kettle lasts two years." in answer.quotes[0].text
    assert "The warranty of the kettle lasts two years. [1]" in answer.text


def test_nothing_found(llm: ExtractiveLLM) -> None:
    """A question that the passages do not speak of is answered with these words, unquoted."""
    answer = llm.answer(Ask(UNRELATED_QUESTION, PASSAGES))

    assert (answer.text, answer.quotes) == (NOTHING, ())


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Qui a composé l'opéra Tannhäuser et en quelle année ?", RIEN),
        ("Qui est Zidane ?", RIEN),
        ("Who is Zidane?", NOTHING),
        ("Wer hat die Oper Tannhäuser komponiert?", NOTHING),
        ("Tannhäuser", NOTHING),
        ("", NOTHING),
    ],
)
def test_language_of_nothing(llm: ExtractiveLLM, question: str, expected: str) -> None:
    """The words are in the question's language, in English where they are not translated."""
    assert llm.answer(Ask(question, PASSAGES)).text == expected


def test_high_score_is_no_proof(llm: ExtractiveLLM) -> None:
    """A passage at the top of the ranking is not quoted for its score alone."""
    top = Passage("Toaster", "The toaster browns six slices at once.", 1.0)

    assert llm.answer(Ask(UNRELATED_QUESTION, [top])).quotes == ()


def test_another_name_is_another_subject(llm: ExtractiveLLM) -> None:
    """What is said of one name does not answer what is asked of another."""
    text = "The capital of France is Paris. Its capital has two million people."

    assert quoted(llm, "What is the capital of Mongolia?", text) == []


def test_stems_and_accents(llm: ExtractiveLLM) -> None:
    """Other forms of a word match, with or without accents."""
    text = "Le musée ouvre à dix heures. Les élèves étudiants paient moitié prix."

    assert quoted(llm, "Quel prix paye un eleve etudiant ?", text) == [
        "Les élèves étudiants paient moitié prix."
    ]


def test_sentence_that_looks_back(llm: ExtractiveLLM) -> None:
    """A sentence that begins with a pronoun comes with the one before it."""
    text = "Anna Berg was a painter from Oslo. She won the Nordic medal in 1931. Rain fell."

    assert quoted(llm, "Who won the Nordic medal in 1931?", text) == [
        "Anna Berg was a painter from Oslo. She won the Nordic medal in 1931."
    ]


def test_question_in_the_passage(llm: ExtractiveLLM) -> None:
    """A question that stands in a passage comes with the sentence after it."""
    text = "How can I return a kettle? Send it back within thirty days. We are glad to help."

    assert quoted(llm, "How can I return a kettle?", text) == [
        "How can I return a kettle? Send it back within thirty days."
    ]


def test_heading(llm: ExtractiveLLM) -> None:
    """A heading comes with the sentence below it."""
    text = "Opening hours\n\nFrom nine to five. Closed in August."

    assert quoted(llm, "opening hours", text) == ["Opening hours\n\nFrom nine to five."]


def test_source_numbers_are_no_markers(llm: ExtractiveLLM) -> None:
    """Numbers in brackets that the source holds stay in the quote and leave the answer."""
    passage = Passage("", "The old bridge was built in 1889 [12].", 1)
    answer = llm.answer(Ask("When was the old bridge built?", [passage]))

    assert answer.text == "The old bridge was built in 1889. [1]"
    assert answer.quotes[0].text == "The old bridge was built in 1889 [12]."


def test_length(llm: ExtractiveLLM) -> None:
    """However much is near, an answer holds few sentences."""
    text = " ".join(f"The red bridge number {number} is old." for number in range(40))

    quotes = quoted(llm, "Which red bridge is old?", text, text)

    assert sum(quote.count("bridge") for quote in quotes) == MOST_SENTENCES


def test_earlier_of_equals(llm: ExtractiveLLM) -> None:
    """Of equal sentences the first in the better passage is quoted first."""
    text = "Red bridges are old. Snow fell. Snow fell. Red bridges are old."

    assert quoted(llm, "Are red bridges old?", text)[0] == "Red bridges are old."
    assert llm.answer(Ask("Are red bridges old?", [Passage("", text, 1)])).quotes[0].passage == 0


def test_stream(llm: ExtractiveLLM) -> None:
    """Each quoted sentence is a piece of its own."""
    text = "The red bridge is old. Snow fell on the town. The blue bridge is old."

    *pieces, _ = llm.stream(Ask("Which bridge is old?", [Passage("", text, 1)]))

    assert pieces == ["The red bridge is old. [1]", " The blue bridge is old. [2]"]


def test_follow_up(llm: ExtractiveLLM) -> None:
    """A follow-up that names nothing is answered by what it leans on."""
    history = (Turn("user", "Who made the old kettle?"), Turn("assistant", "Bosch."))
    passage = Passage("", "The kettle was made by Bosch. Toasters come from Braun.", 1)

    answer = llm.answer(Ask("And why is that?", [passage], history))

    assert [quote.text for quote in answer.quotes] == ["The kettle was made by Bosch."]


def test_language_that_was_asked_for(llm: ExtractiveLLM) -> None:
    """A language that was asked for goes before the question's."""
    assert llm.answer(Ask("Who is Zidane?", PASSAGES, language="fr")).text == RIEN


def test_other_words(llm: ExtractiveLLM) -> None:
    """Queries in other words are the content words and their stems; nothing is drawn by chance."""
    found = llm.rewrite("And the toasters?", HISTORY, other_words=True).queries

    assert found == (
        "And the toasters? many years warranty kettle last",
        "toasters many years warranty kettle last",
        "toaster mani year warranti kettl last",
    )


SCRIPT = """
import sys
from ragline.providers.llms.extractive import ExtractiveLLM
from ragline.providers.contracts import Ask
from ragline.testing.llm import PASSAGES
print(ExtractiveLLM().answer(Ask(sys.argv[1], PASSAGES)))
"""


def test_same_in_every_process(llm: ExtractiveLLM) -> None:
    """The answer does not depend on the seed of Python's hashes."""
    question = "Which parts does the warranty of the kettle cover, and how often empty its tray?"
    elsewhere = subprocess.run(
        [sys.executable, "-c", SCRIPT, question],
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert elsewhere.stdout == f"{llm.answer(Ask(question, PASSAGES))}\n"


@dataclass
class Asked:
    """A question, its answers, its own passage among four others, and five others alone."""

    question: str
    answers: list[str]
    passages: list[Passage]
    unrelated: list[Passage]


def asked(folder: Path) -> Iterator[Asked]:
    """Read a set in BEIR's layout; the passages beside the right one are drawn by chance."""
    chance = random.Random(1)
    documents = {
        document["_id"]: document
        for document in map(json.loads, (folder / "corpus.jsonl").read_text().splitlines())
    }
    judged = [line.split("\t") for line in (folder / "qrels.tsv").read_text().splitlines()[1:]]
    relevant = {query: document for query, document, _ in judged}
    for line in (folder / "queries.jsonl").read_text().splitlines():
        query = json.loads(line)
        own = documents[relevant[query["_id"]]]
        drawn = [documents[each] for each in chance.sample(sorted(documents), 40)]
        others = [each for each in drawn if each["title"] != own["title"]]
        unrelated = [
            Passage(each["title"], each["text"], 1 - index / 5)
            for index, each in enumerate(others[:5])
        ]
        gold = Passage(own["title"], own["text"], 0.9)
        answers = query["metadata"].get("answers") or [query["metadata"]["answer"]]
        yield Asked(query["text"], answers, [*unrelated[:1], gold, *unrelated[1:4]], unrelated)


def holds(answer: Answer, spans: list[str]) -> bool:
    return any(span in quote.text for quote in answer.quotes for span in spans)


@pytest.mark.parametrize(
    ("name", "answered", "refused"),
    [("piaf_fr_dev500", 0.75, 0.94), ("xquad_en2en", 0.87, 0.95)],
)
def test_quality(
    llm: ExtractiveLLM, test_data: Path, name: str, answered: float, refused: float
) -> None:
    """Most quotes hold the answer, though another passage ranks first; most strays stay out."""
    every = list(asked(test_data / "retrieval" / name))[::SHARE]

    found = [holds(llm.answer(Ask(each.question, each.passages)), each.answers) for each in every]
    nothing = [not llm.answer(Ask(each.question, each.unrelated)).quotes for each in every]

    print(
        f"{name}: answer quoted {sum(found) / len(every):.3f}, "
        f"unrelated refused {sum(nothing) / len(every):.3f}"
    )
    assert sum(found) / len(every) >= answered
    assert sum(nothing) / len(every) >= refused
