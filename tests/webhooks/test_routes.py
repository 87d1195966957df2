"""Webhooks over HTTP."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook
from tests.contract import ODD_IDS, problem_of
from tests.inprocess import InProcessServer, Tenant
from tests.webhooks.receiver import Receiver, Reply
from tests.webhooks.subscriptions import Owner

from ragline.accounts import service as accounts
from ragline.accounts.service import Caller, Role
from ragline.webhooks.delivery import Deliverer
from ragline.webhooks.service import MOST_ENDPOINTS

HERE = "http://127.0.0.1:9/hook"
WAIT_SECONDS = 60
PATHS = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/rotate"),
    ("POST", "/test"),
    ("GET", "/deliveries"),
    ("POST", "/deliveries/msg_1/replay"),
]


@pytest.fixture
def client(sending: InProcessServer) -> Iterator[Tenant]:
    """A tenant of the server that may send to this machine."""
    with sending.tenant() as fresh:
        yield fresh


@pytest.fixture
def delivering(sending: InProcessServer) -> Iterator[None]:
    """Deliver what there is during a test."""
    deliverer = Deliverer(sending.runtime)
    deliverer.start()
    yield
    deliverer.stop()


def made(client: Tenant, **fields: Any) -> dict[str, Any]:
    """Make a webhook and return it with its secret."""
    answer = client.http.post("/v1/webhooks", json={"url": HERE, **fields})
    assert 201 == answer.status_code, answer.text
    return dict(answer.json())


def delivered(client: Tenant, webhook_id: str, count: int = 1) -> list[dict[str, Any]]:
    """Return the deliveries of a webhook once so many have ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = client.http.get(f"/v1/webhooks/{webhook_id}/deliveries").json()["deliveries"]
        if count <= sum(one["status"] != "pending" for one in found):
            return list(found)
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_creation(client: Tenant) -> None:
    """A new webhook is enabled, hears of ends of jobs, and shows its secret once."""

    webhook = made(client)
    secret = webhook.pop("secret")

    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
    assert ["job.completed", "job.failed", "job.cancelled"] == webhook["events"]
    assert (HERE, True, None) == (webhook["url"], webhook["enabled"], webhook["project_id"])
    assert webhook == client.http.get(f"/v1/webhooks/{webhook['id']}").json()
    assert [webhook] == client.http.get("/v1/webhooks").json()["webhooks"]


@pytest.mark.parametrize("events", ["*", ["*"], ["page.done"], ["job.failed", "job.failed"]])
def test_events(client: Tenant, events: Any) -> None:
    """Events are a list of known types, or all."""

    expected = ["*"] if "*" in events else [events[0]]

    assert expected == made(client, events=events)["events"]


@pytest.mark.parametrize(
    "fields",
    [
        {"url": None},
        {"url": ""},
        {"url": "ftp://example.com"},
        {"url": "https://a:b@example.com"},
        {"url": "https://example.com/\x00"},
        {"url": "https://example.com/" + "a" * 3000},
        {"url": 5},
        {"events": []},
        {"events": ["job.eaten"]},
        {"events": "job.completed"},
        {"events": [["*"]]},
        {"events": None},
        {"project_id": 5},
        {"colour": "red"},
    ],
)
def test_refused_fields(client: Tenant, fields: dict[str, Any]) -> None:
    """What cannot be used is refused, in making a webhook as in changing one."""

    made_one = made(client)["id"]
    answer = client.http.post("/v1/webhooks", json={"url": HERE, **fields})
    changed = client.http.patch(f"/v1/webhooks/{made_one}", json=fields)

    problem_of(answer, 422, "invalid-input")
    problem_of(changed, 422, "invalid-input")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://0/",
        "http://10.0.0.1/",
    ],
)
def test_private_address(tenant: Tenant, url: str) -> None:
    """A server that was not told otherwise refuses addresses that are not public."""

    answer = tenant.http.post("/v1/webhooks", json={"url": url})

    assert "not public" in problem_of(answer, 422, "invalid-input")["detail"]


