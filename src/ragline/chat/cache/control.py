"""What a client wants of the cache, by `Cache-Control`: https://www.rfc-editor.org/rfc/rfc9111."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header


@dataclass(frozen=True, slots=True)
class CacheWish:
    """Whether a kept answer may be given, and whether a new one may be kept."""

    may_give: bool = True
    may_keep: bool = True


ANY = CacheWish()


def wish_in(headers: Iterable[str]) -> CacheWish:
    """Read the values of all `Cache-Control` headers; unknown directives are ignored."""
    words = {word.strip(" \t").lower() for header in headers for word in header.split(",")}
    fresh = words & {"no-cache", "max-age=0", "no-store"}
    return CacheWish(may_give=not fresh, may_keep="no-store" not in words)


async def wish_of(
    cache_control: Annotated[
        list[str] | None,
        Header(
            description="`no-cache`: answer anew, and keep that answer; `no-store`: answer anew, "
            "and keep nothing."
        ),
    ] = None,
) -> CacheWish:
    """Return what the client of a request wants of the cache."""
    return wish_in(cache_control or [])


CacheWishParameter = Annotated[CacheWish, Depends(wish_of)]
