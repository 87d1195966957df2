"""Servers of reranking are asked in their own form, and their failures become ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.fakes.openai_server import Reply, failure
from tests.fakes.rerank_server import FakeReranker, ranked

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers import registry
from ragline.providers.contracts import Reranker
from ragline.settings import Settings
from ragline.testing.reranker import PASSAGES, QUESTION, RerankerConformance

KEY = "rk-1234567890-secret"


def connect(url: str | None, name: str = "endpoint", **changes: Any) -> Reranker:
    values: dict[str, Any] = {
        "reranker": name,
        "reranker_base_url": url,
        "reranker_api_key": KEY,
        "reranker_model": "rerank-1",
        "reranker_timeout_seconds": 5,
    }
    found = registry.reranker(Settings(_env_file=None, **(values | changes)))
    assert found is not None
    return found


@pytest.fixture
def fake() -> Iterator[FakeReranker]:
    with FakeReranker().running() as server:
        assert isinstance(server, FakeReranker)
        yield server


@pytest.fixture
def reranker(fake: FakeReranker) -> Iterator[Reranker]:
    made = connect(fake.url)
    yield made
    made.close()


@pytest.mark.parametrize("form", ["cohere", "llamacpp", "tei"])
class TestConformance(RerankerConformance):
    """The adapter passes the suite in each form."""

    @pytest.fixture
    def reranker(self, form: str) -> Iterator[Reranker]:
        with FakeReranker(form).running() as server:
            made = connect(server.url, reranker_form=form)
            yield made
            made.close()


@pytest.mark.parametrize(("name", "model"), [("cohere", "rerank-v3.5"), ("jina", "jina-reranker")])
def test_services_have_a_model_of_their_own(fake: FakeReranker, name: str, model: str) -> None:
    """The provider's model is asked for where none is set, and its limits are its own."""
    made = connect(fake.url, name, reranker_model=None)
    made.rerank(QUESTION, PASSAGES)
    made.close()

    [request] = fake.requests
    assert request["model"].startswith(model)
    assert name == made.provider
    assert {"model": request["model"], "query": QUESTION, "documents": PASSAGES, "top_n": 3} == (
        request
    )
    assert f"Bearer {KEY}" == fake.headers[0]["authorization"]


def test_what_it_took_is_told(fake: FakeReranker) -> None:
    """Tokens cost what the settings say, and so does a call."""
    made = connect(
        fake.url,
        token_prices={"rerank-1": {"prompt": 1_000_000 / 42}},
        reranker_call_price=0.002,
    )
    given = made.rerank(QUESTION, PASSAGES)
    made.close()

    assert ("rerank-1", 42) == (given.model, given.tokens)
    assert given.cost == pytest.approx(1.002)


def test_too_many_requests_keep_the_wait(fake: FakeReranker, reranker: Reranker) -> None:
    """A limit of the server is temporary, with the seconds it asks for."""
    fake.replies = [failure(429, retry_after="7")]

    with pytest.raises(TemporaryProviderError) as raised:
        reranker.rerank(QUESTION, PASSAGES)

    assert 7 == raised.value.retry_after


def results(*pairs: tuple[int, float]) -> Reply:
    found = [{"index": index, "relevance_score": score} for index, score in pairs]
    return Reply(json.dumps({"results": found}).encode())


@pytest.mark.parametrize(
    "reply",
    [
        failure(500),
        failure(503),
        Reply(b"<html>not json</html>"),
        Reply(b'{"results": "none"}'),
        Reply(b'{"results": [{"index": "a", "relevance_score": 1}]}'),
        Reply(b"[" * 100_000),
        results((0, 0.5), (1, 0.5)),
        results((0, 0.5), (1, 0.5), (1, 0.4)),
        results((0, 0.5), (1, 0.5), (3, 0.4)),
        results((0, 0.5), (1, 0.5), (2, 0.1), (-1, 0.4)),
        results((0, 0.5), (1, float("nan")), (2, 0.1)),
        ranked([0.1, 0.2, 0.3], sent=30),
        ranked([0.1, 0.2, 0.3], sent=0),
    ],
    ids=[
        "500",
        "503",
        "html",
        "no list",
        "no number",
        "nested",
        "too few",
        "twice",
        "beyond",
        "below",
        "nan",
        "truncated",
        "nothing",
    ],
)
def test_what_may_pass_is_temporary(fake: FakeReranker, reranker: Reranker, reply: Reply) -> None:
    """Failures of the server and answers that are none are tried again."""
    fake.replies = [reply]

    with pytest.raises(TemporaryProviderError):
        reranker.rerank(QUESTION, PASSAGES)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_refusals_are_for_good(fake: FakeReranker, reranker: Reranker, status: int) -> None:
    """What the server refuses is not asked again, and the key is never shown."""
    fake.replies = [failure(status, f"no {KEY}")]

    with pytest.raises(PermanentProviderError) as raised:
        reranker.rerank(QUESTION, PASSAGES)

    assert KEY not in raised.value.message


def test_a_slow_server_is_given_up(fake: FakeReranker) -> None:
    """A time-out is temporary and names its setting."""
    fake.replies = [ranked([0.1] * 3, delay=5)]
    made = connect(fake.url, reranker_timeout_seconds=0.3)

    with pytest.raises(TemporaryProviderError, match="RAGLINE_RERANKER_TIMEOUT_SECONDS"):
        made.rerank(QUESTION, PASSAGES)
    made.close()


def test_scores_of_another_scale_name_the_setting(fake: FakeReranker, reranker: Reranker) -> None:
    """Scores before the model's last function are told apart."""
    fake.replies = [ranked([0.1, -4.0, 7.5])]

    with pytest.raises(PermanentProviderError, match="RAGLINE_RERANKER_FORM=llamacpp"):
        reranker.rerank(QUESTION, PASSAGES)


def test_a_server_that_is_not_there_is_temporary() -> None:
    """It may be starting."""
    made = connect("http://127.0.0.1:9/v1")

    with pytest.raises(TemporaryProviderError, match="RAGLINE_RERANKER_BASE_URL"):
        made.rerank(QUESTION, PASSAGES)
    made.close()


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("cohere", {"reranker_api_key": None}, "RAGLINE_RERANKER_API_KEY"),
        ("endpoint", {}, "RAGLINE_RERANKER_BASE_URL"),
        (
            "endpoint",
            {"reranker_base_url": "http://127.0.0.1:9", "reranker_model": None},
            "RAGLINE_RERANKER_MODEL",
        ),
        ("endpoint", {"reranker_base_url": "ftp://x"}, "RAGLINE_RERANKER_BASE_URL"),
        ("unheard-of", {}, "reranker named 'unheard-of'"),
    ],
)
def test_settings_that_cannot_work_are_told(name: str, changes: dict[str, Any], said: str) -> None:
    """The start stops with the setting to change."""
    with pytest.raises(ConfigurationError, match=said):
        connect(changes.pop("reranker_base_url", None), name, **changes)


@pytest.mark.parametrize("name", [None, "none"])
def test_none_is_no_reranker(name: str | None) -> None:
    """Unset and `none` mean the same."""
    assert registry.reranker(Settings(_env_file=None, reranker=name)) is None
