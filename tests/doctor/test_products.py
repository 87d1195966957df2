"""Product images whose indexes were damaged."""

from __future__ import annotations

import httpx2
import numpy as np
from tests.doctor.test_service import operator as operator
from tests.doctor.test_service import repaired
from tests.images.conftest import Shop
from tests.images.conftest import shop as shop
from tests.images.made import photo
from tests.inprocess import InProcessServer

from ragline.doctor import products
from ragline.doctor.looked import Looked
from ragline.images.parts import parts_of
from ragline.models import new_id
from ragline.providers.contracts import IndexedChunk, LexicalVector


def kinds_of(server: InProcessServer, project: str) -> list[tuple[str, int]]:
    """Return what differs in the products of a project."""
    found = products.look(server.runtime, Looked())
    return [(each.kind, each.count) for each in found if each.project_id == project]


def test_products_that_vanished_are_written_again(
    server: InProcessServer, shop: Shop, operator: httpx2.Client
) -> None:
    """A product that an index lost is found to be missing, and found by its words again."""

    shop.index("kettle", photo("red"), name="copper kettle")
    healthy = kinds_of(server, shop.project)
    parts_of(server.runtime).words.delete_project(shop.project)
    damaged = kinds_of(server, shop.project)
    repaired(operator)

    assert [] == healthy
    assert [("product-missing-vectors", 1)] == damaged
    assert [] == kinds_of(server, shop.project)
    assert ["kettle"] == [
        hit["product_id"] for hit in shop.search(query="kettle", weights={"keywords": 1})
    ]


def test_vectors_of_products_that_are_gone_are_removed(
    server: InProcessServer, shop: Shop, operator: httpx2.Client
) -> None:
    """Vectors of a product that nobody knows are counted, and the known ones stay."""

    shop.index("teapot", photo("blue"), name="stoneware teapot")
    index = parts_of(server.runtime).words
    vector = np.zeros(server.runtime.embedder.dimensions, dtype=np.float32)
    vector[0] = 1
    index.upsert(
        [IndexedChunk(new_id(), new_id(), shop.project, 1, vector, LexicalVector((), ()), {})]
    )
    damaged = kinds_of(server, shop.project)
    repaired(operator)

    assert [("product-stray-vectors", 1)] == damaged
    assert [] == kinds_of(server, shop.project)
    assert ["teapot"] == [
        hit["product_id"] for hit in shop.search(query="teapot", weights={"keywords": 1})
    ]
