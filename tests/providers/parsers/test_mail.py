"""E-mails: headers, body, and the names of what is attached."""

import pytest
from tests.providers.parsers import made_office as office
from tests.providers.parsers.made_outlook import outlook_message

from ragline.errors import UnreadableFile
from ragline.providers.parsers.mail import MailParser


@pytest.fixture
def read():
    return MailParser().pages_of


def test_eml(read):
    """A message is its subject, who wrote when to whom, what is attached, and its words."""
    data = office.eml(
        "Réunion", "Bonjour,\nà lundi.", html="<p>rich</p>", attachments=[("été.pdf", b"%PDF-1")]
    )

    assert [
        "# Réunion\n\nFrom: Léa <lea@example.org>\nTo: bob@example.org\n"
        "Date: Mon, 01 Jan 2024 10:00:00 +0000\nAttachments: été.pdf\n\nBonjour,\nà lundi."
    ] == read(data)


def test_html_only(read):
    """Where there is only a rich body, its words are read."""
    data = (
        b"Subject: S\nContent-Type: text/html\n\n<html><body><h2>A</h2><p>R&amp;D</p></body></html>"
    )

    assert ["# S\n\n## A\n\nR&D"] == read(data)


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8", "no-such-charset"])
def test_wrong_charset(read, charset):
    """Words are decoded even where the message does not know how."""
    head = f"Subject: S\nContent-Type: text/plain; charset={charset}\n\n"

    assert ["# S\n\nété"] == read(head.encode() + "été".encode("latin-1"))


def test_forwarded(read):
    """A message that carries another names it."""
    inner = office.eml("Inner", "inner words").decode()
    data = f"Subject: Outer\nContent-Type: message/rfc822\n\n{inner}"

    assert "Attachments: a message" in read(data.encode())[0]


def test_broken_headers(read):
    """Headers that are none do not keep the words from being read."""
    data = b"From: =?utf-8?q?=00?= <<>>,,;:\nDate: never\nSubject: =?x?y?z?=\n\nwords"

    assert read(data)[0].endswith("words")


def test_encrypted(read):
    """An encrypted message says so."""
    with pytest.raises(UnreadableFile, match="is encrypted"):
        read(b"Subject: S\nContent-Type: application/pkcs7-mime\n\nMIAG")


def test_messages_in_messages(read):
    """Messages nested without end are refused, and nothing falls over."""
    with pytest.raises(UnreadableFile, match="messages in messages"):
        read(b"From: a\n" + b"Content-Type: message/rfc822\n\n" * 5_000)


def test_outlook(read):
    """A message of Outlook is read alike."""
    data = outlook_message(
        "Réunion R&D",
        "Bonjour.",
        sender="lea@example.org",
        to="bob@example.org",
        attachments=[("plan été.pdf", b"%PDF-1.4"), ("note.txt", b"inner words")],
    )

    text = read(data)[0]

    assert text.startswith("# Réunion R&D\n\nFrom: ")
    assert "To: bob@example.org\nAttachments: plan été.pdf, note.txt\n\nBonjour." in text
    assert "inner words" not in text


def test_outlook_damaged(read):
    """A container that holds no message is called damaged."""
    with pytest.raises(UnreadableFile, match="damaged"):
        read(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
