"""Products in bulk: a table with their pictures, imported as one job."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.images.made import photo
from tests.imports.importing import imported, send
from tests.imports.packing import packed
from tests.inprocess import InProcessServer, Tenant

from ragline.models import ProductImage, ProductImageVersion

TABLE = (
    "product_id;name;description;image;price\n"
    "lamp;Red lamp;For the desk of a reader;pictures/red.jpg;40\n"
    "vase;Blue vase;Holds one tall flower;blue.jpg;25\n"
    "bowl;Bowl;;gone.jpg;5\n"
)


def archive(table: str = TABLE) -> tuple[str, bytes]:
    """Return a ZIP archive with a table and two pictures."""
    red, blue = photo("red"), photo("blue")
    return "shop.zip", packed(
        {"goods.csv": table, "pictures/red.jpg": red, "pictures/deep/blue.jpg": blue}
    )


def brought(tenant: Tenant, project: str, table: str = TABLE) -> dict[str, Any]:
    """Import products and return the job."""
    return imported(tenant, project, archive(table), products="true")


def test_rows_become_products(tenant: Tenant) -> None:
    """Each row is a product with the picture it names; one without a picture is a warning."""
    project = tenant.project("shop")

    job = brought(tenant, project)

    assert "completed" == job["status"]
    assert {"new": 2, "missing_files": 1}.items() <= job["result"].items()
    assert ["missing-file", "refused-product"] == [each["code"] for each in job["warnings"]]
    url = f"/v1/projects/{project}/images"
    lamp = tenant.http.get(f"{url}/lamp").json()
    assert ("Red lamp", {"price": 40}, True) == (
        lamp["name"],
        lamp["metadata"],
        lamp["searchable"],
    )
    hits = tenant.http.post(f"{url}/search", json={"query": "tall flower"}).json()["hits"]
    assert "vase" == hits[0]["product_id"]


def test_importing_again(tenant: Tenant) -> None:
    """A second time only what is different is built; a dry run says so before."""
    project = tenant.project("shop")
    brought(tenant, project)
    changed = TABLE.replace(";25", ";30")

    told = send(tenant, project, archive(changed), products="true", dry_run="true").json()
    job = brought(tenant, project, changed)

    assert (1, 1, 0) == (told["changed"], told["unchanged"], told["new"])
    assert {"changed": 1, "unchanged": 1}.items() <= job["result"].items()


def test_reindexing(server: InProcessServer, tenant: Tenant) -> None:
    """Products whose vectors are another model's are built again; the others are left alone."""
    project = tenant.project("shop")
    brought(tenant, project)
    url = f"/v1/projects/{project}/images/reindex"

    nothing = tenant.ended(tenant.http.post(url).json()["job"]["id"])
    _made_by_another(server, project, "lamp")
    one = tenant.ended(tenant.http.post(url).json()["job"]["id"])

    assert ("completed", {"unchanged": 2}) == (nothing["status"], _told(nothing))
    assert ("completed", {"unchanged": 1, "again": 1}) == (one["status"], _told(one))


def _made_by_another(server: InProcessServer, project: str, product: str) -> None:
    """Let the vector of a product's picture be that of another model."""
    named = sa.select(ProductImage.id).where(
        ProductImage.project_id == project, ProductImage.product_id == product
    )
    with server.runtime.database.write() as session:
        session.execute(
            sa.update(ProductImageVersion)
            .where(ProductImageVersion.image_id.in_(named))
            .values(image_key="0" * 64)
        )


def _told(job: dict[str, Any]) -> dict[str, int]:
    return {name: n for name, n in job["result"].items() if name in ("again", "unchanged") and n}
