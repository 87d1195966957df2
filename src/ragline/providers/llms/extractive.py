"""Answers made of the passages' own sentences: no model, no network, always the same."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from ragline.errors import PermanentProviderError
from ragline.providers.contracts import (
    Answer,
    Ask,
    Quote,
    Rewrite,
    Task,
    Turn,
    Usage,
    Written,
    drained,
)
from ragline.providers.llms.evidence import Evidence, Sentence, Support
from ragline.providers.llms.phrases import nothing_found
from ragline.providers.llms.queries import in_other_words, standing_alone
from ragline.settings import Settings

# Part of the question's weight that the best passage must hold. Of 500 French and 1,190
# English questions, 79 and 91 % got a quote with the answer where its passage was one of five,
# and 96 and 98 % were told that nothing was found in five passages drawn by chance.
NEAR = 0.42
# One shared word alone is chance more often than not.
NEAR_BY_ONE_WORD = 0.45
MOST_SENTENCES = 3
# A further sentence is quoted if its score is at least this part of the best one's.
FURTHER = 0.6

PASSAGE_WEIGHT = 0.5
RANK_WEIGHT = 0.4
NEIGHBOUR_WEIGHT = 0.3

LONGEST_HEADING = 80

_MARKER = re.compile(r"\s*\[\d+(?:\s*[,;–-]\s*\d+)*\]")
_ENDS = re.compile(r"[.!…][\"'”’»)\]\s]*$")
# Sentences that begin like this speak of what the sentence before named.
_LOOKS_BACK = re.compile(
    r"(?:it|its|he|his|she|her|they|their|this|that|these|those|such"
    r"|il|elle|ils|elles|ce|c['’]|cet|cette|ces|cela|celui-ci|celle-ci|ceux-ci|son|sa|ses|leurs?"
    r")\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Span:
    """Neighbouring sentences of a passage, quoted as one."""

    passage: int
    first: int
    last: int


class ExtractiveLLM:
    """Quotes the sentences nearest to the question; it never words an answer of its own."""

    name = "extractive"
    provider: str | None = None

    def __init__(self, settings: Settings | None = None) -> None:
        """Take the settings like every adapter does, and need none."""

    @property
    def default_model(self) -> str:
        """Its own name: there is no model."""
        return self.name

    def stream(self, ask: Ask) -> Generator[str | Answer, None, None]:
        """Yield one to three sentences, each followed by `[k]` for the k-th quote.

        `model` is ignored, since there is none. The same question gives the same answer.
        """
        quotes = self._quotes(ask)
        if not quotes:
            lines = [nothing_found(ask.question, ask.language)]
        else:
            lines = [f"{_shown(quote.text)} [{k}]" for k, quote in enumerate(quotes, start=1)]
        for index, line in enumerate(lines):
            yield f" {line}" if index else line
        yield Answer(" ".join(lines), quotes, Usage(model=self.name, adapter=self.name))

    def answer(self, ask: Ask) -> Answer:
        """Return the whole answer at once."""
        return drained(self.stream(ask))

    def rewrite(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        other_words: bool = False,
        model: str | None = None,
    ) -> Rewrite:
        """Return the question with what it leans on, then its content words and their stems."""
        alone = standing_alone(question, history)
        others = in_other_words(alone) if other_words else []
        return Rewrite((alone, *others), Usage(model=self.name, adapter=self.name))

    def write(self, task: Task) -> Written:
        """Refuse: it writes nothing of its own."""
        raise PermanentProviderError(
            "This work needs a model that writes: name one in RAGLINE_LLM, such as 'openai'."
        )

    def models(self) -> list[str]:
        """Return the one name there is."""
        return [self.name]

    def close(self) -> None:
        """Hold nothing, release nothing."""

    def _quotes(self, ask: Ask) -> tuple[Quote, ...]:
        """Return what is near the question, or near it with what it leans on."""
        evidence = Evidence(ask.passages)
        for question in dict.fromkeys([ask.question, standing_alone(ask.question, ask.history)]):
            support = evidence.support(question)
            ranked = _ranked(evidence, support)
            if ranked and _is_near(support, ranked[0][1].passage):
                return tuple(_quote(evidence, span) for span in _chosen(evidence, ranked))
        return ()


def _ranked(evidence: Evidence, support: Support) -> list[tuple[float, Sentence]]:
    """Return the sentences that share a word with the question, best first.

    A sentence's own words count in full; what its neighbours, its passage and the search
    say counts in part; of equal ones the earlier is better.
    """
    scored = []
    for index, (each, held) in enumerate(zip(evidence.sentences, support.held, strict=True)):
        if not held:
            continue
        beside = _neighbours(evidence, support, index) - held
        score = (
            support.share(held)
            + NEIGHBOUR_WEIGHT * support.share(beside)
            + PASSAGE_WEIGHT * support.share(support.held_by_passage[each.passage])
            + RANK_WEIGHT * evidence.passages[each.passage].score
        )
        scored.append((score, each))
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].passage, pair[1].ordinal))


def _neighbours(evidence: Evidence, support: Support, index: int) -> frozenset[str]:
    """Return the question's words in the sentences before and after one."""
    passage = evidence.sentences[index].passage
    near = [i for i in (index - 1, index + 1) if 0 <= i < len(evidence.sentences)]
    return frozenset().union(
        *(support.held[i] for i in near if evidence.sentences[i].passage == passage)
    )


