"""What is embedded and indexed of a passage, and the key of its embedding."""

from __future__ import annotations

import hashlib


def indexed_text(title: str, heading: str | None, text: str) -> str:
    """Return what is embedded and indexed for a chunk: its text under its title and heading.

    The stored text of the chunk, which search returns, has neither.
    """
    above = [title.strip()] if title.strip() else []
    if heading and heading not in text[: len(heading) + 10] and heading != title:
        above.append(heading)
    return "\n".join([*above, text])


def passage_key(tenant_id: str, embedder_name: str, text: str) -> str:
    """Return the hash of everything that decides a passage's embedding, within the tenant.

    `text` is its `indexed_text`.
    """
    return hashlib.sha256("\n".join((tenant_id, embedder_name, text)).encode()).hexdigest()
