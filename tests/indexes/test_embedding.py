"""Passages are embedded in parts: in a child, or at a service call by call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.fakes.openai_server import Reply, failure
from tests.fakes.text_embeddings import (
    BREAKING,
    DIMENSIONS,
    POISON,
    FakeTextEmbeddings,
    vector_of,
)
from tests.inprocess import InProcessServer

from ragline.bootstrap import Runtime
from ragline.errors import RefusedTexts, TemporaryProviderError
from ragline.indexes.embedding import Part, embed_group, groups, paid_embedding
from ragline.jobs.turnstile import Turnstile
from ragline.providers.contracts import Usage

TEXTS = [f"passage number {number}" for number in range(8)]


@pytest.fixture
def fake() -> Iterator[FakeTextEmbeddings]:
    with FakeTextEmbeddings().running() as server:
        assert isinstance(server, FakeTextEmbeddings)
        yield server


@pytest.fixture
def runtime(server: InProcessServer, fake: FakeTextEmbeddings) -> Iterator[Runtime]:
    """Return the server's runtime with a service of embeddings."""
    described = {"base_url": fake.url, "model": "fake", "dimensions": DIMENSIONS}
    prices = {"fake": {"prompt": 2.0}}
    settings = server.runtime.settings.model_copy(
        update={
            "embedder_endpoints": type(server.runtime.settings)(
                _env_file=None, embedder_endpoints={"fake": described}
            ).embedder_endpoints,
            "token_prices": type(server.runtime.settings)(
                _env_file=None, token_prices=prices
            ).token_prices,
        }
    )
    made = replace(server.runtime, settings=settings, _embedders={})
    yield made
    made.embedder_for("fake").close()


class Waits(list[float]):
    """Notes the waits that are asked for, and makes none."""

    def turnstile(self) -> Turnstile:
        return Turnstile(self.append)


def made(
    runtime: Runtime,
    texts: Sequence[str],
    *,
    spec: str = "fake",
    check: Callable[[], None] = lambda: None,
) -> list[Part]:
    return list(embed_group(runtime, spec, texts, Waits().turnstile(), check=check))


def collected(runtime: Runtime, texts: Sequence[str]) -> tuple[list[int], Exception | None]:
    """Return the places of which there are vectors, and what was raised in the end."""
    places: list[int] = []
    try:
        for part in embed_group(runtime, "fake", texts, Waits().turnstile()):
            places += part.places
    except (RefusedTexts, TemporaryProviderError) as error:
        return places, error
    return places, None


def test_a_child_embeds_a_group(server: InProcessServer) -> None:
    """A model that computes here gives one part, for which nobody pays."""
    [part] = made(server.runtime, TEXTS[:3], spec="use")

    assert ([0, 1, 2], None) == (list(part.places), part.paid)
    expected = server.runtime.embedder_for("use").embed_passages(TEXTS[:3])
    assert np.allclose(expected, part.vectors, atol=1e-6)


def test_a_service_embeds_a_group(runtime: Runtime) -> None:
    """One call gives one part, with what it took."""
    [part] = made(runtime, TEXTS)

    expected = np.array([vector_of(text) for text in TEXTS])
    assert np.allclose(expected / np.linalg.norm(expected, axis=1)[:, None], part.vectors)
    assert part.paid is not None
    assert 24 == part.paid.prompt_tokens


def test_nothing_is_nothing(runtime: Runtime, fake: FakeTextEmbeddings) -> None:
    """No texts, no call."""
    assert ([], []) == (made(runtime, []), fake.requests)


def test_groups_fit_a_call_or_a_child(runtime: Runtime) -> None:
    """A service's groups are its calls, others have the size of a child's work."""
    texts = [f"text {number}" for number in range(70)]

    assert [32, 32, 6] == [len(texts[each]) for each in _groups(runtime, "fake", texts)]
    most = runtime.settings.embed_batch
    assert all(len(texts[each]) <= most for each in _groups(runtime, "use", texts))


