"""A slide's words as a page of Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field

_NOTES = "Notes:"


@dataclass
class Slide:
    """A slide's title, its blocks in order, and what its speaker noted."""

    title: str = ""
    blocks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the slide as a page."""
        blocks = [f"# {self.title}"] if self.title else []
        blocks += self.blocks
        if self.notes:
            blocks.append("\n".join([_NOTES, *self.notes]))
        return "\n\n".join(block for block in blocks if block.strip())