def test_change(client: Tenant) -> None:
    """Fields that are given change, the others stay."""

    webhook = made(client)
    path = f"/v1/webhooks/{webhook['id']}"
    first = client.http.patch(path, json={"events": "*", "url": HERE + "/2"}).json()
    second = client.http.patch(path, json={"enabled": False}).json()
    third = client.http.patch(path, json={"enabled": True}).json()

    assert (["*"], HERE + "/2", True) == (first["events"], first["url"], first["enabled"])
    assert (["*"], False, "Its owner disabled it.") == (
        second["events"],
        second["enabled"],
        second["disabled_reason"],
    )
    assert (True, None, None) == (
        third["enabled"],
        third["disabled_at"],
        third["disabled_reason"],
    )


def test_rotation(client: Tenant) -> None:
    """Rotating gives another secret and tells how long the old one signs."""

    webhook = made(client)
    rotated = client.http.post(f"/v1/webhooks/{webhook['id']}/rotate")
    at_once = client.http.post(f"/v1/webhooks/{webhook['id']}/rotate", json={"overlap_hours": 0})

    assert 3 == len({webhook["secret"], rotated.json()["secret"], at_once.json()["secret"]})
    assert rotated.json()["old_secret_until"] is not None
    assert at_once.json()["old_secret_until"] is None


def test_removal(client: Tenant) -> None:
    """A removed webhook is not there any more."""

    path = f"/v1/webhooks/{made(client)['id']}"

    assert 204 == client.http.delete(path).status_code
    problem_of(client.http.get(path), 404, "not-found")
    problem_of(client.http.delete(path), 404, "not-found")


def test_pages_of_webhooks(client: Tenant) -> None:
    """Webhooks come oldest first, page by page."""

    ids = [made(client)["id"] for _ in range(3)]
    first = client.http.get("/v1/webhooks", params={"limit": 2}).json()
    second = client.http.get("/v1/webhooks", params={"limit": 2, "after": ids[1]}).json()

    assert (ids[:2], True) == ([one["id"] for one in first["webhooks"]], first["has_more"])
    assert (ids[2:], False) == ([one["id"] for one in second["webhooks"]], second["has_more"])


def test_too_many(client: Tenant) -> None:
    """A tenant cannot make any number of webhooks."""

    for _ in range(MOST_ENDPOINTS):
        made(client)

    problem_of(client.http.post("/v1/webhooks", json={"url": HERE}), 409, "conflict")


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_others(sending: InProcessServer, client: Tenant, method: str, path: str) -> None:
    """Another tenant's webhook is not found, just as one that does not exist."""

    webhook = made(client)
    body = {} if method == "PATCH" else None
    with sending.tenant() as other:
        theirs = other.http.request(method, f"/v1/webhooks/{webhook['id']}{path}", json=body)
        unknown = other.http.request(method, f"/v1/webhooks/{'0' * 36}{path}", json=body)

    problem_of(theirs, 404, "not-found")
    assert theirs.text.replace(webhook["id"], "") == unknown.text.replace("0" * 36, "")


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS.keys())
def test_odd_ids(client: Tenant, odd: str) -> None:
    """An id of any form is an unknown one."""

    webhook = made(client)["id"]
    for path in (
        f"/v1/webhooks/{odd}/deliveries",
        f"/v1/webhooks/{webhook}/deliveries?after={odd}",
    ):
        problem_of(client.http.get(path), 404, "not-found")


def test_others_project(sending: InProcessServer, client: Tenant) -> None:
    """A webhook cannot be made for another tenant's project."""

    with sending.tenant() as other:
        project = other.project()

    answer = client.http.post("/v1/webhooks", json={"url": HERE, "project_id": project})
    problem_of(answer, 404, "not-found")


