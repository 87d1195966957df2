"""Secrets and signatures."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from ragline.webhooks.signing import new_secret, signed_headers


def test_secret() -> None:
    """A secret is 24 to 64 random bytes in base64 behind `whsec_`."""

    prefix, _, rest = new_secret().partition("_")

    assert "whsec" == prefix
    assert 24 <= len(base64.b64decode(rest, validate=True)) <= 64
    assert new_secret() != new_secret()


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7))])
def test_verification(zone: timezone) -> None:
    """What was signed with two keys is verified by each of them, wherever the signer is."""

    keys = [new_secret(), new_secret()]
    headers = signed_headers("msg_1", '{"a":1}', keys, at=datetime.now(zone))

    assert [{"a": 1}, {"a": 1}] == [Webhook(key).verify('{"a":1}', headers) for key in keys]


def test_other_body() -> None:
    """A changed body does not pass."""

    key = new_secret()
    headers = signed_headers("msg_1", "{}", [key], at=datetime.now(UTC))

    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify("[]", headers)
