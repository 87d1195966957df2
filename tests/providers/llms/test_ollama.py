"""The adapter for Ollama: what it sends, and what it makes of lines of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.fakes.ollama_server import FakeOllama, Reply, failure, lines, said

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers.contracts import Ask, Usage
from ragline.providers.llms.ollama import OllamaLLM
from ragline.settings import Settings, load_settings
from ragline.testing.llm import HISTORY, PASSAGES, QUESTION, LLMConformance

Connect = Callable[..., OllamaLLM]
ASK = Ask(QUESTION, PASSAGES)


@pytest.fixture
def ollama(fake_ollama: FakeOllama) -> Iterator[Connect]:
    """Build adapters of the fake server and close them after the test."""
    opened: list[OllamaLLM] = []

    def build(**changes: object) -> OllamaLLM:
        values = {"ollama_base_url": fake_ollama.url, "ollama_timeout_seconds": 5}
        opened.append(OllamaLLM(Settings(_env_file=None, **(values | changes))))
        return opened[-1]

    yield build
    for llm in opened:
        llm.close()


class TestConformance(LLMConformance):
    """The adapter passes the suite for all models against the fake server."""

    @pytest.fixture
    def llm(self, ollama: Connect) -> OllamaLLM:
        return ollama()


def test_stream(fake_ollama: FakeOllama, ollama: Connect) -> None:
    """Words are given out as they come, and their tokens counted."""
    fake_ollama.replies = [said("It lasts", " two", " years")]

    *pieces, answer = ollama().stream(ASK)

    assert pieces == ["It lasts", " two", " years"]
    assert answer.usage == Usage("llama3.2", 11, 7, "ollama")


def test_request(fake_ollama: FakeOllama, ollama: Connect) -> None:
    """The context's length goes with every call, or Ollama would cut the passages unseen."""
    llm = ollama(ollama_context=4096, ollama_keep_alive="-1", ollama_api_key="o-key")
    llm.answer(Ask(QUESTION, PASSAGES, HISTORY, most_tokens=9, temperature=0.5))

    (sent,) = fake_ollama.bodies("/api/chat")
    assert sent["options"] == {"num_ctx": 4096, "num_predict": 9, "temperature": 0.5}
    assert sent["keep_alive"] == -1
    assert [each["role"] for each in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert fake_ollama.headers[0]["authorization"] == "Bearer o-key"


def test_truncated(fake_ollama: FakeOllama, ollama: Connect) -> None:
    """An answer that reached its longest length says so."""
    fake_ollama.replies = [said("Two years", done_reason="length")]

    assert ollama().answer(ASK).truncated


@pytest.mark.parametrize(
    "reply",
    [
        said("Two years", done_reason=None),
        Reply(said("Two years").body, sent=60),
        lines({"error": "model runner has unexpectedly stopped"}),
        Reply(said("Two", done_reason=None).body + b'{"error": "out of memory"}\n'),
        Reply(b"<html>\n"),
        Reply(b""),
        said(""),
        failure(500, "boom"),
        failure(503, "server busy"),
    ],
    ids=["no end", "cut", "error", "late error", "garbage", "nothing", "no words", "500", "503"],
)
def test_unusable(fake_ollama: FakeOllama, ollama: Connect, reply: Reply) -> None:
    """An answer that cannot be used may be better next time."""
    fake_ollama.replies = [reply]

    with pytest.raises(TemporaryProviderError, match="again later"):
        ollama().answer(ASK)


def test_missing_model(ollama: Connect) -> None:
    """A model that Ollama lacks is told of with the setting that has it fetched."""
    with pytest.raises(PermanentProviderError, match="RAGLINE_OLLAMA_PULL=true"):
        ollama(ollama_model="other").answer(ASK)


def test_pull(fake_ollama: FakeOllama, ollama: Connect) -> None:
    """Where that is wished, a missing model is fetched once and then asked."""
    llm = ollama(ollama_model="other", ollama_pull=True)

    answers = [llm.answer(ASK) for _ in range(2)]

    assert [answer.usage.model for answer in answers] == ["other", "other"]
    assert [body["model"] for body in fake_ollama.bodies("/api/pull")] == ["other"]


@pytest.mark.parametrize(
    "reply", [lines({"status": "pulling manifest"}), lines({"error": "pull model manifest: no"})]
)
def test_failed_pull(fake_ollama: FakeOllama, ollama: Connect, reply: Reply) -> None:
    """A fetching that fails may work later."""
    fake_ollama.pulls = [reply]

    with pytest.raises(TemporaryProviderError):
        ollama(ollama_model="other", ollama_pull=True).answer(ASK)


def test_models(fake_ollama: FakeOllama, ollama: Connect) -> None:
    """The default comes first, by the name it was given."""
    fake_ollama.models = ["qwen3:4b", "llama3.2:latest"]

    assert ollama().models() == ["llama3.2", "qwen3:4b"]


def test_address(ollama: Connect) -> None:
    """An address that cannot be called is refused with its setting."""
    with pytest.raises(ConfigurationError, match="RAGLINE_OLLAMA_BASE_URL must begin"):
        ollama(ollama_base_url="localhost:11434")


@pytest.mark.parametrize("value", ["5m", "0", "-1", "1.5h"])
def test_keep_alive(value: str) -> None:
    """Durations are taken as Ollama writes them."""
    assert load_settings(_env_file=None, ollama_keep_alive=value).ollama_keep_alive == value


def test_bad_keep_alive() -> None:
    """Others are refused."""
    with pytest.raises(ConfigurationError, match="RAGLINE_OLLAMA_KEEP_ALIVE"):
        load_settings(_env_file=None, ollama_keep_alive="forever")