def _is_near(support: Support, passage: int) -> bool:
    """Tell whether a passage holds enough of the question to be about the same thing."""
    held = support.held_by_passage[passage]
    needed = NEAR if len(held) > 1 else NEAR_BY_ONE_WORD
    return support.share(held) >= needed


def _chosen(evidence: Evidence, ranked: Sequence[tuple[float, Sentence]]) -> list[_Span]:
    """Return what to quote, best first, in all no more sentences than are allowed."""
    best = ranked[0][0]
    spans: list[_Span] = []
    said: set[str] = set()
    for score, each in ranked:
        if score < FURTHER * best:
            break
        words = _shown(evidence.text(each))
        if words in said:
            continue
        said.add(words)
        joined = _joined(spans, _completed(evidence, each))
        if sum(span.last - span.first + 1 for span in joined) > MOST_SENTENCES:
            joined = _joined(spans, _Span(each.passage, each.ordinal, each.ordinal))
        if sum(span.last - span.first + 1 for span in joined) > MOST_SENTENCES:
            break
        spans = joined
    return spans


def _completed(evidence: Evidence, sentence: Sentence) -> _Span:
    """Add the sentence before one that looks back, and the one after a heading or question."""
    text = evidence.text(sentence)
    count = sum(each.passage == sentence.passage for each in evidence.sentences)
    first = last = sentence.ordinal
    if first > 0 and _LOOKS_BACK.match(text):
        first -= 1
    if last + 1 < count and _looks_forward(text):
        last += 1
    return _Span(sentence.passage, first, last)


def _looks_forward(text: str) -> bool:
    """Tell whether the words that matter follow: after a colon, a question or a heading."""
    if text.rstrip().endswith((":", "?")):
        return True
    return len(text) <= LONGEST_HEADING and not _ENDS.search(text)


def _joined(spans: Sequence[_Span], added: _Span) -> list[_Span]:
    """Return the spans with one more, joined with those that it touches."""
    result = list(spans)
    for span in spans:
        touches = span.first <= added.last + 1 and added.first <= span.last + 1
        if span.passage == added.passage and touches:
            result.remove(span)
            added = _Span(span.passage, min(span.first, added.first), max(span.last, added.last))
    place = next((i for i, span in enumerate(spans) if span not in result), len(result))
    result.insert(place, added)
    return result


def _quote(evidence: Evidence, span: _Span) -> Quote:
    """Return the words of a span as they stand in the passage."""
    inside = [
        each
        for each in evidence.sentences
        if each.passage == span.passage and span.first <= each.ordinal <= span.last
    ]
    text = evidence.passages[span.passage].text
    return Quote(span.passage, text[inside[0].start : inside[-1].end])


def _shown(text: str) -> str:
    """Return a quote on one line, without the source's own numbers in brackets."""
    return " ".join(_MARKER.sub("", text).split())
