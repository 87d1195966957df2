"""Secrets and signatures of Standard Webhooks 1.0."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32
PREFIX = "whsec_"


def new_secret() -> str:
    """Draw a secret: `whsec_` and the base64 form of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(
    message_id: str, body: str, keys: Sequence[str], *, at: datetime
) -> dict[str, str]:
    """Return the headers of one try; each of the keys signs, so that any of them verifies."""
    # The library reads the clock face and takes it for UTC.
    at = at.astimezone(UTC).replace(microsecond=0)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(message_id, at, body) for key in keys),
    }
