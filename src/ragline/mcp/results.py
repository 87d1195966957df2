"""Results of tools on the wire."""

from __future__ import annotations

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel


def succeeded(result: BaseModel) -> CallToolResult:
    """Return a result as structured content, and as text for clients that know no other."""
    return CallToolResult(
        content=[TextContent(text=result.model_dump_json(exclude_none=True))],
        structured_content=result.model_dump(mode="json"),
    )


def failed(sentence: str) -> CallToolResult:
    """Return an error that the model can read and act on."""
    return CallToolResult(content=[TextContent(text=sentence)], is_error=True)
