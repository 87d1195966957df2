"""Products change, fail, are cancelled, tried again and deleted, and nothing is left or lost."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from tests.images import made
from tests.images.conftest import Shop
from tests.images.made import photo
from tests.inprocess import InProcessServer
from tests.jobs.acting import until

from ragline.images.parts import parts_of
from ragline.maintenance.cleanup import stray_files
from ragline.models import ImageEmbedding, ProductImage, ProductImageVersion


def embeddings(server: InProcessServer) -> int:
    with server.runtime.database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(ImageEmbedding)) or 0


def versions(server: InProcessServer, shop: Shop) -> list[ProductImageVersion]:
    query = (
        sa.select(ProductImageVersion)
        .join(ProductImage, ProductImage.id == ProductImageVersion.image_id)
        .where(ProductImage.project_id == shop.project)
    )
    with server.runtime.database.read() as session:
        return list(session.scalars(query))


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


LATER = 3600


def test_a_new_picture_replaces_the_old(shop: Shop, server: InProcessServer) -> None:
    """The product is found by its new picture, and nothing of the old one stays."""
    shop.index("p", made.saved(made.noise(37, 31), "PNG"), name="Dress")
    [before] = versions(server, shop)

    shop.index("p", photo("blue"))

    [after] = versions(server, shop)
    assert "Dress" == shop.get("p").json()["name"]
    assert photo("blue") == shop.get("p", "/file").content
    blobs = server.runtime.blobs
    assert before.thumbnail_hash is not None
    # The files go after the job's end.
    until(lambda: not blobs.exists(before.content_hash))
    until(lambda: not blobs.exists(str(before.thumbnail_hash)))
    [hit] = shop.search(query="blue", weights={"image": 1})
    assert hit["score"] > 0.5
    assert 2 == after.version


def test_new_words_do_not_cost_the_picture_again(shop: Shop, server: InProcessServer) -> None:
    """A change of name or description keeps the stored vector of the picture."""
    shop.index("p", photo("red"), name="Dress")
    [before] = versions(server, shop)
    with server.runtime.database.read() as session:
        kept = session.get_one(ImageEmbedding, before.image_key).created_at

    shop.index("p", None, name="Skirt", description="Of wool")

    [after] = versions(server, shop)
    assert (before.image_key, before.content_hash) == (after.image_key, after.content_hash)
    assert before.text_key != after.text_key
    with server.runtime.database.read() as session:
        assert kept == session.get_one(ImageEmbedding, after.image_key).created_at
    assert ["p"] == [hit["product_id"] for hit in shop.search(query="skirt wool")]
    assert [] == shop.search(query="dress", weights={"keywords": 1})


def test_what_is_left_out_stays(shop: Shop) -> None:
    """Only what is sent changes; an empty description or metadata clears them."""
    shop.index("p", photo(), name="Dress", description="Of linen", metadata='{"a": 1}')

    shop.index("p", None, metadata='{"a": 2}')
    changed = shop.get("p").json()
    shop.index("p", None, description="", metadata="{}")
    cleared = shop.get("p").json()

    assert ("Dress", "Of linen", {"a": 2}) == (
        changed["name"],
        changed["description"],
        changed["metadata"],
    )
    assert ("Dress", "", {}) == (cleared["name"], cleared["description"], cleared["metadata"])


def test_the_same_picture_of_two_products_is_embedded_once(
    shop: Shop, server: InProcessServer
) -> None:
    """A vector is stored under what it is of, not under whose it is."""
    shop.index("a", photo("red"), name="First")
    before = embeddings(server)

    shop.index("b", photo("red"), name="Second")

    assert before + 1 == embeddings(server)
    one, other = versions(server, shop)
    assert (one.image_key, one.thumbnail_hash) == (other.image_key, other.thumbnail_hash)


def test_the_old_one_is_found_until_the_new_is(shop: Shop) -> None:
    """While an update waits, search and reading give what was published."""
    shop.index("p", photo("red"), name="Dress")

    accepted = shop.send("p", photo("blue"), name="Trousers", not_before=in_seconds(LATER))

    assert ["Dress"] == [hit["name"] for hit in shop.search(query="dress")]
    shown = shop.get("p").json()
    assert ("Dress", "pending", True) == (shown["name"], shown["status"], shown["searchable"])
    assert photo("red") == shop.get("p", "/file").content
    cancelled = shop.tenant.http.post(f"/v1/jobs/{accepted.json()['job']['id']}/cancel")
    assert cancelled.is_success
    assert ["Dress"] == [hit["name"] for hit in shop.search(query="dress")]
    shop.index("p", photo("blue"), name="Trousers")
    assert ["Trousers"] == [hit["name"] for hit in shop.search(query="trousers")]


def test_a_bad_update_leaves_the_old_one(shop: Shop) -> None:
    """A picture that cannot be read fails its job; the product stays as it was."""
    shop.index("p", photo("red"), name="Dress")

    job = shop.tenant.ended(shop.send("p", made.bomb()).json()["job"]["id"])

    assert ("failed", "/problems/limit-exceeded") == (job["status"], job["error"]["type"])
    assert "megapixels" in job["error"]["detail"]
    shown = shop.get("p").json()
    assert ("failed", True, "image/jpeg") == (
        shown["status"],
        shown["searchable"],
        shown["media_type"],
    )
    assert ["Dress"] == [hit["name"] for hit in shop.search(query="dress")]
    shop.index("p", photo("blue"))
    assert "completed" == shop.get("p").json()["status"]


def test_a_cancelled_job_leaves_nothing_in_the_index(shop: Shop, server: InProcessServer) -> None:
    """What waits is cancelled at once; sent again, the product is built after all."""
    job = shop.send("p", photo(), name="Dress", not_before=in_seconds(LATER)).json()["job"]
    assert shop.tenant.http.post(f"/v1/jobs/{job['id']}/cancel").is_success

    assert "cancelled" == shop.tenant.ended(job["id"])["status"]
    shown = shop.get("p").json()
    assert (False, "cancelled") == (shown["searchable"], shown["status"])
    assert 0 == parts_of(server.runtime).words.count(project_id=shop.project)
    shop.index("p", photo(), name="Dress")
    assert 1 == len(shop.search(query="dress"))


def test_a_cancelled_job_can_be_retried(shop: Shop) -> None:
    """The same job is begun again and ends well."""
    job = shop.send("p", photo(), name="Dress", not_before=in_seconds(4)).json()["job"]
    shop.tenant.http.post(f"/v1/jobs/{job['id']}/cancel")
    shop.tenant.ended(job["id"])

    assert shop.tenant.http.post(f"/v1/jobs/{job['id']}/retry").is_success

    assert "completed" == shop.tenant.ended(job["id"])["status"]
    assert 1 == len(shop.search(query="dress"))


def test_many_updates_at_once_end_with_one_product(shop: Shop, server: InProcessServer) -> None:
    """However updates overtake each other, the last version counts and nothing else stays."""
    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.append(shop.send("p", photo("red"), name=f"Name {n}"))
        )
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs = [answer.json()["job"] for answer in answers]
    assert {"completed"} == {shop.tenant.ended(job["id"])["status"] for job in jobs if job}

    [left] = versions(server, shop)
    [hit] = shop.search(query="name")
    assert (left.name, left.version) == (hit["name"], len(jobs))
    # The versions before are removed after their jobs' ends.
    until(lambda: parts_of(server.runtime).pictures.count(project_id=shop.project) == 1)


def test_deletion_has_a_receipt(shop: Shop, server: InProcessServer) -> None:
    """A deleted product is gone from rows, files, stored vectors and indexes."""
    shop.index("p", made.saved(made.noise(50, 50), "PNG"), name="A dress of its own")
    [version] = versions(server, shop)

    receipt = shop.delete("p").json()

    assert {"products": 1, "versions": 1, "embeddings": 2, "files": 2, "vectors": 2} == (
        receipt["removed"]
    )
    assert {"rows": 0, "files": 0, "vectors": 0} == receipt["remaining"]
    assert 404 == shop.get("p").status_code == shop.delete("p").status_code
    assert not server.runtime.blobs.exists(version.content_hash)
    assert [] == shop.search(query="dress")


def test_deletion_spares_what_others_use(shop: Shop) -> None:
    """The picture of another product, or a document's file, stays."""
    same = made.saved(made.noise(40, 40), "PNG")
    shop.index("a", same, name="First of its kind")
    shop.index("b", same, name="Second of its kind")

    receipt = shop.delete("a").json()

    assert (0, 1) == (receipt["removed"]["files"], receipt["removed"]["embeddings"])
    assert same == shop.get("b", "/file").content
    assert "b" == shop.search(query="kind")[0]["product_id"]
    assert 2 == shop.delete("b").json()["removed"]["files"]


