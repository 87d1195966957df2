"""What calls of models cost."""

from __future__ import annotations

from collections.abc import Mapping

from ragline.providers.contracts import Usage
from ragline.settings import TokenPrice

TOKENS = 1_000_000


def cost_of(usage: Usage, prices: Mapping[str, TokenPrice]) -> float:
    """Return the USD that a call cost; 0 for a model without a price.

    A server may answer with a dated name of the model that was asked, like
    `gpt-4o-mini-2024-07-18`: then the longest name that it begins with counts.
    """
    name = usage.model
    known = [each for each in prices if name == each or name.startswith(f"{each}-20")]
    if not known:
        return 0.0
    price = prices[max(known, key=len)]
    paid = usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion
    return paid / TOKENS
