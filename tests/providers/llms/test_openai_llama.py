"""The adapter against a real server, llama.cpp, with a very small model."""

from __future__ import annotations

import pytest
from tests.providers.llms.conftest import Connect

from ragline.providers.llms.openai import OpenAILLM
from ragline.testing.llm import PASSAGES, QUESTION, LLMConformance


@pytest.fixture
def llm(llama_url: str, connect: Connect) -> OpenAILLM:
    return connect(llama_url, openai_model="smollm2", openai_timeout_seconds=60)


class TestConformance(LLMConformance):
    """A real model passes the suite, whatever its answers are worth."""


def test_real_answer(llm: OpenAILLM) -> None:
    """A real server gives words and counts their tokens."""
    answer = llm.answer(QUESTION, PASSAGES)

    assert answer.text
    assert min(answer.usage.prompt_tokens, answer.usage.completion_tokens) > 0
