"""Where webhooks may go."""

from __future__ import annotations

import pytest

from ragline.errors import InvalidInput
from ragline.webhooks.addresses import addresses_of, is_public, target_of


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:127.0.0.1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2606:4700::1111%eth0",
    ],
)
def test_refused_addresses(address: str) -> None:
    """Addresses that are not public, or that wrap one that may not be, are refused."""

    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses(address: str) -> None:
    """Addresses of the public internet may be sent to."""

    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "//example.com/hook",
        "ftp://example.com/hook",
        "file:///etc/passwd",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com/#part",
        "https://example.com/#",
        "https:///hook",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:abc/",
        "https://exa\nmple.com/",
        "https://[::1/",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_refused_urls(url: str) -> None:
    """A URL that cannot be used is refused with a sentence."""

    with pytest.raises(InvalidInput, match=r"^The url .*"):
        target_of(url)


def test_parts_of_a_url() -> None:
    """Hosts and paths become plain ASCII; ports follow from the scheme."""

    target = target_of("https://bücher.example/ä?q=1")

    assert ("xn--bcher-kva.example", 443, b"/%C3%A4?q=1") == (
        target.host,
        target.port,
        target.path,
    )


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001", "localhost"])
def test_disguised_loopback(host: str) -> None:
    """However the loopback address is written, it is refused: what counts is where it leads."""

    with pytest.raises(InvalidInput, match="not public"):
        addresses_of(host, 80, private=False, seconds=5)


def test_one_private_address_is_enough() -> None:
    """A host with a public and a private address is refused."""

    with pytest.raises(InvalidInput, match=r"10\.0\.0\.1"):
        addresses_of(
            "host", 443, private=False, seconds=5, resolve=lambda *_: ["8.8.8.8", "10.0.0.1"]
        )


def test_allowed_private_address() -> None:
    """Where the settings allow it, private addresses are returned."""

    found = addresses_of("host", 443, private=True, seconds=5, resolve=lambda *_: ["10.0.0.1"])

    assert ["10.0.0.1"] == found


def test_unknown_host() -> None:
    """A host that has no address is refused with a sentence."""

    def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(InvalidInput, match="has no address"):
        addresses_of("host", 443, private=False, seconds=5, resolve=unknown)
