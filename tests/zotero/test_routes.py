"""Connections over HTTP: whose they are, and what is shown of them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from tests.fakes.zotero_server import FakeZotero
from tests.inprocess import InProcessServer, Tenant
from tests.zotero.connected import Connected, connect

from ragline.bootstrap import Runtime
from ragline.models import ZoteroItem, ZoteroLibrary


def test_connected(library: Connected) -> None:
    """A connection is shown without its key, wherever it is shown."""
    base = library.url.rpartition("/")[0]
    answers = [library.tenant.http.get(url) for url in (library.url, base)]
    view = answers[0].json()

    assert (True, 0, [], 0) == (
        view["has_key"],
        view["version"],
        view["collections"],
        view["documents"],
    )
    assert [view] == answers[1].json()["libraries"]
    assert all(str(library.fake.api_key) not in answer.text for answer in answers)


def test_key_in_no_job(library: Connected) -> None:
    """The job of a sync does not tell the key."""
    job = library.sync()
    answer = library.tenant.http.get(f"/v1/jobs/{job['id']}")

    assert "completed" == job["status"]
    assert str(library.fake.api_key) not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"library": "users/abc"},
        {"library": "users/0"},
        {"library": "users/1/../../2"},
        {"library": "https://example.org/users/1"},
        {"library": "users/1", "base_url": "http://127.0.0.1"},
        {"library": "users/1", "collections": ["short"]},
        {"library": "users/1", "prompt": " "},
    ],
)
def test_refused(library: Connected, body: dict[str, object]) -> None:
    """What is no library, or names another server, is refused."""
    answer = library.tenant.http.post(library.url.rpartition("/")[0], json=body)

    assert 422 == answer.status_code


def test_twice(library: Connected) -> None:
    """A library is connected to a project once."""
    body = {"library": library.fake.library}
    answer = library.tenant.http.post(library.url.rpartition("/")[0], json=body)

    assert 409 == answer.status_code


def test_idempotent(library: Connected) -> None:
    """A request that is sent again under its key connects once and tells the same."""
    project = library.tenant.project(f"another {library.id}")
    body = {"library": "groups/45", "api_key": "key-of-the-group"}
    headers = {"Idempotency-Key": f"connect {library.id}"}
    url = f"/v1/projects/{project}/zotero"
    answers = [library.tenant.http.post(url, json=body, headers=headers) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert 1 == len(library.tenant.http.get(url).json()["libraries"])


def test_changed(library: Connected) -> None:
    """Prompt, key and collections can be changed; what is left out stays."""
    changed = library.tenant.http.patch(library.url, json={"prompt": "Be brief."}).json()
    without = library.tenant.http.patch(library.url, json={"api_key": None}).json()

    assert ("Be brief.", True) == (changed["prompt"], changed["has_key"])
    assert ("Be brief.", False) == (without["prompt"], without["has_key"])


def test_disconnected(library: Connected) -> None:
    """A library that is disconnected is gone; its documents stay."""
    library.work("On Engines")
    library.sync()
    answer = library.tenant.http.delete(library.url)

    assert 204 == answer.status_code
    assert 404 == library.tenant.http.get(library.url).status_code
    assert ["On Engines"] == list(library.documents())


@pytest.mark.parametrize("path", ["", "/sync", "/notes", "/notes/ABCD2345"])
def test_not_yours(library: Connected, path: str) -> None:
    """Another tenant's library is not there."""
    http = library.tenant.http
    key = http.post("/v1/admin/tenants", json={"name": f"other {path} {library.id}"}).json()["key"]
    bearer = {"Authorization": f"Bearer {key}"}
    url = f"{library.url}{path}"
    post = path in ("/sync", "/notes")
    answer = http.post(url, json={}, headers=bearer) if post else http.get(url, headers=bearer)

    assert 404 == answer.status_code


def test_forgotten(tenant: Tenant, server: InProcessServer) -> None:
    """What is known of a library goes with its connection, and with its project."""
    runtime = server.runtime
    project = tenant.project("library")
    url = f"/v1/projects/{project}/zotero"
    made = [tenant.http.post(url, json={"library": f"users/{n}"}).json()["id"] for n in (1, 2)]
    with runtime.database.write() as session:
        session.add_all(ZoteroItem(library_id=id, key="ABCD2345", wanted_version=1) for id in made)
    tenant.http.delete(f"{url}/{made[0]}")
    counts = [count(runtime, ZoteroItem.library_id, made)]
    job = tenant.http.delete(f"/v1/projects/{project}").json()["job"]
    tenant.ended(job["id"])

    counts += [count(runtime, ids, made) for ids in (ZoteroItem.library_id, ZoteroLibrary.id)]
    assert [1, 0, 0] == counts


def count(runtime: Runtime, column: sa.orm.InstrumentedAttribute[str], ids: list[str]) -> int:
    """Return the number of rows that have one of these ids in a column."""
    with runtime.database.read() as session:
        return session.scalar(sa.select(sa.func.count()).where(column.in_(ids))) or 0


def test_second_project(library: Connected, fake: FakeZotero) -> None:
    """The same library may feed several projects."""
    library.work("On Engines")
    other = connect(library.tenant, fake)
    library.sync()
    other.sync()

    assert ["On Engines"] == list(library.documents()) == list(other.documents())
