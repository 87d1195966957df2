"""What every reranker must do: inherit `RerankerConformance` and give it one.

class TestMyReranker(RerankerConformance):
    @pytest.fixture
    def reranker(self):
        return MyReranker(...)
"""

from __future__ import annotations

from ragline.providers.contracts import Reranker

QUESTION = "Where does the otter sleep by the river?"
PASSAGES = [
    "The oven bakes the bread.",
    "An otter sleeps under an oak by the river.",
    "The heron nests in an oak.",
]


class RerankerConformance:
    """Tests of the contract `Reranker`; the fixture `reranker` may be any model."""

    def test_it_says_what_it_is(self, reranker: Reranker) -> None:
        """It has a name, says whose limits it keeps, and how much a call takes."""
        assert reranker.name
        assert reranker.provider is None or reranker.provider
        assert reranker.passages_per_call >= 1

    def test_scores_are_shares_in_the_order_given(self, reranker: Reranker) -> None:
        """Each passage has a score from 0 to 1, and the one that answers has the best."""
        scores = reranker.rerank(QUESTION, PASSAGES).scores

        assert len(PASSAGES) == len(scores)
        assert all(0 <= score <= 1 for score in scores)
        assert 1 == scores.index(max(scores))

    def test_a_score_does_not_depend_on_the_neighbours(self, reranker: Reranker) -> None:
        """A passage alone gets nearly the score that it gets among others."""
        [alone] = reranker.rerank(QUESTION, PASSAGES[1:2]).scores

        assert abs(alone - reranker.rerank(QUESTION, PASSAGES).scores[1]) < 0.01

    def test_no_passages_no_scores(self, reranker: Reranker) -> None:
        """Nothing to read gives nothing."""
        assert () == reranker.rerank(QUESTION, []).scores

    def test_odd_texts_are_taken(self, reranker: Reranker) -> None:
        """Texts that are long, empty or of signs only have a score too."""
        odd = ["", "?", "\u202e\U0001f600", "river " * 5000, "robe d'été"]

        assert len(odd) == len(reranker.rerank("otter " * 900, odd).scores)

    def test_what_is_taken_is_told(self, reranker: Reranker) -> None:
        """Tokens and cost are never below nothing."""
        given = reranker.rerank(QUESTION, PASSAGES)

        assert given.tokens >= 0
        assert given.cost >= 0

    def test_closing_twice_is_allowed(self, reranker: Reranker) -> None:
        """A second close does nothing."""
        reranker.close()
        reranker.close()
