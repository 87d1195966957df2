"""Tenants who send products to the server, which has a tiny image model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.images.made import photo
from tests.inprocess import Tenant


@dataclass
class Shop:
    """A tenant with a project of products."""

    tenant: Tenant
    project: str

    @property
    def path(self) -> str:
        return f"/v1/projects/{self.project}/images"

    def send(
        self, product_id: str, image: bytes | None, *, headers: Any = None, **fields: str
    ) -> Any:
        """Send a product and return the response."""
        files = {} if image is None else {"image": ("photo.bin", image)}
        # A form without a file would be sent in another encoding.
        parts = files | {name: (None, value) for name, value in fields.items()}
        parts["product_id"] = (None, product_id)
        return self.tenant.http.post(self.path, files=parts, headers=headers)

    def index(self, product_id: str, image: bytes | None, **fields: str) -> dict[str, Any]:
        """Send a product and return its job once it has ended well."""
        answer = self.send(product_id, image, **fields)
        assert answer.status_code == 202, answer.text
        job = self.tenant.ended(answer.json()["job"]["id"])
        assert job["status"] == "completed", job
        return job

    def search(self, **body: Any) -> list[dict[str, Any]]:
        """Search with JSON and return the hits."""
        answer = self.tenant.http.post(f"{self.path}/search", json=body)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["hits"])

    def get(self, product_id: str, below: str = "") -> Any:
        """Ask for a product, or what is below it."""
        return self.tenant.http.get(f"{self.path}/{product_id}{below}")

    def delete(self, product_id: str) -> Any:
        """Delete a product."""
        return self.tenant.http.delete(f"{self.path}/{product_id}")


@pytest.fixture
def shop(tenant: Tenant) -> Shop:
    """A shop that has no product yet."""
    return Shop(tenant, tenant.project("shop"))


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A shop with three products, each of one colour."""
    names = {"dress": "red", "trousers": "blue", "hat": "green"}
    jobs = [
        shop.send(
            name,
            photo(colour),
            name=f"A {name}",
            description=f"{name} number {number}",
            metadata=f'{{"size": {number}}}',
        ).json()["job"]["id"]
        for number, (name, colour) in enumerate(names.items())
    ]
    assert ["completed"] * 3 == [shop.tenant.ended(job)["status"] for job in jobs]
    return shop
