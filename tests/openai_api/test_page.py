"""The page on compatibility says what there is."""

from __future__ import annotations

from pathlib import Path

import httpx2
from tests.inprocess import InProcessServer

PAGE = Path(__file__).parents[2] / "docs" / "openai-compatibility.md"


def test_every_route_is_on_the_page(server: InProcessServer) -> None:
    """Each method and path of OpenAI's interface stands in the tables."""
    page = PAGE.read_text()
    paths = httpx2.get(f"{server.url}/openapi.json", timeout=60).json()["paths"]
    routes = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, described in methods.items()
        if "openai" in described.get("tags", [])
    }

    assert 20 < len(routes)
    assert set() == {route for route in routes if f"| `{route}` |" not in page}


def test_every_parameter_is_on_the_page(server: InProcessServer) -> None:
    """Each field of a body and each parameter of a query that is taken stands on the page."""
    page = PAGE.read_text()
    api = httpx2.get(f"{server.url}/openapi.json", timeout=60).json()
    taken: set[str] = set()
    for methods in api["paths"].values():
        for described in methods.values():
            if "openai" in described.get("tags", []):
                taken |= _names(described, api["components"]["schemas"])

    assert set() == {name for name in taken if f"`{name}`" not in page and f".{name}`" not in page}


def _names(described: dict[str, object], schemas: dict[str, dict[str, object]]) -> set[str]:
    """Return the names of a route's query parameters and of its body's fields."""
    parameters: object = described.get("parameters", [])
    assert isinstance(parameters, list)
    names = {each["name"].partition("[")[0] for each in parameters if each["in"] == "query"}
    body: object = described.get("requestBody", {})
    assert isinstance(body, dict)
    for kind in body.get("content", {}).values():
        reference = kind["schema"].get("$ref", "")
        fields = schemas[reference.rpartition("/")[2]] if reference else kind["schema"]
        properties: object = fields.get("properties", {})
        assert isinstance(properties, dict)
        names |= {name.partition("[")[0] for name in properties}
    return names
