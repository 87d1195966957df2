"""Results as tables in Markdown for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine

Row = Mapping[str, Any]


class Report:
    """Prints each table as soon as it is there, below the description of the machine."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._json = options.get("json")
        self._content: dict[str, Any] = {
            "benchmark": name,
            "options": {key: value for key, value in options.items() if value is not None},
            "machine": machine.description(),
            "tables": {},
        }
        print(f"# {name}\n")
        for key, value in self._content["machine"].items():
            print(f"- {key}: {value}")
        shown = ", ".join(f"{key} {value}" for key, value in self._content["options"].items())
        print(f"- options: {shown}", flush=True)

    def table(self, title: str, rows: Sequence[Row], *notes: str) -> None:
        """Print rows under a title, with sentences below, and keep them for the file."""
        self._content["tables"][title] = {"rows": list(rows), "notes": list(notes)}
        print(f"\n## {title}\n\n{markdown(rows)}")
        for note in notes:
            print(f"\n{note}")
        print(end="", flush=True)
        self._write()

    def _write(self) -> None:
        if self._json is not None:
            text = json.dumps(self._content, indent=1, ensure_ascii=False, default=str)
            Path(self._json).write_text(text + "\n", encoding="utf-8")


def markdown(rows: Sequence[Row], *, aligned: bool = True) -> str:
    """Return rows as a table whose columns are those of the first row.

    Not `aligned`, it has no blanks to make the columns even, and is a quarter as long.
    """
    columns = list(rows[0])
    cells = [columns, *([_shown(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) if aligned else 0 for i in range(len(columns))]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * max(3, width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