@pytest.mark.parametrize(("method", "path"), [("POST", None), *PATHS])
def test_readers(sending: InProcessServer, client: Tenant, method: str, path: str | None) -> None:
    """A reader's key sees webhooks and their logs, and changes nothing."""

    webhook = made(client)["id"]
    _, key = accounts.create_key(sending.runtime, client.id, name="reader", role=Role.READER)
    where = "/v1/webhooks" if path is None else f"/v1/webhooks/{webhook}{path}"
    with sending.client(key) as http:
        answer = http.request(method, where, json=None if method != "POST" else {"url": HERE})

    assert (200 if method == "GET" else 403) == answer.status_code


@pytest.mark.usefixtures("delivering")
def test_message(sending: InProcessServer, client: Tenant, receiver: Receiver) -> None:
    """The end of a job is told, verifies with the secret, and stands in the log."""

    webhook = made(client, url=receiver.url)
    owner = Owner(sending.runtime, Caller(client.id, "key", Role.OWNER))
    job = owner.job("job.completed")
    [delivery] = delivered(client, webhook["id"])

    [came] = receiver.received
    message = Webhook(webhook["secret"]).verify(came.body, came.headers)
    assert ("job.completed", job.id, "completed") == (
        message["type"],
        message["data"]["job_id"],
        message["data"]["status"],
    )
    assert (came.headers["webhook-id"], came.body) == (delivery["id"], delivery["body"])
    assert [(200, None)] == [(one["status_code"], one["error"]) for one in delivery["tries"]]


@pytest.mark.usefixtures("delivering")
def test_replay(client: Tenant, receiver: Receiver) -> None:
    """A message that was taken can be asked for again."""

    webhook = made(client, url=receiver.url)["id"]
    sent = client.http.post(f"/v1/webhooks/{webhook}/test")
    delivered(client, webhook)
    path = f"/v1/webhooks/{webhook}/deliveries/{sent.json()['id']}/replay"
    again = client.http.post(path)
    [delivery] = delivered(client, webhook)

    assert (202, 202, "webhook.test") == (
        sent.status_code,
        again.status_code,
        sent.json()["type"],
    )
    assert [200, 200] == [one["status_code"] for one in delivery["tries"]]
    assert 1 == len({(one.headers["webhook-id"], one.body) for one in receiver.received})


@pytest.mark.usefixtures("delivering")
def test_gone(client: Tenant, receiver: Receiver) -> None:
    """410 disables a webhook; until it is enabled nothing can be replayed."""

    webhook = made(client, url=receiver.url)["id"]
    receiver.reply = Reply(410)
    sent = client.http.post(f"/v1/webhooks/{webhook}/test").json()["id"]
    [delivery] = delivered(client, webhook)
    replayed = client.http.post(f"/v1/webhooks/{webhook}/deliveries/{sent}/replay")

    assert "failed" == delivery["status"]
    assert not client.http.get(f"/v1/webhooks/{webhook}").json()["enabled"]
    problem_of(replayed, 409, "conflict")


def test_pages_of_the_log(client: Tenant) -> None:
    """The log comes newest first, page by page, and by status."""

    path = f"/v1/webhooks/{made(client)['id']}"
    ids = [client.http.post(f"{path}/test").json()["id"] for _ in range(3)][::-1]
    first = client.http.get(f"{path}/deliveries", params={"limit": 2}).json()
    second = client.http.get(f"{path}/deliveries", params={"limit": 2, "after": ids[1]}).json()
    failed = client.http.get(f"{path}/deliveries", params={"status": "failed"}).json()
    client.http.patch(path, json={"enabled": False})
    ended = client.http.get(f"{path}/deliveries", params={"status": "failed"}).json()

    assert (ids[:2], True) == ([one["id"] for one in first["deliveries"]], first["has_more"])
    assert (ids[2:], False) == ([one["id"] for one in second["deliveries"]], second["has_more"])
    assert [] == failed["deliveries"]
    assert ids == [one["id"] for one in ended["deliveries"]]


def test_unknown_status(client: Tenant) -> None:
    """A status that does not exist is refused."""

    path = f"/v1/webhooks/{made(client)['id']}/deliveries"

    problem_of(client.http.get(path, params={"status": "lost"}), 422, "invalid-input")
