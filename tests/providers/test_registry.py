"""Adapters found by name, and the words when one is not."""

from importlib.metadata import EntryPoint

import pytest

from ragline.errors import ConfigurationError, MissingPackage, UnsupportedMediaType
from ragline.providers import registry
from ragline.providers.parsers.pdfium import PdfiumParser
from ragline.settings import Settings


def test_load():
    """An adapter is loaded by its name."""

    assert registry.load("ragline.parsers", "pdfium") is PdfiumParser


def test_unknown_name():
    """An unknown name is answered with the known ones."""
    with pytest.raises(ConfigurationError, match=r"'acrobat'.*kreuzberg, mail, pdfium, .*text"):
        registry.load("ragline.parsers", "acrobat")


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("xllamacpp", "pip install 'ragline[local-llm]'"),
        ("ir_measures", "pip install 'ragline[eval]'"),
        ("unheard_of", "pip install unheard_of"),
    ],
)
def test_install_line(module, line):
    """A missing package is named with the command that installs it."""
    entry = EntryPoint("some", f"{module}_adapter:Adapter", "ragline.llms")

    assert registry._install_line(entry, module) == line


def test_missing_package(monkeypatch):
    """An adapter whose package is missing says so instead of failing to import."""
    entry = EntryPoint("some", "package_that_is_not_there:Adapter", "ragline.llms")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(MissingPackage, match="pip install package_that_is_not_there"):
        registry.load("ragline.llms", "some")


def test_bundled_adapters(tmp_path):
    """The adapters of the default settings are built from their names."""
    settings = Settings(data_dir=tmp_path, _env_file=None)
    embedder = registry.embedder(settings.own_embedder, settings)
    store = registry.vector_store(
        settings.vector_store_name, settings, dimensions=embedder.dimensions
    )
    chunks = store.count()
    store.close()

    assert (chunks, registry.llm(settings.llm, settings).name) == (0, "extractive")


def test_parser_for():
    """A media type leads to the parser that reads it, made once."""

    assert isinstance(registry.parser_for("application/pdf"), PdfiumParser)
    assert registry.parser_for("application/pdf") is registry.parser_for("application/pdf")


def test_unsupported():
    """A media type that nothing reads is refused with those that are read."""
    with pytest.raises(UnsupportedMediaType, match=r"video/mp4 cannot be read.*application/pdf"):
        registry.parser_for("video/mp4")


def test_readable_media_types():
    """PDF, Word, web pages, text and Markdown are read."""

    assert registry.readable_media_types() >= {
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "text/html",
        "text/markdown",
        "text/plain",
    }


ENDPOINTS = {"mistral": {"base_url": "https://api.mistral.ai/v1", "model": "mistral-small-latest"}}


def test_llm_chain():
    """A chain is built from names with commas between them, of adapters and of servers."""
    settings = Settings(_env_file=None, llm="mistral, openai,extractive", llm_endpoints=ENDPOINTS)
    chain = registry.llm_chain(settings)
    chain.close()

    assert [each.provider for each in chain.members] == ["mistral", "openai", None]


@pytest.mark.parametrize("names", ["gpt", "extractive,", "", "extractive,mistrall"])
def test_unknown_llm(names):
    """A name that nothing bears is refused with the setting and the known names."""
    settings = Settings(_env_file=None, llm=names, llm_endpoints=ENDPOINTS)
    known = "extractive, local, mistral, "
    with pytest.raises(ConfigurationError, match=f"RAGLINE_LLM names .*{known}"):
        registry.llm_chain(settings)


def test_llm_twice():
    """A name that stands twice in a chain is a slip."""
    with pytest.raises(ConfigurationError, match="twice"):
        registry.llm_chain(Settings(_env_file=None, llm="extractive,extractive"))


@pytest.mark.parametrize("name", ["openai", "Mistral", "a,b", "a/b", ""])
def test_name_of_an_endpoint(name):
    """A server cannot be called as an adapter is, nor by a name that cannot be told apart."""
    endpoints = {name: ENDPOINTS["mistral"]}
    with pytest.raises(ConfigurationError, match="RAGLINE_LLM_ENDPOINTS"):
        registry.llm_chain(Settings(_env_file=None, llm_endpoints=endpoints))
