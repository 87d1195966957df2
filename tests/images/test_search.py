"""Products are found by picture, by words and by both, with weights in the request."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.images import made
from tests.images.conftest import Shop
from tests.images.made import photo
from tests.inprocess import InProcessServer
from tests.jobs.acting import until

from ragline.images import ranking
from ragline.images.parts import parts_of


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def ids(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["product_id"] for hit in hits]


def test_by_picture(stocked: Shop) -> None:
    """The product whose picture is nearest comes first, with the score of that part alone."""
    hits = stocked.search(image=encoded(photo("blue", format="PNG")))

    assert "trousers" == hits[0]["product_id"]
    assert hits[0]["scores"]["image"] > 0.9
    assert (None, None) == (hits[0]["scores"]["text"], hits[0]["scores"]["keywords"])
    assert hits[0]["score"] == hits[0]["scores"]["image"]


def test_by_words_of_a_picture(stocked: Shop) -> None:
    """A query is compared with the pictures themselves: no name holds the word."""
    hits = stocked.search(query="blue", weights={"image": 1})

    assert "trousers" == hits[0]["product_id"]


def test_by_keywords(stocked: Shop) -> None:
    """Words of names and descriptions are found as they are written."""
    hits = stocked.search(query="hat", weights={"keywords": 1})

    assert ["hat"] == ids(hits)
    assert 1.0 == hits[0]["score"] == hits[0]["scores"]["keywords"]


def test_by_meaning(stocked: Shop) -> None:
    """Names and descriptions are found by what they mean, in another language too."""
    hits = stocked.search(query="un chapeau", weights={"text": 1})

    assert "hat" == hits[0]["product_id"]


def test_weights_decide_between_picture_and_words(stocked: Shop) -> None:
    """Where they disagree, the heavier part wins."""
    search = {"image": encoded(photo("red")), "query": "hat"}

    by_picture = stocked.search(**search, weights={"image": 0.9, "keywords": 0.1})
    by_words = stocked.search(**search, weights={"image": 0.1, "keywords": 0.9})

    assert ("dress", "hat") == (by_picture[0]["product_id"], by_words[0]["product_id"])


def test_the_score_is_the_weighted_mean_of_its_parts(stocked: Shop) -> None:
    """Each hit shows how it came about."""
    weights = {"image": 3, "text": 2, "keywords": 5}

    for hit in stocked.search(image=encoded(photo("red")), query="a red hat", weights=weights):
        expected = sum(weights[part] * hit["scores"][part] for part in weights) / 10
        assert abs(expected - hit["score"]) < 1e-5


def test_hits_say_what_was_found(stocked: Shop) -> None:
    """A hit has all that a page with results shows."""
    [hit] = stocked.search(query="hat", limit=1)

    assert ("hat", "A hat", "hat number 2", {"size": 2}) == (
        hit["product_id"],
        hit["name"],
        hit["description"],
        hit["metadata"],
    )
    thumbnail = stocked.tenant.http.get(hit["thumbnail_url"])
    assert (200, "image/jpeg") == (thumbnail.status_code, thumbnail.headers["Content-Type"])


def test_the_same_search_as_a_form(stocked: Shop) -> None:
    """Multipart and JSON ask for the same."""
    fields = {"query": "hat", "weights": {"image": 1, "keywords": 2}, "limit": 2}
    as_json = stocked.search(image=encoded(photo("red")), **fields)
    files = {"image": ("query.jpg", photo("red"))}
    files |= {
        name: (None, value if isinstance(value, str) else json.dumps(value))
        for name, value in fields.items()
    }

    answer = stocked.tenant.http.post(f"{stocked.path}/search", files=files)

    assert as_json == answer.json()["hits"]
    data_url = f"data:image/jpeg;base64,{encoded(photo('red'))}"
    assert as_json == stocked.search(image=data_url, **fields)


def test_filters_hold_in_every_part(stocked: Shop) -> None:
    """What does not pass the filter is not found in any way."""
    of_two = {"type": "gte", "key": "size", "value": 1}

    hits = stocked.search(image=encoded(photo("red")), query="dress", filter=of_two)

    assert {"trousers", "hat"} == set(ids(hits))


def test_the_limit_is_kept(stocked: Shop) -> None:
    """No more hits than asked for."""
    assert 2 == len(stocked.search(query="number", limit=2))


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "an image, a query, or both"),
        ({"image": "no base64!"}, 422, "base64"),
        ({"image": encoded(b"<svg/>")}, 415, "no picture"),
        ({"image": encoded(b"")}, 422, "empty"),
        ({"image": encoded(made.bomb())}, 422, "megapixels"),
        ({"image": encoded(photo()[:200])}, 422, "damaged"),
        ({"query": " "}, 422, ""),
        ({"query": "hat", "weights": {"image": 0}}, 422, ""),
        ({"query": "hat", "weights": {"image": -1}}, 422, ""),
        ({"query": "hat", "weights": {"colour": 1}}, 422, ""),
        ({"query": "hat", "weights": "heavy"}, 422, ""),
        ({"image": encoded(photo()), "weights": {"text": 1}}, 422, "need a query"),
        ({"query": "hat", "limit": 101}, 422, ""),
        ({"query": "hat", "filter": {"type": "eq"}}, 422, ""),
    ],
)
def test_what_cannot_be_searched_for(
    stocked: Shop, body: dict[str, Any], status: int, says: str
) -> None:
    """Each mistake is told; none becomes another search."""
    answer = stocked.tenant.http.post(f"{stocked.path}/search", json=body)

    assert status == answer.status_code, answer.text
    assert says in answer.text


def test_a_known_picture_is_not_embedded_again(stocked: Shop, server: InProcessServer) -> None:
    """A search by a picture that a product has costs no model's time."""
    before = server.runtime.compute.cpu_seconds

    assert "hat" == stocked.search(image=encoded(photo("green")))[0]["product_id"]

    assert before == server.runtime.compute.cpu_seconds


