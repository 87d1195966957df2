"""Verifying webhooks, on the side that receives them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError
from standardwebhooks.webhooks import (
    EmptyWebhookSecretError,
    Webhook,
    WebhookVerificationError,
)

from ragline.client.models import WebhookMessage
from ragline.client.problems import InvalidSignature
from ragline.errors import ConfigurationError

ID = "webhook-id"


def verify_webhook(payload: bytes | str, headers: Mapping[str, str], secret: str) -> WebhookMessage:
    """Return a webhook's message, once it is known to come from the server and to be fresh.

    `payload` is the body as it came, before it was parsed; the names of headers may be written
    in any case. While a secret is being rotated, the old one and the new one both verify.

    Raises:
        InvalidSignature: it is none of ours, was changed, or is more than 5 minutes old.
        ConfigurationError: the secret is none.
    """
    try:
        webhook = Webhook(secret)
    except (EmptyWebhookSecretError, ValueError):
        raise ConfigurationError(
            "This is not the secret of a webhook: it begins with whsec_ and is shown when the "
            "webhook is made."
        ) from None
    given = {name.lower(): value for name, value in headers.items()}
    try:
        webhook.verify(payload, given, json_parse=False)
        message = WebhookMessage.model_validate_json(payload)
    except (WebhookVerificationError, ValidationError, ValueError) as error:
        raise InvalidSignature(f"This webhook cannot be trusted: {error}.") from None
    return message.model_copy(update={"id": given[ID]})
