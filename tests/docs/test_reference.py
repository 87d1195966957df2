"""Everything public is documented."""

from __future__ import annotations

import re

import httpx2

from ragline.settings import Settings
from tests.docs.reference import DOCS, cli_page, settings_page
from tests.inprocess import InProcessServer

ROOT = DOCS.parent


def test_settings_page_is_up_to_date() -> None:
    """`make docs` would change nothing in the page of settings."""
    assert settings_page() == (DOCS / "settings.md").read_text()


def test_cli_page_is_up_to_date() -> None:
    """`make docs` would change nothing in the page of commands."""
    assert cli_page() == (DOCS / "cli.md").read_text()


def test_every_setting_is_explained() -> None:
    """Each setting says in words what it does."""
    assert [] == [name for name, field in Settings.model_fields.items() if not field.description]


def test_every_route_is_on_a_page(server: InProcessServer) -> None:
    """Each method and path of the API stands in docs/http.md, or on the page of its face."""
    pages = [
        (DOCS / name).read_text() for name in ("http.md", "openai-compatibility.md", "shares.md")
    ]
    page = re.sub(r"\?[^`]*", "", "\n".join(pages))
    api = httpx2.get(f"{server.url}/openapi.json", timeout=60).json()
    routes = {
        f"{method.upper()} {path}" for path, methods in api["paths"].items() for method in methods
    }

    assert set() == {route for route in routes if f"`{route}`" not in page.replace(" {", "`{")}


def test_links_between_pages_lead_somewhere() -> None:
    """No page points at a file that is not there."""
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert [] == broken


def test_files_named_on_the_architecture_page_exist() -> None:
    """A path in the map leads to a file of the package or of the project."""
    named = re.findall(
        r"`([a-z_]+(?:/[a-z_]+)*\.(?:py|md|toml))`", (DOCS / "architecture.md").read_text()
    )
    missing = [
        path
        for path in named
        if not (ROOT / "src" / "ragline" / path).exists()
        and not (ROOT / path).exists()
        and not list((ROOT / "src" / "ragline").rglob(path))
    ]

    assert [] == missing