@pytest.mark.parametrize("bad", range(len(TEXTS)))
def test_a_refused_text_does_not_sink_the_others(runtime: Runtime, bad: int) -> None:
    """All others have their vectors before the refusal is raised."""
    texts = [f"{text} {POISON}" if place == bad else text for place, text in enumerate(TEXTS)]
    places, error = collected(runtime, texts)

    assert [place for place in range(len(TEXTS)) if place != bad] == sorted(places)
    assert isinstance(error, RefusedTexts)


@pytest.mark.parametrize("bad", [0, 5])
def test_nor_does_one_at_which_the_service_fails(runtime: Runtime, bad: int) -> None:
    """A batch that fails again and again is divided as well."""
    texts = [f"{text} {BREAKING}" if place == bad else text for place, text in enumerate(TEXTS)]
    places, error = collected(runtime, texts)

    assert [place for place in range(len(TEXTS)) if place != bad] == sorted(places)
    assert isinstance(error, TemporaryProviderError)


def test_nothing_is_paid_for_twice(runtime: Runtime, fake: FakeTextEmbeddings) -> None:
    """Dividing asks again only for texts without a vector."""
    texts = [*TEXTS[:7], f"the last {POISON}"]
    places, _ = collected(runtime, texts)

    assert list(range(7)) == sorted(places)


def test_a_service_that_is_away_is_left_alone(runtime: Runtime, fake: FakeTextEmbeddings) -> None:
    """Not every text is tried alone where nothing works at all."""
    fake.replies = [failure(503)] * 100
    places, error = collected(runtime, TEXTS)

    assert ([], TemporaryProviderError) == (places, type(error))
    assert 6 >= len(fake.requests)


def test_one_failure_is_tried_again_whole(runtime: Runtime, fake: FakeTextEmbeddings) -> None:
    """After a wait, and without dividing."""
    fake.replies = [failure(500)]
    waits = Waits()
    [part] = embed_group(runtime, "fake", TEXTS, waits.turnstile())

    assert len(TEXTS) == len(part.places)
    assert 1 == len(waits)


def test_a_service_that_asks_for_time_gets_it(runtime: Runtime, fake: FakeTextEmbeddings) -> None:
    """The next call waits as long as it says, and texts are not divided."""
    fake.replies = [failure(429, retry_after="3"), failure(429, retry_after="2")]
    waits = Waits()
    [part] = embed_group(runtime, "fake", TEXTS, waits.turnstile())

    assert len(TEXTS) == len(part.places)
    assert [3, 2] == [round(wait) for wait in waits]


def test_it_is_not_asked_for_ever(runtime: Runtime, fake: FakeTextEmbeddings) -> None:
    """A service that only puts off ends the step, which is tried again later."""
    fake.replies = [failure(429, retry_after="1")] * 100
    with pytest.raises(TemporaryProviderError) as raised:
        made(runtime, TEXTS)

    assert 1 == raised.value.retry_after
    assert 10 > len(fake.requests)


class Unwanted(Exception):
    """What a check raises."""


def test_a_call_ends_when_it_is_not_wanted(runtime: Runtime, fake: FakeTextEmbeddings) -> None:
    """A call under way is broken off by what the check raises."""
    fake.replies = [Reply(b"{}", held_at=1)]

    def check() -> None:
        raise Unwanted

    with pytest.raises(Unwanted):
        made(runtime, TEXTS, check=check)
    assert fake.hung_up.wait(10)


def test_what_a_part_cost(runtime: Runtime) -> None:
    """Tokens at the price of the model that the service names."""
    row: dict[str, Any] = paid_embedding(runtime, "job", "embed_fake", Usage("fake", 500_000))

    assert ("embed", "embed_fake", 500_000) == (
        row["purpose"],
        row["provider"],
        row["prompt_tokens"],
    )
    assert pytest.approx(1.0) == row["cost"]


def _groups(runtime: Runtime, spec: str, texts: Sequence[str]) -> list[slice]:
    return groups(runtime, runtime.embedder_for(spec), texts)
