"""Answers by a model that runs here: llama.cpp, in a child process that may crash."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from ragline.errors import ConfigurationError, MissingPackage, TemporaryProviderError
from ragline.providers.llms.chat_model import ChatModel
from ragline.providers.llms.conversing import End, Wish
from ragline.providers.llms.openai import OpenAILLM
from ragline.providers.llms.prompt import Message
from ragline.providers.llms.server_errors import Place
from ragline.settings import Settings

SERVER = "ragline.providers.llms.local_server"
LISTENING = b"LISTENING "
START_SECONDS = 120.0
# Answers that are written at the same time; each has the whole context for itself.
PARALLEL = 2
MAGIC = b"GGUF"
# What dies closes its connections first.
DYING_SECONDS = 0.5

log = structlog.get_logger()


class LocalLLM(ChatModel):
    """Runs a GGUF model in a child process, started at the first question.

    The child listens on 127.0.0.1 for whoever knows its random key, ends with its parent, and
    is started anew after a crash.
    """

    name = "local"
    provider: str | None = "local"

    def __init__(self, settings: Settings) -> None:
        """Check that there is a model and what runs it; `ConfigurationError` if not."""
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingPackage(
                "The language model adapter 'local' needs the package 'xllamacpp'. "
                "Install it: pip install 'ragline[local-llm]'"
            )
        self._settings = settings
        self._path = _model_file(settings.local_llm_path)
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._under_way = 0

    @property
    def default_model(self) -> str:
        """The one model there is."""
        return self._path.stem

    def models(self) -> list[str]:
        """Return the one model there is."""
        return [self._path.stem]

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._child is not None:
                self._child.end()
                self._child = None

    def say(self, messages: Sequence[Message], wish: Wish) -> Generator[str | End, None, None]:
        """Yield the model's words; the one model there is answers to every name."""
        with self._counted():
            began = time.monotonic()
            child = self._running()
            try:
                yield from child.llm.say(messages, replace(wish, model=self._path.stem))
            except TemporaryProviderError as error:
                failure = error
            else:
                return
            if (status := child.status_soon()) is not None:
                raise TemporaryProviderError(
                    f"The local model's process ended (status {status}) during the call. It is "
                    "started again for the next one; if that happens often, give it more memory "
                    "with RAGLINE_LOCAL_LLM_MEMORY_MB, or take a smaller model."
                )
            self._end_hog(child, time.monotonic() - began)
            raise failure

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _running(self) -> _Child:
        """Return the child, started first where there is none that lives."""
        with self._lock:
            if self._child is not None and self._child.ended is not None:
                log.warning("llm.child_died", status=self._child.ended)
                self._child.end()
                self._child = None
            if self._child is None:
                self._child = _Child(self._path, self._settings)
            return self._child

    def _end_hog(self, child: _Child, seconds: float) -> None:
        """End a child that was too slow for its only caller: it may never answer again."""
        with self._lock:
            is_hog = seconds >= self._settings.local_llm_timeout_seconds and self._under_way == 1
            if is_hog and self._child is child:
                log.warning("llm.child_ended", reason="time limit")
                child.end()
                self._child = None


class _Child:
    """A server process and the adapter that speaks to it."""

    def __init__(self, path: Path, settings: Settings) -> None:
        key = secrets.token_urlsafe(32)
        order = {
            "path": str(path),
            "alias": path.stem,
            "key": key,
            "context": settings.local_llm_context,
            "parallel": PARALLEL,
            "threads": settings.local_llm_threads,
            "memory_mb": settings.local_llm_memory_mb,
        }
        # Native code needs none of our keys.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RAGLINE_")}
        # What it reads from is held open by this process alone: its end tells of our end.
        self._process = subprocess.Popen(  # noqa: S603 # the arguments are constants
            [sys.executable, "-m", SERVER],
            env=inherited,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        url = self._started(json.dumps(order))
        if not url:
            self._stop()
            raise TemporaryProviderError(
                f"The local model did not start (status {self._process.returncode}). It is tried "
                "again later; check that RAGLINE_LOCAL_LLM_PATH is a model that llama.cpp knows, "
                "and that RAGLINE_LOCAL_LLM_MEMORY_MB is enough for it."
            )
        place = Place(
            url=f"{url}/v1",
            key=key,
            seconds=settings.local_llm_timeout_seconds,
            url_setting="the local model's process",
            key_setting="RAGLINE_LOCAL_LLM_PATH",
            model_setting="RAGLINE_LOCAL_LLM_PATH",
            seconds_setting="RAGLINE_LOCAL_LLM_TIMEOUT_SECONDS",
        )
        self.llm = OpenAILLM.at("local", place, path.stem)
        log.info("llm.child_started", model=path.stem, pid=self._process.pid)

    @property
    def ended(self) -> int | None:
        """The status it ended with, None while it lives."""
        return self._process.poll()

    def status_soon(self) -> int | None:
        """Return the status it ends with, None if it lives on: connections break before that."""
        try:
            return self._process.wait(DYING_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """End the process, which has nothing to lose."""
        self._stop()
        self.llm.close()

    def _started(self, order: str) -> str:
        """Give the order and return the address, nothing where there will be none."""
        process = self._process
        assert process.stdin
        assert process.stdout
        patience = threading.Timer(START_SECONDS, process.kill)
        patience.start()
        try:
            process.stdin.write(order.encode() + b"\n")
            process.stdin.flush()
            line = next((line for line in process.stdout if line.startswith(LISTENING)), b"")
        except BrokenPipeError:
            return ""
        finally:
            patience.cancel()
        return line.removeprefix(LISTENING).decode().strip()

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def _model_file(path: Path | None) -> Path:
    """Return the path of a file that may be a model."""
    if path is None:
        raise ConfigurationError(
            "RAGLINE_LLM names 'local': set RAGLINE_LOCAL_LLM_PATH to the GGUF file of a model."
        )
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise ConfigurationError(
            f"RAGLINE_LOCAL_LLM_PATH cannot be read: {path}: {error.strerror}."
        ) from None
    if magic != MAGIC:
        raise ConfigurationError(f"RAGLINE_LOCAL_LLM_PATH is no GGUF file: {path}.")
    return path
