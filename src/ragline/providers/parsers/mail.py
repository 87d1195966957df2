"""Reads e-mails: who wrote what to whom, and the names of what is attached."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.policy import default
from typing import Any

from ragline.errors import UnreadableFile
from ragline.providers.parsers.kreuzberg import OLE_MAGIC, extracted, html_text, reader_name
from ragline.providers.parsers.media_types import EML, MSG
from ragline.providers.parsers.package import damaged
from ragline.providers.parsers.plain import decoded
from ragline.providers.parsers.whole import WholeFileParser

_SHOWN = ("From", "To", "Cc", "Date")
_ENCRYPTED = frozenset(
    {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
)
_HEADER_LINES = re.compile(r"(?:\*\*[A-Z][A-Za-z]*\*\*: [^\n]*\n+)*")


class MailParser(WholeFileParser):
    """A message is one page. What is attached is named, and not read."""

    media_types = frozenset({EML, MSG})

    def __init__(self) -> None:
        """Take the version from the package's metadata, without loading Kreuzberg."""
        self.name = reader_name("mail")

    def pages_of(self, data: bytes) -> Sequence[str]:
        """Return the message as one page."""
        return [_outlook(data) if data.startswith(OLE_MAGIC) else _internet(data)]


def _internet(data: bytes) -> str:
    try:
        message = email.message_from_bytes(data, policy=default)
        if message.get_content_type() in _ENCRYPTED:
            raise UnreadableFile(
                "This message is encrypted: save it decrypted, or as text, and upload that."
            )
        fields = {name: _header(message, name) for name in (*_SHOWN, "Subject")}
        return _page(fields, _body(message), list(_attached(message)))
    except RecursionError as error:
        raise UnreadableFile(
            "This message holds messages in messages, deeper than anything sends them. Save "
            "the one that matters and upload that."
        ) from error


def _page(fields: dict[str, str], body: str, attached: Sequence[str]) -> str:
    lines = [f"{name}: {fields[name]}" for name in _SHOWN if fields.get(name)]
    if attached:
        lines.append(f"Attachments: {', '.join(attached)}")
    subject = fields.get("Subject")
    blocks = [f"# {subject}" if subject else "", "\n".join(lines), body.strip()]
    return "\n\n".join(block for block in blocks if block)


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError, TypeError):
        # The standard library fails in many ways on headers that are no headers.
        return ""
    return " ".join(value.split())


def _body(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes) or not raw:
        return ""
    text = _text(raw, part.get_content_charset())
    return html_text(text) if part.get_content_subtype() == "html" else text


def _text(raw: bytes, charset: str | None) -> str:
    try:
        return raw.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return decoded(raw)  # the message does not know its own charset


def _attached(message: EmailMessage) -> Iterator[str]:
    for part in message.walk():
        name = part.get_filename()
        if name:
            yield " ".join(name.split())
        elif part.get_content_type() == "message/rfc822":
            yield "a message"


def _outlook(data: bytes) -> str:
    found = extracted(data, MSG)
    known: dict[str, Any] = found.metadata
    body = _HEADER_LINES.sub("", found.content, count=1)
    fields = {
        "Subject": str(known.get("subject") or ""),
        "From": str(known.get("from_email") or ""),
        "To": ", ".join(known.get("to_emails") or ()),
        "Cc": ", ".join(known.get("cc_emails") or ()),
        "Date": str(known.get("created_at") or ""),
    }
    attached = [str(name) for name in known.get("attachments") or ()]
    if not body.strip() and not any(fields.values()):
        raise damaged()
    return _page(fields, body, attached)