def test_what_is_being_indexed_is_not_deleted(shop: Shop) -> None:
    """The deletion of a product with an open job is a conflict."""
    job = shop.send("p", photo(), name="Dress", not_before=in_seconds(LATER)).json()["job"]

    assert 409 == shop.delete("p").status_code

    shop.tenant.http.post(f"/v1/jobs/{job['id']}/cancel")
    assert shop.delete("p").is_success


def test_a_deleted_product_can_be_sent_again(shop: Shop) -> None:
    """Its id is free."""
    shop.index("p", photo(), name="Dress")
    shop.delete("p")

    shop.index("p", photo("blue"), name="Trousers")

    assert "Trousers" == shop.get("p").json()["name"]


def test_a_retry_after_the_deletion_fails(shop: Shop) -> None:
    """A failed job whose product is gone says so."""
    job = shop.tenant.ended(shop.send("p", made.bomb(), name="Dress").json()["job"]["id"])
    shop.delete("p")

    shop.tenant.http.post(f"/v1/jobs/{job['id']}/retry")

    again = shop.tenant.ended(job["id"])
    assert ("failed", True) == (again["status"], "deleted" in again["error"]["detail"])


def test_deleting_the_project_deletes_its_products(shop: Shop, server: InProcessServer) -> None:
    """The receipt counts them, and nothing of them is left."""
    for number in range(3):
        picture = made.saved(made.noise(60 + number, 50), "PNG")
        shop.index(f"p-{number}", picture, name=f"Number {number}")
    before = versions(server, shop)

    answer = shop.tenant.http.delete(f"/v1/projects/{shop.project}").json()

    removed = shop.tenant.ended(answer["job"]["id"])["result"]["removed"]
    assert (3, 6) == (removed["products"], removed["vectors"])
    assert [] == versions(server, shop)
    parts = parts_of(server.runtime)
    assert [0] * 2 == [each.count(project_id=shop.project) for each in parts.every_index()]
    assert not any(server.runtime.blobs.exists(str(each.thumbnail_hash)) for each in before)


def test_a_picture_is_kept_from_the_clean_up(shop: Shop, server: InProcessServer) -> None:
    """Files of products are no strays."""
    shop.index("p", photo(), name="Dress")
    [version] = versions(server, shop)
    runtime = server.runtime
    later = datetime.now(UTC) + timedelta(days=1)

    strays = set(stray_files(runtime.database, runtime.blobs, later))

    assert strays.isdisjoint({version.content_hash, version.thumbnail_hash})
