"""Where webhooks may go: the form of a URL, and which addresses are public."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from ragline.errors import InvalidInput

MOST_CHARACTERS = 2000
_PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], list[str]]
"""A host and a port to the addresses the host has now; raises `OSError` where it has none."""

# All of IPv6 that is handed out lies here: mapped IPv4, NAT64, local and multicast
# addresses do not.
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which wraps any IPv4 address
        "3fff::/20",  # documentation
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL that a request needs; `host` and `path` are plain ASCII."""

    url: str
    scheme: str
    host: str
    port: int
    path: bytes


def target_of(url: str) -> Target:
    """Take a webhook's URL apart; one that cannot be used raises `InvalidInput`."""
    try:
        parsed = httpx2.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise InvalidInput(f"The url cannot be read: {error}") from None
    if parsed.scheme not in _PORTS:
        raise InvalidInput("The url must begin with https:// or http://.")
    if parsed.userinfo:
        raise InvalidInput("The url must not hold a user or a password; verify signatures instead.")
    if "#" in url:
        raise InvalidInput("The url must not have a fragment (#…), which is never sent.")
    port = _PORTS[parsed.scheme] if parsed.port is None else parsed.port
    if not host or not 0 < port < 65536:
        raise InvalidInput("The url must name a host, and a port from 1 to 65535 if any.")
    if len(str(parsed)) > MOST_CHARACTERS:
        raise InvalidInput(f"The url must not be longer than {MOST_CHARACTERS} characters.")
    return Target(str(parsed), parsed.scheme, host, port, parsed.raw_path)


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def addresses_of(
    host: str, port: int, *, private: bool, seconds: float, resolve: Resolve = resolve
) -> list[str]:
    """Return the addresses a webhook may be sent to, or raise `InvalidInput`.

    One address that is not public refuses the host, unless `private` ones are allowed.
    """
    try:
        found = _within(seconds, lambda: resolve(host, port))
    except (OSError, UnicodeError):
        raise InvalidInput(f"The host {host!r} has no address: check its name.") from None
    if not private:
        for address in found:
            if not is_public(address):
                raise InvalidInput(
                    f"The host {host!r} has the address {address}, which is not public; webhooks "
                    "go to public addresses only (RAGLINE_WEBHOOK_PRIVATE_ADDRESSES allows others)."
                )
    return found


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, and of one machine."""
    ip = ipaddress.ip_address(address)
    if ip.version == 6 and (ip not in _GLOBAL_IPV6 or ip.scope_id is not None):
        return False
    return (
        ip.is_global
        and not ip.is_multicast
        and not ip.is_reserved
        and not any(ip in network for network in _REFUSED)
    )


def _within(seconds: float, ask: Callable[[], list[str]]) -> list[str]:
    """Ask in a thread of its own: the system's resolver knows no time limit."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except Exception as error:  # noqa: BLE001 # raised again where it is waited for
            answers.put(error)

    threading.Thread(target=run, name="webhook-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise OSError("The resolver did not answer in time.") from None
    if isinstance(answer, Exception):
        raise answer
    if not answer:
        raise OSError("The resolver knows no address.")
    return answer
