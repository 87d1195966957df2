"""What calls cost."""

from __future__ import annotations

import pytest

from ragline.errors import ConfigurationError
from ragline.providers.contracts import Usage
from ragline.providers.prices import cost_of
from ragline.settings import TokenPrice, load_settings

PRICES = {
    "gpt-4o-mini": TokenPrice(prompt=0.15, completion=0.6),
    "gpt-4o": TokenPrice(prompt=2.5, completion=10),
}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o-mini", 0.15 + 0.3),
        ("gpt-4o-mini-2024-07-18", 0.15 + 0.3),
        ("gpt-4o", 2.5 + 5),
        ("gpt-4o-audio", 0),
        ("extractive", 0),
    ],
)
def test_cost(model: str, expected: float) -> None:
    """A million tokens cost the price; dated names are the model's, unknown ones cost nothing."""
    assert cost_of(Usage(model, 1_000_000, 500_000), PRICES) == pytest.approx(expected)


def test_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices are read from JSON."""
    monkeypatch.setenv("RAGLINE_TOKEN_PRICES", '{"m": {"prompt": 1, "completion": 2}}')

    assert load_settings(_env_file=None).token_prices == {"m": TokenPrice(prompt=1, completion=2)}


@pytest.mark.parametrize("value", ['{"m": {"prompt": -1}}', '{"m": {"input": 1}}'])
def test_bad_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Prices below 0 and unknown words are refused."""
    monkeypatch.setenv("RAGLINE_TOKEN_PRICES", value)

    with pytest.raises(ConfigurationError, match="RAGLINE_TOKEN_PRICES"):
        load_settings(_env_file=None)
