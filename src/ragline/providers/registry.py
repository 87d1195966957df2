"""Finds adapters by entry point and loads them by name."""

from __future__ import annotations

import functools
import re
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires
from typing import Any

from ragline.database import Database
from ragline.errors import ConfigurationError, MissingPackage, UnsupportedMediaType
from ragline.providers.chain import Chain
from ragline.providers.contracts import (
    LLM,
    OCR,
    AnswerCache,
    Embedder,
    ImageEmbedder,
    Parser,
    ReferenceLibrary,
    VectorStore,
)
from ragline.settings import Settings

_KINDS = {
    "ragline.parsers": "parser",
    "ragline.embedders": "embedder",
    "ragline.llms": "language model adapter",
    "ragline.vectorstores": "vector store",
    "ragline.caches": "cache of answers",
    "ragline.ocr": "OCR engine",
    "ragline.libraries": "reference library",
    "ragline.image_embedders": "image embedder",
}
LOCAL_OCR = ("tesseract", "rapidocr")
_ENDPOINT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_EXTRA = re.compile(r"""^([\w.-]+).*extra\s*==\s*['"]([\w.-]+)['"]""")


def load(group: str, name: str) -> Any:
    """Return the adapter class of this name from an entry point group.

    Raises:
        ConfigurationError: no adapter has this name; the message lists those that exist.
        MissingPackage: the adapter needs a package; the message holds the install line.
    """
    found = {entry.name: entry for entry in entry_points(group=group)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise ConfigurationError(
            f"There is no {_KINDS.get(group, group)} named {name!r}. Known ones: {known}. "
            "Correct the setting, or install the package that brings it."
        )
    try:
        return found[name].load()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "ragline"):
            raise  # a bug of ours, which no installation mends
        raise MissingPackage(
            f"The {_KINDS.get(group, group)} {name!r} needs the package {missing!r}. "
            f"Install it: {_install_line(found[name], missing)}"
        ) from error


def embedder(name: str) -> Embedder:
    """Return the embedder of this name."""
    adapter: Embedder = load("ragline.embedders", name)()
    return adapter


def llm(name: str, settings: Settings) -> LLM:
    """Return the language model adapter of this name, or one of `RAGLINE_LLM_ENDPOINTS`."""
    adapter: LLM
    if name in settings.llm_endpoints:
        adapter = load("ragline.llms", "openai").named(name, settings.llm_endpoints[name])
    else:
        adapter = load("ragline.llms", name)(settings)
    return adapter


def llm_chain(settings: Settings) -> Chain:
    """Return the models that `RAGLINE_LLM` names, to be asked in turn.

    Raises `ConfigurationError` for a name that nothing bears, or that two bear.
    """
    adapters = {entry.name for entry in entry_points(group="ragline.llms")}
    for name in settings.llm_endpoints:
        if name in adapters or not _ENDPOINT.fullmatch(name):
            raise ConfigurationError(
                f"RAGLINE_LLM_ENDPOINTS cannot name a server {name!r}: take a name of small "
                f"letters, digits, - and _ that is none of {', '.join(sorted(adapters))}."
            )
    names = [name.strip() for name in settings.llm.split(",")]
    known = adapters | set(settings.llm_endpoints)
    for place, name in enumerate(names):
        if name not in known:
            raise ConfigurationError(
                f"RAGLINE_LLM names {name!r}, which nothing bears. Known ones: "
                f"{', '.join(sorted(known))}. Correct it, describe the server in "
                "RAGLINE_LLM_ENDPOINTS, or install the package that brings it."
            )
        if name in names[:place]:
            raise ConfigurationError(f"RAGLINE_LLM names {name!r} twice: once is enough.")
    return Chain([llm(name, settings) for name in names])


def ocr_engines(settings: Settings) -> tuple[OCR, ...]:
    """Return the engines that `RAGLINE_OCR` names, in the order in which they are asked.

    Unset, these are the first of those on this machine that work. Raises `ConfigurationError`
    for one that is unknown, named twice, or cannot work.
    """
    if settings.ocr is None:
        return _ocr_of_this_machine(settings)
    names = [name.strip() for name in settings.ocr.split(",") if name.strip()]
    if names in ([], ["none"]):
        return ()
    doubled = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if doubled:
        raise ConfigurationError(f"RAGLINE_OCR names {doubled!r} twice: once is enough.")
    return tuple(load("ragline.ocr", name)(settings) for name in names)


def _ocr_of_this_machine(settings: Settings) -> tuple[OCR, ...]:
    for name in LOCAL_OCR:
        try:
            return (load("ragline.ocr", name)(settings),)
        except ConfigurationError:
            continue
    return ()


def image_embedder(name: str, settings: Settings) -> ImageEmbedder:
    """Return the image embedder of this name; those that compute here are built in children."""
    adapter: ImageEmbedder = load("ragline.image_embedders", name)(settings)
    return adapter


def vector_store(
    name: str, settings: Settings, *, dimensions: int, collection: str | None = None
) -> VectorStore:
    """Return the vector store of this name, for vectors of so many dimensions."""
    adapter: type[VectorStore] = load("ragline.vectorstores", name)
    if collection is None:
        return adapter.open(settings, dimensions)
    return adapter.open(settings, dimensions, collection=collection)


def is_shared_store(name: str) -> bool:
    """Tell whether several processes may open the vector store of this name at once."""
    return bool(load("ragline.vectorstores", name).shared)


def answer_cache(name: str, settings: Settings, database: Database) -> AnswerCache:
    """Return the cache of answers of this name."""
    adapter: type[AnswerCache] = load("ragline.caches", name)
    return adapter.open(settings, database)


def reference_library(
    name: str, settings: Settings, *, library: str, api_key: str | None
) -> ReferenceLibrary:
    """Return a library of the service of this name, such as `users/123`."""
    adapter: ReferenceLibrary = load("ragline.libraries", name)(settings, library, api_key)
    return adapter


@functools.cache
def parser_for(media_type: str) -> Parser:
    """Return the parser that reads a media type; raise `UnsupportedMediaType` if none does."""
    adapter = _parser_classes().get(media_type)
    if adapter is None:
        raise UnsupportedMediaType(
            f"Files of type {media_type} cannot be read. Send one of: "
            f"{', '.join(sorted(readable_media_types()))}."
        )
    parser: Parser = adapter()
    return parser


def readable_media_types() -> frozenset[str]:
    """Return every media type that some parser reads."""
    return frozenset(_parser_classes())


@functools.cache
def _parser_classes() -> dict[str, Any]:
    names = sorted(entry.name for entry in entry_points(group="ragline.parsers"))
    classes = [load("ragline.parsers", name) for name in names]
    return {media_type: adapter for adapter in classes for media_type in adapter.media_types}


def _install_line(entry: EntryPoint, module: str) -> str:
    """Return the command that installs a missing module, by an extra if there is one."""
    package = entry.dist.name if entry.dist else "ragline"
    try:
        needs = requires(package) or []
    except PackageNotFoundError:
        needs = []
    for line in needs:
        match = _EXTRA.match(line)
        if match and _same(match[1], module):
            return f"pip install '{package}[{match[2]}]'"
    return f"pip install {module}"


def _same(package: str, module: str) -> bool:
    return re.sub(r"[-_.]+", "_", package).lower() == module.lower()
