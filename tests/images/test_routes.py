"""Products over HTTP: sent, looked at, and their pictures read back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from PIL import Image
from tests.images import made
from tests.images.conftest import Shop
from tests.images.made import image as made_image
from tests.images.made import photo, saved
from tests.inprocess import InProcessServer


def test_a_product_becomes_a_job(shop: Shop) -> None:
    """Sending one is answered with 202, its job, and where that is."""
    answer = shop.send("p-1", photo(), name="Red dress", description="Of linen")

    assert 202 == answer.status_code
    body = answer.json()
    assert "p-1" == body["product_id"]
    assert ("image", "images") == (body["job"]["kind"], body["job"]["queue"])
    assert f"/v1/jobs/{body['job']['id']}" == answer.headers["Location"]
    job = shop.tenant.ended(body["job"]["id"])
    assert ("completed", "p-1", True) == (
        job["status"],
        job["result"]["product_id"],
        job["result"]["searchable"],
    )


def test_a_product_is_shown(shop: Shop) -> None:
    """What was sent is there, with the size of the upright picture."""
    shop.index(
        "p-1",
        photo("blue"),
        name="Blue hat",
        description="Of felt",
        metadata='{"price": 12.5, "tags": ["new"]}',
    )

    shown = shop.get("p-1").json()

    assert ("Blue hat", "Of felt", {"price": 12.5, "tags": ["new"]}) == (
        shown["name"],
        shown["description"],
        shown["metadata"],
    )
    assert ("image/jpeg", 60, 40, "completed", True) == (
        shown["media_type"],
        shown["width"],
        shown["height"],
        shown["status"],
        shown["searchable"],
    )
    assert f"{shop.path}/p-1/thumbnail" == shown["thumbnail_url"]


def test_the_picture_comes_back_as_it_was_sent(shop: Shop) -> None:
    """The original is kept byte for byte, and never shown inside the server's own origin."""
    sent = photo("green", format="PNG")
    shop.index("p-1", sent, name="Hat")

    answer = shop.get("p-1", "/file")

    assert sent == answer.content
    assert "image/png" == answer.headers["Content-Type"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_the_thumbnail_is_a_small_picture_of_our_own(shop: Shop) -> None:
    """It is a JPEG without the metadata of the original."""
    exif = Image.Exif()
    exif[0x010F] = "A secret maker"
    shop.index("p-1", saved(made_image(width=1600, height=800), "JPEG", exif=exif), name="Hat")

    answer = shop.get("p-1", "/thumbnail")

    small = Image.open(io.BytesIO(answer.content))
    assert ("JPEG", (384, 192)) == (small.format, small.size)
    assert b"secret" not in answer.content
    assert "nosniff" == answer.headers["X-Content-Type-Options"]


def test_products_are_listed_in_pages(stocked: Shop) -> None:
    """Oldest first; the last id leads to the next ones."""
    first = stocked.tenant.http.get(stocked.path, params={"limit": 2}).json()
    after = first["images"][-1]["product_id"]
    rest = stocked.tenant.http.get(stocked.path, params={"after": after}).json()

    assert (["dress", "trousers"], True) == (_ids(first), first["has_more"])
    assert (["hat"], False) == (_ids(rest), rest["has_more"])


def test_the_same_key_sends_a_product_once(shop: Shop) -> None:
    """A request repeated under its key has one answer and one job."""
    headers = {"Idempotency-Key": "once"}
    first = shop.send("p-1", photo(), headers=headers, name="Dress").json()
    second = shop.send("p-1", photo(), headers=headers, name="Dress").json()
    other = shop.send("p-2", photo(), headers=headers, name="Dress")

    assert first == second
    assert 422 == other.status_code
    assert other.json()["type"].endswith("idempotency-key-reused")


def test_waiting_for_the_end(shop: Shop) -> None:
    """A client that prefers to wait is answered when the product is searchable."""
    answer = shop.send("p-1", photo(), headers={"Prefer": "wait=30"}, name="Dress")

    assert (200, "completed") == (answer.status_code, answer.json()["job"]["status"])


def test_what_was_sent_already_makes_no_job(shop: Shop) -> None:
    """The same product, with the same picture and words, is there."""
    shop.index("p-1", photo(), name="Dress", metadata='{"a": 1}')

    answer = shop.send("p-1", photo(), name="Dress", metadata='{"a": 1}')

    assert (200, None) == (answer.status_code, answer.json()["job"])


def test_wrong_fields_are_told(shop: Shop) -> None:
    """Nothing of the wrong type is taken for something else."""
    for fields in (
        {"name": "Dress", "metadata": "no json"},
        {"name": "Dress", "metadata": "[1]"},
        {"name": "Dress", "metadata": '{"a": {"b": 1}}'},
        {"name": "Dress", "colour": "red"},
        {"name": " "},
        {"name": "Dress", "priority": "high"},
    ):
        answer = shop.send("p-1", photo(), **fields)
        assert answer.status_code in (400, 422), fields
    for product_id in ("", "a/b", "..", "x" * 201, "a\nb"):
        assert 422 == shop.send(product_id, photo(), name="Dress").status_code, product_id
    assert 404 == shop.get("p-1").status_code


def test_a_new_product_needs_a_name_and_a_picture(shop: Shop) -> None:
    """What is missing is named."""
    assert "send image" in shop.send("p-1", None, name="Dress").json()["detail"]
    assert "send name" in shop.send("p-1", photo()).json()["detail"]


def test_other_fields_of_files_are_refused(shop: Shop) -> None:
    """A picture in another field is not overlooked."""
    files = {"file": ("a.jpg", photo()), "product_id": (None, "p-1"), "name": (None, "x")}

    answer = shop.tenant.http.post(shop.path, files=files)

    assert (422, True) == (answer.status_code, "'image'" in answer.json()["detail"])


def test_other_tenants_find_nothing(stocked: Shop, server: InProcessServer) -> None:
    """A product of somebody else looks like one that does not exist."""
    with server.tenant() as stranger:
        for method, below in (
            ("GET", ""),
            ("GET", "/dress"),
            ("GET", "/dress/file"),
            ("GET", "/dress/thumbnail"),
            ("DELETE", "/dress"),
        ):
            answer = stranger.http.request(method, stocked.path + below)
            assert 404 == answer.status_code, (method, below)
        found = stranger.http.post(f"{stocked.path}/search", json={"query": "dress"})
        assert 404 == found.status_code
        sent = stranger.http.post(
            stocked.path,
            files={"image": photo(), "product_id": (None, "x"), "name": (None, "x")},
        )
        assert 404 == sent.status_code
    assert 200 == stocked.get("dress").status_code


def test_ids_with_odd_signs_are_parts_of_a_path(shop: Shop) -> None:
    """Spaces, percent signs, question marks and accents of an id survive."""
    shop.index("é 50%?#&", photo(), name="Dress")

    shown = shop.tenant.http.get(shop.search(query="dress")[0]["thumbnail_url"])

    assert 200 == shown.status_code
    assert "é 50%?#&" == json.loads(shop.tenant.http.get(shop.path).text)["images"][0]["product_id"]


def _ids(listing: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["product_id"] for each in listing["images"]]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415),
        (b"GIF89a/*<script>alert(1)</script>*/", 415),
        (b"%PDF-1.7 is no picture", 415),
        (b"\xff\xd8\xff" + bytes(33 * 1024**2), 413),
    ],
    ids=["empty", "svg", "two things", "pdf", "too large"],
)
def test_what_is_no_picture_is_not_taken(shop: Shop, content: bytes, status: int) -> None:
    """It is refused at once, whatever it is called, and nothing of it is kept."""
    answer = shop.send("p-1", content, name="Dress")

    assert status == answer.status_code, answer.text
    assert 404 == shop.get("p-1").status_code


@pytest.mark.parametrize("hostile", [made.bomb, made.icc_bomb, made.text_bomb])
def test_bombs_end_as_failed_jobs(shop: Shop, hostile: Callable[[], bytes]) -> None:
    """What only a look inside shows fails the job with a reason, and no neighbour."""
    job = shop.tenant.ended(shop.send("p-1", hostile(), name="Dress").json()["job"]["id"])

    assert ("failed", False) == (job["status"], job["error"]["retryable"])
    assert "picture" in job["error"]["detail"]
    assert 404 == shop.get("p-1", "/thumbnail").status_code
    shop.index("p-2", photo(), name="A neighbour")
