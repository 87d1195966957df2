"""The client library and the command line send, find and delete products."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Ragline
from tests.cli.conftest import ragline as ragline_fixture
from tests.images.made import photo
from tests.inprocess import InProcessServer, Tenant

from ragline import Client, NamedContent

ragline = ragline_fixture


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "red.jpg"
    path.write_bytes(photo("red"))
    return path


def test_a_product_by_the_library(server: InProcessServer, tenant: Tenant, picture: Path) -> None:
    """Every call has its method, with typed answers."""
    project = tenant.project()
    with Client(server.url, tenant.key) as client:
        metadata = {"price": 12.5}
        sent = client.send_product(
            project, "p 1/2"[:3], picture, name="Dress", metadata=metadata, tags=["new"], wait=60
        )
        assert sent.job is not None
        assert ("completed", "p 1") == (sent.job.status, sent.product_id)
        changed = client.send_product(project, "p 1", description="Of linen", wait=60)
        same = client.send_product(project, "p 1", description="Of linen")

        shown = client.product(project, "p 1")
        assert ("Dress", "Of linen", metadata) == (shown.name, shown.description, shown.metadata)
        assert (True, None) == (changed.job is not None, same.job)
        assert ["p 1"] == [each.product_id for each in client.products(project)]
        assert photo("red") == client.product_picture(project, "p 1")
        assert client.product_thumbnail(project, "p 1").startswith(b"\xff\xd8")
        [hit] = client.search_products(project, image=NamedContent("x", photo("red")))
        assert hit.scores.image is not None
        assert hit.scores.image > 0.9
        assert [hit.product_id] == [
            each.product_id for each in client.search_products(project, "linen")
        ]
        assert {"rows": 0, "files": 0, "vectors": 0} == (
            client.delete_product(project, "p 1").remaining
        )


def test_products_by_the_command_line(ragline: Ragline, picture: Path) -> None:
    """Added, found by words and picture, deleted."""
    added = ragline(
        "images",
        "add",
        "p1",
        "-p",
        "shop",
        "-i",
        picture,
        "--name",
        "Dress",
        "--metadata",
        '{"price": 3}',
    )
    assert (0, "p1: completed.") == (added.exit_code, added.stdout.strip()), added.output

    by_words = ragline("images", "search", "shop", "dress")
    by_picture = ragline("images", "search", "shop", "--image", picture, "--json")

    assert "Dress [p1]" in by_words.stdout
    assert "p1" == json.loads(by_picture.stdout)["hits"][0]["product_id"]
    again = ragline("images", "add", "p1", "-p", "shop", "--name", "Dress")
    assert "nothing has changed" in again.stdout
    assert "1 products" in ragline("images", "delete", "shop", "p1").stdout
    assert 0 != ragline("images", "delete", "shop", "p1").exit_code


def test_a_product_that_fails(ragline: Ragline, tmp_path: Path) -> None:
    """The command ends with the reason, and not well."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo()[:200])

    added = ragline("images", "add", "p1", "-p", "shop", "-i", broken, "--name", "Dress")

    assert (1, True) == (added.exit_code, "damaged" in added.stdout)
    wrong = ragline("images", "add", "p1", "-p", "shop", "--metadata", "[]")
    assert 0 != wrong.exit_code
