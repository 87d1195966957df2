"""`ragline search` and `ragline ask` against a server."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Ragline
from tests.inprocess import Tenant

TIGERS = "Tigers live in Bengal and hunt at night, alone and in silence."


@pytest.fixture
def zoo(tenant: Tenant) -> str:
    """The id of a project named zoo that knows about tigers."""
    project_id = tenant.project("zoo")
    tenant.ingest_text(project_id, TIGERS, title="Tigers")
    return project_id


def test_a_search_shows_passages_with_their_source(ragline: Ragline, zoo: str) -> None:
    """A hit names its document, its page and the passage."""
    result = ragline("search", "zoo", "Where do tigers live?")

    assert 0 == result.exit_code
    assert "1. Tigers, p. 1" in result.stdout
    assert TIGERS in result.stdout


def test_a_project_may_be_named_by_its_id(ragline: Ragline, zoo: str) -> None:
    """A project's id works where its name does."""
    assert 0 == ragline("search", zoo, "tigers").exit_code


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_search_for_machines_is_one_json_document(ragline: Ragline, zoo: str, mode: str) -> None:
    """`--json` prints the hits as the server sent them, in every mode."""
    result = ragline("search", "zoo", "tigers", "--mode", mode, "--limit", 1, "--json")

    (hit,) = json.loads(result.stdout)["hits"]
    assert TIGERS == hit["text"]


def test_a_search_takes_wishes(ragline: Ragline, zoo: str) -> None:
    """Least score, diversity and merging are passed on; what cannot be done is told."""
    found = ragline("search", "zoo", "tigers", "--merge", "--diversity", 0.5, "--rerank")
    none = ragline("search", "zoo", "tigers", "--min-score", 1)

    assert TIGERS in found.stdout
    assert "This server has no reranker" in found.stdout
    assert "Nothing in 'zoo' matches.\n" == none.stdout


def test_a_search_without_hits_says_so(ragline: Ragline, tenant: Tenant) -> None:
    """An empty project answers with a sentence, and that is no failure."""
    tenant.project("empty")

    result = ragline("search", "empty", "tigers")

    assert (0, "Nothing in 'empty' matches.\n") == (result.exit_code, result.stdout)


def test_an_unknown_project_is_told(ragline: Ragline) -> None:
    """A project that does not exist ends with a sentence on stderr."""
    result = ragline("search", "nowhere", "tigers")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "Error: There is no project with the name or id 'nowhere'" in result.stderr


def test_an_unknown_mode_is_a_wrong_use(ragline: Ragline) -> None:
    """A mode that does not exist never reaches the server."""
    assert 2 == ragline("search", "zoo", "tigers", "--mode", "psychic").exit_code


def test_an_answer_comes_with_its_sources(ragline: Ragline, zoo: str) -> None:
    """An answer names document and page of each quote."""
    result = ragline("ask", "zoo", "Where do tigers live?")

    assert 0 == result.exit_code
    assert "Bengal" in result.stdout
    assert "[1] Tigers, p. 1" in result.stdout


def test_an_answer_for_machines_is_one_json_document(ragline: Ragline, zoo: str) -> None:
    """`--json` prints answer, citations and usage."""
    result = ragline("ask", "zoo", "Where do tigers live?", "--json")

    assert {"answer", "citations", "usage"} <= set(json.loads(result.stdout))


def test_an_answer_is_printed_as_it_comes(ragline: Ragline, zoo: str) -> None:
    """`--stream` prints the answer, and its sources after it."""
    result = ragline("ask", "zoo", "Where do tigers live?", "--stream")

    assert 0 == result.exit_code, result.output
    answer, sources = result.stdout.split("\nSources\n")
    assert "Bengal" in answer
    assert "[1] Tigers, p. 1" in sources


def test_a_stream_is_not_for_machines(ragline: Ragline, zoo: str) -> None:
    """Pieces of an answer are no JSON document."""
    assert 2 == ragline("ask", "zoo", "Where?", "--stream", "--json").exit_code


@pytest.mark.parametrize("more", [(), ("--stream",)], ids=["whole", "stream"])
def test_an_answer_with_its_bibliography(ragline: Ragline, zoo: str, more: tuple[str, ...]) -> None:
    """`--bibliography` adds what is cited in a citation style."""
    style = ("--bibliography", "harvard-cite-them-right")
    result = ragline("ask", "zoo", "Where do tigers live?", *style, *more)

    assert 0 == result.exit_code
    assert "Bibliography\n“Tigers” (no date).\n" in result.stdout


def test_an_unknown_style_is_told(ragline: Ragline, zoo: str) -> None:
    """A style that is not there ends with a sentence on stderr."""
    result = ragline("ask", "zoo", "Where do tigers live?", "--bibliography", "nobodys")

    assert 1 == result.exit_code
    assert "There is no citation style 'nobodys'" in result.stderr
