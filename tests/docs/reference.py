"""The reference pages that are written from the code: `python -m tests.docs.reference`."""

from __future__ import annotations

from pathlib import Path

import typer.main
from typer.core import TyperCommand, TyperGroup

from ragline.cli import app
from ragline.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def settings_page() -> str:
    """Return the page of all settings."""
    lines = [
        "# Settings",
        "",
        "Read once at the start, from the environment or a `.env` file in the working folder. An",
        "invalid one refuses the start with a sentence that names it.",
        "",
        "| variable | default | meaning |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = _shown(name, field.default)
        lines.append(f"| `RAGLINE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Return the page of all commands with their arguments and options."""
    lines = ["# Command line", "", "Exit codes: 0 done, 1 failed, 2 used wrongly, 130 interrupted."]
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    _describe(group, "ragline", lines)
    return "\n".join(lines) + "\n"


def _describe(command: object, name: str, lines: list[str]) -> None:
    if isinstance(command, TyperGroup):
        context = command.context_class(command, info_name=name)
        for part in command.list_commands(context):
            _, real, _ = command.resolve_command(context, [part])
            _describe(real, f"{name} {part}", lines)
        return
    assert isinstance(command, TyperCommand)
    lines += ["", f"## `{name}`", "", (command.help or "").strip(), ""]
    for parameter in command.params:
        if parameter.name == "help":
            continue
        record = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name
        lines.append(f"- `{record}`: {getattr(parameter, 'help', '')}")


def _shown(name: str, default: object) -> str:
    if name == "data_dir":
        return "`~/.ragline`"
    if "concurrency" in name or name == "compute_workers":
        from_cores = {"compute_workers": 1, "pages_concurrency": 1, "ingest_concurrency": 4}
        if name in from_cores:
            return "cores" if from_cores[name] == 1 else f"{from_cores[name]} × cores"
    return "unset" if default is None else f"`{default}`"


if __name__ == "__main__":
    (DOCS / "settings.md").write_text(settings_page())
    (DOCS / "cli.md").write_text(cli_page())
