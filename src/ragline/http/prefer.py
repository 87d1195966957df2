"""What clients prefer, by the header `Prefer`: https://www.rfc-editor.org/rfc/rfc7240."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

# No client has so many wishes, and taking a longer header apart could take long.
LONGEST_HEADER = 2000

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PARTS = re.compile(rf"(?:{_QUOTED}|[^,])+")
_PREFERENCE = re.compile(
    rf"([\w!#$%&'*+.^`|~-]+)(?:[ \t]*=[ \t]*({_QUOTED}|[^\s;,\"]*))?[ \t]*(?:;.*)?", re.ASCII
)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a client wants to be answered; `wait` is in seconds, None where it says nothing."""

    respond_async: bool = False
    wait: float | None = None


def preferences_in(headers: Iterable[str]) -> Preferences:
    """Read the values of all `Prefer` headers; what is unknown or malformed is ignored.

    Of a preference that is given more than once the first one counts.
    """
    found: dict[str, str] = {}
    for name, value in _preferences(headers):
        found.setdefault(name, value)
    wait = found.get("wait", "")
    return Preferences(
        respond_async=found.get("respond-async") == "",
        wait=float(wait) if re.fullmatch("[0-9]+", wait) else None,
    )


def applied(preferences: Preferences) -> dict[str, str]:
    """Return the header that tells a client which of its preferences were honoured."""
    words = ["respond-async"] if preferences.respond_async else []
    if preferences.wait is not None:
        words.append(f"wait={preferences.wait:.0f}")
    return {"Preference-Applied": ", ".join(words)} if words else {}


async def preferences_of(
    prefer: Annotated[
        list[str] | None,
        Header(description="`respond-async`, and `wait=10` for at most 10 seconds (RFC 7240)."),
    ] = None,
) -> Preferences:
    """Return what the client of a request prefers."""
    return preferences_in(prefer or [])


PreferencesParameter = Annotated[Preferences, Depends(preferences_of)]


def _preferences(headers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give each preference with its value, which is empty where there is none."""
    for header in headers:
        if len(header) > LONGEST_HEADER:
            continue
        for part in _PARTS.findall(header):
            match = _PREFERENCE.fullmatch(part.strip(" \t"))
            if match:
                yield match[1].lower(), _plain(match[2] or "")


def _plain(word: str) -> str:
    return _ESCAPED.sub(r"\1", word[1:-1]) if word.startswith('"') else word
