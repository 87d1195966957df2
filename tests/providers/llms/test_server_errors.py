"""What failures of a server mean, and that no key shows."""

from __future__ import annotations

import email.utils
import time

import httpx2
import pytest

from ragline.errors import PermanentProviderError, TemporaryProviderError
from ragline.providers.llms.server_errors import Place, Unusable, retry_after, translated

PLACE = Place("http://user:pass@models/v1", "sk-secret", 1, "URL", "KEY", "MODEL", "SECONDS")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (304, PermanentProviderError),
        (400, PermanentProviderError),
        (401, PermanentProviderError),
        (404, PermanentProviderError),
        (408, TemporaryProviderError),
        (409, TemporaryProviderError),
        (422, PermanentProviderError),
        (429, TemporaryProviderError),
        (500, TemporaryProviderError),
        (599, TemporaryProviderError),
    ],
)
def test_by_status(status: int, expected: type[Exception]) -> None:
    """Each status has its meaning."""
    assert type(translated(Unusable(status=status), PLACE, model="m")) is expected


def test_every_failure_of_an_exchange_is_temporary() -> None:
    """Whatever breaks an exchange may not break the next one."""
    kinds = [each for each in vars(httpx2).values() if isinstance(each, type)]
    broken = [each for each in kinds if issubclass(each, httpx2.TransportError)]

    found = {type(translated(kind("x"), PLACE, model="m")) for kind in broken}

    assert found == {TemporaryProviderError}


def test_unknown_error() -> None:
    """What nobody thought of is permanent, so that no retry repeats it blindly."""
    error = UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates")

    assert type(translated(error, PLACE, model="m")) is PermanentProviderError


def test_place_hides_its_key() -> None:
    """Neither the key nor a password in the address shows where a place is printed."""
    assert [secret in repr(PLACE) for secret in ("sk-secret", "pass@")] == [False, False]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "-4"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Fri, 01 Jan 2021 00:00:00 GMT"}, 0),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """The header gives seconds or a date; what is neither counts as absent."""
    assert retry_after(headers) == expected


def test_retry_after_date() -> None:
    """A date to come gives the seconds until then."""
    date = email.utils.formatdate(time.time() + 60, usegmt=True)

    assert retry_after({"retry-after": date}) == pytest.approx(60, abs=2)