def test_an_empty_project_has_no_hits(shop: Shop) -> None:
    """Nothing is found where nothing is, whatever is asked for."""
    assert [] == shop.search(query="hat", image=encoded(photo()))


def test_search_stays_in_its_project(stocked: Shop) -> None:
    """Another project of the tenant has products of its own."""
    other = Shop(stocked.tenant, stocked.tenant.project("other"))
    other.index("hat-2", photo("green"), name="Another hat")

    assert ["hat-2"] == ids(other.search(query="hat"))
    assert "hat-2" not in ids(stocked.search(query="hat"))


def test_documents_and_products_do_not_meet(stocked: Shop) -> None:
    """A search for passages finds no product, and the other way round."""
    stocked.tenant.ingest_text(stocked.project, "The hat was left on the kettle.")

    passages = stocked.tenant.http.post(
        f"/v1/projects/{stocked.project}/search", json={"query": "hat"}
    ).json()["hits"]

    assert 1 == len(passages)
    assert ["hat"] == ids(stocked.search(query="hat", weights={"keywords": 1}))


def test_strays_in_the_index_are_not_found(stocked: Shop, server: InProcessServer) -> None:
    """What an index holds beyond the published versions is nobody's."""
    parts = parts_of(server.runtime)
    known = parts.words.count(project_id=stocked.project)
    assert 3 == known == parts.pictures.count(project_id=stocked.project)

    stocked.index("hat", photo("yellow"))

    # The version before is removed after the job's end.
    for index in (parts.words, parts.pictures):
        until(lambda held=index: held.count(project_id=stocked.project) == 3)


def test_scores_are_shares_of_the_weights() -> None:
    """A part that was not asked for does not count, one without a match counts as 0."""
    parts = {"image": {"a": 0.8, "b": 0.4}, "keywords": {"b": 1.0}}

    ranked = ranking.fuse(parts, {"image": 1.0, "keywords": 1.0}, point_ids=["a", "b"])

    assert [("b", 0.7), ("a", 0.4)] == [(each.point_id, each.score) for each in ranked]
    assert {"image": 0.8, "text": None, "keywords": 0.0} == ranked[1].scores


def test_cosines_beyond_their_ends_are_cut() -> None:
    """A model's cosines become scores between 0 and 1."""
    ends = (0.2, 0.4)

    assert [0, 0, 1, 1] == [ranking.on_scale(c, ends) for c in (-1, 0.2, 0.4, 1)]
    assert abs(0.5 - ranking.on_scale(0.3, ends)) < 1e-9


@pytest.mark.data
def test_real_photos(shop: Shop, test_data: Path) -> None:
    """Photographs become products, and each is found by itself."""
    folder = test_data / "images" / "clothing"
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()][:12]
    jobs = [
        shop.send(row["id"], (folder / row["file"]).read_bytes(), name=row["label"]).json()["job"]
        for row in rows
    ]
    assert ["completed"] * 12 == [shop.tenant.ended(job["id"])["status"] for job in jobs]

    for row in rows[:4]:
        hits = shop.search(image=encoded((folder / row["file"]).read_bytes()), limit=1)
        assert [row["id"]] == ids(hits)
