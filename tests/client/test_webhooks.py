"""Verifying webhooks that were received."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ragline import ConfigurationError, InvalidSignature, verify_webhook
from ragline.webhooks.signing import new_secret, signed_headers

BODY = json.dumps(
    {
        "type": "job.completed",
        "timestamp": "2026-11-22T12:00:00.000000Z",
        "data": {"job_id": "j", "number": 7},
    }
)


def headers(*secrets: str, body: str = BODY, age: float = 0) -> dict[str, str]:
    """Return the headers that the server sends, so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=age)
    return signed_headers("msg_1", body, secrets, at=at)


@pytest.mark.parametrize("kind", [str, str.encode])
def test_a_webhook_of_the_server_is_read(kind: type) -> None:
    """A message that was signed by the server comes with its id, whatever the case of names."""
    secret = new_secret()
    shouted = {name.upper(): value for name, value in headers(secret).items()}

    message = verify_webhook(kind(BODY), shouted, secret)

    assert ("msg_1", "job.completed", 7) == (message.id, message.type, message.data["number"])


def test_both_secrets_verify_while_one_is_rotated() -> None:
    """A message with two signatures is known by either of the secrets."""
    old, new = new_secret(), new_secret()

    for secret in (old, new):
        assert "msg_1" == verify_webhook(BODY, headers(new, old), secret).id


SECRET = new_secret()


@pytest.mark.parametrize(
    ("body", "given"),
    [
        (BODY.replace("7", "8"), headers(SECRET)),
        (BODY, headers(new_secret())),
        (BODY, headers(SECRET, age=86400)),
        (BODY, headers(SECRET, age=-86400)),
        (BODY, {}),
        (BODY, headers(SECRET) | {"webhook-signature": "v1"}),
        (BODY, headers(SECRET) | {"webhook-signature": "v1,é"}),
        (BODY, headers(SECRET) | {"webhook-timestamp": "now"}),
        ("[]", headers(SECRET, body="[]")),
        (b"\xff", headers(SECRET)),
    ],
    ids=[
        "changed",
        "another secret",
        "too old",
        "from the future",
        "no headers",
        "no signature",
        "garbage",
        "no time",
        "no message",
        "no text",
    ],
)
def test_what_cannot_be_trusted_is_refused(body: str | bytes, given: dict[str, str]) -> None:
    """Nothing but a fresh message of the server is handed on."""
    with pytest.raises(InvalidSignature, match="This webhook cannot be trusted"):
        verify_webhook(body, given, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_ä"])
def test_a_secret_that_is_none_is_told(secret: str) -> None:
    """A setting that was forgotten is not taken for a forged message."""
    with pytest.raises(ConfigurationError, match="begins with whsec_"):
        verify_webhook(BODY, headers(SECRET), secret)
