"""How passages are put to a model, and its answer read."""

from __future__ import annotations

import pytest

from ragline.ingestion.tidying_prompt import INSTRUCTIONS, items_of, prompt_hash, task_of
from ragline.ingestion.tidying_results import Verdict, judged, key_of


def test_task() -> None:
    """Passages are numbered; the answer is bounded, and the model asked for nothing of its own."""

    task = task_of("Mend.", ["one", "two"], model="m")

    assert '<passage number="1">\none\n</passage>\n\n<passage number="2">' in task.text
    assert task.instructions.startswith("Mend.\n")
    assert ("m", 0.0) == (task.model, task.temperature)
    assert task.most_tokens is not None


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        ('<passage number="1">\na\n</passage>\n<passage number="2">b\nc</passage>', ["a", "b\nc"]),
        ("Sure!\n<passage number=1>a</passage> <PASSAGE number='2'>b</PASSAGE> Done.", ["a", "b"]),
        ('<passage number="1">a</passage>', None),
        ('<passage number="2">a</passage><passage number="1">b</passage>', None),
        ('<passage number="1">a</passage><passage number="1">b</passage>', None),
        ('<passage number="1">a</passage><passage number="2">b', None),
        ("", None),
    ],
)
def test_items(answer: str, items: list[str] | None) -> None:
    """Only as many passages as were asked for, in their order, are an answer."""

    assert items == items_of(answer, 2)


def test_versions() -> None:
    """Other words are another prompt; so are another tenant, model or text another result."""

    prompts = {prompt_hash(INSTRUCTIONS), prompt_hash("Mend.")}
    keys = {key_of("t", "m", "p", "a"), key_of("u", "m", "p", "a"), key_of("t", "n", "p", "a")}

    assert (2, 3) == (len(prompts), len(keys))


def test_unchanged() -> None:
    """A passage that comes back as it was stays so, and is no repair."""

    assert Verdict() == judged("As it was.", "As it was.")


def test_odd_characters() -> None:
    """What nobody sees is taken off an answer before it is judged."""

    assert Verdict(text="The cat sat.") == judged("Tbe cat sat.", "The\u200b cat\x00 sat.")
