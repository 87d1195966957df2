"""A real model in a child process, and what happens when the child dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from ragline.errors import ConfigurationError, TemporaryProviderError
from ragline.providers.contracts import Ask
from ragline.providers.llms.local import LocalLLM
from ragline.settings import Settings
from ragline.testing.llm import PASSAGES, QUESTION, LLMConformance

DEADLINE_SECONDS = 60
LONG = Ask(QUESTION, PASSAGES, most_tokens=400)
SHORT = Ask(QUESTION, PASSAGES, most_tokens=16)


def settings(weights: Path, **changes: object) -> Settings:
    values: dict[str, object] = {
        "local_llm_path": weights,
        "local_llm_context": 2048,
        "local_llm_threads": 1,
        "local_llm_memory_mb": 1024,
        "local_llm_timeout_seconds": 200,
    }
    return Settings(_env_file=None, **(values | changes))


@pytest.fixture(scope="module")
def llm(weights: Path) -> Iterator[LocalLLM]:
    llm = LocalLLM(settings(weights))
    yield llm
    llm.close()


def child_of(process: psutil.Process) -> psutil.Process:
    """Return the child that serves a process's model, once there is one."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        for each in process.children():
            if "ragline.providers.llms.local_server" in each.cmdline():
                return each
        time.sleep(0.05)
    raise AssertionError("there is no child")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class TestConformance(LLMConformance):
    """A real model passes the suite, whatever its answers are worth."""


def test_real_answer(llm: LocalLLM, weights: Path) -> None:
    """The model's words come in pieces, and their tokens are counted."""
    *pieces, answer = llm.stream(SHORT)

    assert not isinstance(answer, str)
    assert len(pieces) > 1
    assert (answer.usage.model, answer.usage.adapter) == (weights.stem, "local")
    assert min(answer.usage.prompt_tokens, answer.usage.completion_tokens) > 0


def test_killed_during_an_answer(llm: LocalLLM) -> None:
    """If the child dies during an answer the call may be tried again, and then succeeds."""
    pieces = llm.stream(LONG)
    next(pieces)
    child_of(psutil.Process()).kill()

    with pytest.raises(TemporaryProviderError):
        list(pieces)
    assert llm.answer(SHORT).text


def test_too_little_memory(weights: Path) -> None:
    """A child that exceeds its memory ends alone, and the words name the setting."""
    llm = LocalLLM(settings(weights, local_llm_memory_mb=256, local_llm_context=1_000_000))

    with pytest.raises(TemporaryProviderError, match="RAGLINE_LOCAL_LLM_MEMORY_MB"):
        llm.answer(SHORT)
    llm.close()


def test_too_slow(weights: Path) -> None:
    """A child that is too slow for its only caller is ended."""
    llm = LocalLLM(settings(weights, local_llm_timeout_seconds=0.2))
    before = {child.pid for child in psutil.Process().children()}

    with pytest.raises(TemporaryProviderError, match="RAGLINE_LOCAL_LLM_TIMEOUT_SECONDS"):
        llm.answer(LONG)

    assert {child.pid for child in psutil.Process().children()} <= before
    llm.close()


def test_damaged_file(tmp_path: Path) -> None:
    """A file that only looks like a model does not harm the parent."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 1000)
    llm = LocalLLM(settings(path))

    with pytest.raises(TemporaryProviderError, match="RAGLINE_LOCAL_LLM_PATH"):
        llm.answer(SHORT)
    llm.close()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04"])
def test_no_model(tmp_path: Path, content: bytes | None) -> None:
    """A path that leads to no model stops the start."""
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="RAGLINE_LOCAL_LLM_PATH"):
        LocalLLM(settings(path))


def test_no_path() -> None:
    """Without a path the setting is named."""
    with pytest.raises(ConfigurationError, match="set RAGLINE_LOCAL_LLM_PATH"):
        LocalLLM(Settings(_env_file=None))


PARENT = """
import sys
from ragline.providers.llms.local import LocalLLM
from ragline.settings import Settings
from ragline.testing.llm import PASSAGES, QUESTION
from ragline.providers.contracts import Ask
llm = LocalLLM(Settings(_env_file=None, local_llm_path=sys.argv[1], local_llm_context=2048))
next(llm.stream(Ask(QUESTION, PASSAGES)))
"""


def test_child_dies_with_its_parent(weights: Path) -> None:
    """A parent that is killed leaves no child behind."""
    with subprocess.Popen([sys.executable, "-c", PARENT, str(weights)]) as parent:
        child = child_of(psutil.Process(parent.pid))
        os.kill(parent.pid, signal.SIGKILL)

    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_key_is_needed(llm: LocalLLM) -> None:
    """Other users of the machine who find the port are not answered, nor told the key."""
    assert llm.answer(SHORT).text
    child = child_of(psutil.Process())
    (port,) = {each.laddr.port for each in child.net_connections() if each.status == "LISTEN"}
    body = {"messages": [{"role": "user", "content": "Hi"}]}

    found = httpx2.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, trust_env=False)

    assert found.status_code == 401
    assert "key" not in " ".join(child.cmdline())
