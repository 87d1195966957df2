"""What the errors of a bucket mean: at the start for the operator, later for a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog
from obstore import exceptions

from ragline.blobs.contract import unavailable
from ragline.errors import ConfigurationError, PermanentProviderError, RaglineError

Trouble = Literal["missing", "no-credentials", "refused", "region", "rejected", "away"]

_STATUS = re.compile(r"status code: (\d{3})")
_TRY_AGAIN = (408, 425, 429)
_AT_START: dict[Trouble, str] = {
    "missing": "does not exist: create it, or correct the name or AWS_ENDPOINT_URL",
    "no-credentials": "is read with credentials, and none were found: set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY",
    "refused": "refuses the credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and "
    "that they may list, read, write and delete there",
    "region": "lies in another region: set AWS_REGION",
    "rejected": "rejects what is asked of it: check AWS_ENDPOINT_URL and AWS_REGION",
    "away": "cannot be reached: check AWS_ENDPOINT_URL and AWS_REGION, and that the server runs",
}

log = structlog.get_logger()


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the bucket into ours; what it says is logged, not shown to clients."""
    try:
        yield
    except (exceptions.BaseError, FileNotFoundError) as error:
        raise _at_work(error) from error


def at_start(bucket: str, error: Exception) -> ConfigurationError:
    """Return the sentence that tells the operator what to change."""
    return ConfigurationError(
        f"The bucket {bucket!r} that RAGLINE_FILES_URL names {_AT_START[trouble(error)]}. "
        f"({_brief(error)})"
    )


def trouble(error: Exception) -> Trouble:
    """Return what kind of trouble an error of the bucket is."""
    text = str(error)
    found = _STATUS.search(text)
    status = int(found[1]) if found else None
    if isinstance(error, FileNotFoundError) or "NoSuchBucket" in text:
        return "missing"
    if "169.254.1" in text:  # where machines of a cloud give out credentials
        return "no-credentials"
    if status in (401, 403):
        return "refused"
    if status in (301, 307, 308) or "without LOCATION" in text:
        return "region"
    if status is None or status >= 500 or status in _TRY_AGAIN:
        return "away"
    return "rejected"


def _at_work(error: Exception) -> RaglineError:
    kind = trouble(error)
    log.warning("files.unavailable", kind=kind, error=_brief(error))
    if kind in ("away", "no-credentials"):
        return unavailable()
    return PermanentProviderError(
        "The file store refuses this; its operator finds the reason in the server's log."
    )


def _brief(error: Exception) -> str:
    return " ".join(str(error).partition("Debug source")[0].split())[:300]
