"""The official client, for tests that do not wait for anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client
from mcp.client.extension import ClientExtension
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, Request, Result

MODES = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}
"""How the client is told to speak each revision."""
Answer = TypeVar("Answer", bound=Result)


@dataclass
class Speaker:
    """A connected client."""

    client: Client
    portal: BlockingPortal

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool."""
        return self.portal.call(self.client.call_tool, tool, arguments)

    def result(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must not fail and return its structured content."""
        answer = self.call(tool, **arguments)
        assert not answer.is_error, answer.content
        assert isinstance(answer.structured_content, dict)
        return answer.structured_content

    def error(self, tool: str, **arguments: Any) -> str:
        """Call a tool that must fail and return its sentence."""
        answer = self.call(tool, **arguments)
        assert answer.is_error, answer.structured_content
        return str(getattr(answer.content[0], "text", ""))

    def send(self, request: Request[Any, Any], answer: type[Answer]) -> Answer:
        """Send a request of any kind."""
        return self.portal.call(self.client.session.send_request, request, answer)

    def tools(self) -> dict[str, Any]:
        """Return the tools that are listed, by name."""
        return {tool.name: tool for tool in self.portal.call(self.client.list_tools).tools}


@contextmanager
def speaking(
    url: str,
    key: str,
    *,
    revision: str = "2026-07-28",
    extensions: Sequence[ClientExtension] = (),
) -> Iterator[Speaker]:
    """Connect to a server's `/mcp` with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    with start_blocking_portal() as portal:
        http = httpx2.AsyncClient(headers=headers, timeout=90, verify=False)
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        client = Client(transport, mode=MODES[revision], extensions=list(extensions))
        with (
            portal.wrap_async_context_manager(http),
            portal.wrap_async_context_manager(client) as connected,
        ):
            yield Speaker(connected, portal)
