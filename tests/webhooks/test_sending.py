"""One try: limits on time, size and addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.webhooks.certificates import contexts
from tests.webhooks.receiver import Receiver, Reply, receiving

from ragline.settings import load_settings
from ragline.webhooks.sending import Sender

HOST = "hooks.example"


def sender(**arguments: Any) -> Sender:
    """Return a sender that may send to this machine and waits for a second."""
    settings = {
        name: arguments.pop(name) for name in list(arguments) if name.startswith("webhook_")
    }
    chosen = {"webhook_private_addresses": True, "webhook_seconds": 1, **settings}
    return Sender(load_settings(_env_file=None, **chosen), **arguments)


def test_request(receiver: Receiver) -> None:
    """The body arrives as it is, with our headers beside those of a JSON request."""

    answer = sender().send(receiver.url + "?x=1", {"webhook-id": "msg_1"}, b'{"a": 1}')

    assert (200, None) == (answer.status_code, answer.error)
    [came] = receiver.received
    assert ("/hook?x=1", '{"a": 1}') == (came.path, came.body)
    assert "msg_1" == came.headers["webhook-id"]
    assert "application/json" == came.headers["content-type"]
    assert came.headers["user-agent"].startswith("Ragline/")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_taken(receiver: Receiver, status: int) -> None:
    """Any 2xx says that it was taken."""

    receiver.reply = Reply(status)

    assert sender().send(receiver.url, {}, b"{}").delivered


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_not_taken(receiver: Receiver, status: int) -> None:
    """Any other status says that it was not."""

    receiver.reply = Reply(status, {"Retry-After": "17"})
    answer = sender().send(receiver.url, {}, b"{}")

    assert (status, f"The receiver answered {status}.") == (answer.status_code, answer.error)
    assert "17" == answer.retry_after


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(receiver: Receiver, status: int) -> None:
    """A redirect is an answer like another; nothing goes to where it points."""

    receiver.reply = Reply(status, {"Location": receiver.url + "/elsewhere"})
    answer = sender().send(receiver.url, {}, b"{}")

    assert (status, False) == (answer.status_code, answer.delivered)
    assert ["/hook"] == [came.path for came in receiver.received]


def test_proxy(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not used: it would connect to what nobody checked."""

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert sender().send(receiver.url, {}, b"{}").delivered


@pytest.mark.parametrize("fault", ["wait", "drip-headers"])
def test_slow_answer(receiver: Receiver, fault: str) -> None:
    """An answer that does not come, or comes byte by byte, is given up after the whole time."""

    receiver.reply = Reply(fault=fault)
    answer = sender().send(receiver.url, {}, b"{}")

    assert (None, "There was no answer within 1 s.") == (answer.status_code, answer.error)


def test_slow_body(receiver: Receiver) -> None:
    """Once the status is there, a body that would never end takes the rest of the time."""

    receiver.reply = Reply(fault="drip")

    assert sender(webhook_seconds=0.5).send(receiver.url, {}, b"{}").delivered


def test_huge_body(receiver: Receiver) -> None:
    """Of a huge answer no more than the limit is read, beside what is on its way."""

    receiver.reply = Reply(500, fault="huge")
    answer = sender(webhook_response_bytes=1000, webhook_seconds=60).send(receiver.url, {}, b"{}")

    assert "The receiver answered 500." == answer.error
    assert receiver.bytes_sent < 10**8


def test_reset(receiver: Receiver) -> None:
    """A connection that breaks off is a failure with a sentence."""

    receiver.reply = Reply(fault="reset")
    answer = sender().send(receiver.url, {}, b"{}")

    assert answer.status_code is None
    assert str(answer.error).startswith("The connection broke")


def test_nobody_there() -> None:
    """Where nobody listens, the connection fails with a sentence."""

    with receiving() as gone:
        url = gone.url
    answer = sender().send(url, {}, b"{}")

    assert str(answer.error).startswith("The connection failed")


def test_private_address(receiver: Receiver) -> None:
    """Without the setting nothing is sent to this machine."""

    answer = sender(webhook_private_addresses=False).send(receiver.url, {}, b"{}")

    assert "not public" in str(answer.error)
    assert [] == receiver.received


def test_rebinding(receiver: Receiver) -> None:
    """A host that was public when it was checked, and leads here at the try, is refused."""

    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    rebinding = sender(webhook_private_addresses=False, resolve=lambda _host, _port: next(answers))
    assert ["8.8.8.8"] == rebinding.resolve(HOST, receiver.port)
    answer = rebinding.send(f"http://{HOST}:{receiver.port}/", {}, b"{}")

    assert "127.0.0.1, which is not public" in str(answer.error)
    assert [] == receiver.received


def test_connects_to_what_was_checked(receiver: Receiver) -> None:
    """A name is looked up once for a try: the connection goes to that very answer."""

    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    answer = sender(resolve=resolve).send(f"http://{HOST}:{receiver.port}/", {}, b"{}")

    assert answer.delivered
    assert [HOST] == asked
    assert f"{HOST}:{receiver.port}" == receiver.received[0].headers["host"]


def test_second_address(receiver: Receiver) -> None:
    """Where one address of a host does not answer, the next one is tried."""

    both = sender(resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])

    assert both.send(f"http://{HOST}:{receiver.port}/", {}, b"{}").delivered


def test_slow_resolver(receiver: Receiver) -> None:
    """A resolver that says nothing takes the time of a try, no more."""

    def silent(_host: str, _port: int) -> list[str]:
        receiver.let_go.wait(60)
        return ["127.0.0.1"]

    answer = sender(webhook_seconds=0.2, resolve=silent).send(f"http://{HOST}/", {}, b"{}")

    assert "has no address" in str(answer.error)


@pytest.mark.parametrize(("name", "taken"), [(HOST, True), ("other.example", False)])
def test_certificate(tmp_path: Path, name: str, taken: bool) -> None:
    """A certificate is held against the host's name, although an address is connected to."""

    shown, believed = contexts(tmp_path, HOST)
    with receiving(shown) as receiver:
        tls = sender(tls=believed, resolve=lambda *_: ["127.0.0.1"], webhook_seconds=30)
        answer = tls.send(f"https://{name}:{receiver.port}/", {}, b"{}")

    assert taken == answer.delivered
    assert taken or "certificate" in str(answer.error)
