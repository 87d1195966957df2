"""What clients want of the cache."""

from __future__ import annotations

import pytest

from ragline.chat.cache.control import CacheWish, wish_in


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], CacheWish()),
        (["no-cache"], CacheWish(may_give=False)),
        (["max-age=0"], CacheWish(may_give=False)),
        (["no-store"], CacheWish(may_give=False, may_keep=False)),
        (["private, No-Cache"], CacheWish(may_give=False)),
        (["no-cache", "no-store"], CacheWish(may_give=False, may_keep=False)),
        (["", ",,", "only-if-cached, max-age=60, x=\"no-cache\""], CacheWish()),
    ],
)  # fmt: skip
def test_wish(headers: list[str], expected: CacheWish) -> None:
    """Directives are read from all headers, in any case; unknown ones are ignored."""

    assert expected == wish_in(headers)
