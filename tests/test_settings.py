"""The settings."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from ragline.errors import ConfigurationError
from ragline.settings import Settings, load_settings

WRONG = {
    "port": "many",
    "log_level": "loud",
    "max_upload_bytes": "1",
    "max_text_bytes": "-5",
    "max_files_per_upload": "0",
    "compute_workers": "0",
    "parse_wall_seconds": "0",
    "poll_seconds": "0",
    "heartbeat_seconds": "-1",
    "max_pages": "1.5",
    "embed_batch": "",
}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_described(name: str) -> None:
    """Each setting is described by a sentence."""

    description = Settings.model_fields[name].description or ""

    assert description.endswith(".")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting has a default."""

    monkeypatch.delenv(f"RAGLINE_{name.upper()}", raising=False)

    assert not Settings.model_fields[name].is_required()


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_invalid(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid setting is refused with a sentence that names it."""

    monkeypatch.setenv(f"RAGLINE_{name.upper()}", value)

    with pytest.raises(
        ConfigurationError, match=f"The setting RAGLINE_{name.upper()} is not valid"
    ):
        load_settings(_env_file=None)


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting is read from its variable."""

    monkeypatch.setenv("RAGLINE_PORT", "9999")

    assert 9999 == load_settings(_env_file=None).port


def test_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting is read from a file; what is not ours in it is left alone."""

    monkeypatch.delenv("RAGLINE_PORT", raising=False)
    (tmp_path / ".env").write_text("RAGLINE_PORT=9998\nOTHER=1\n")

    assert 9998 == load_settings(_env_file=tmp_path / ".env").port


def test_secrets_are_not_shown() -> None:
    """Printing the settings shows no key."""

    shown = repr(load_settings(_env_file=None, api_key="hush", openai_api_key="hush"))

    assert "hush" not in shown


@pytest.mark.parametrize(
    "value",
    [
        '{"mistral": {"base_url": "https://x", "api_key": "hush"',
        '{"mistral": {"base_url": "https://x", "api_key": "hush"}}',
        '{"mistral": {"base_url": "https://x", "model": "m", "key": "hush"}}',
    ],
    ids=["no JSON", "a field is missing", "an unknown field"],
)
def test_key_in_a_wrong_setting(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that holds a key and is not valid is named without its value."""

    monkeypatch.setenv("RAGLINE_LLM_ENDPOINTS", value)

    with pytest.raises(ConfigurationError, match="RAGLINE_LLM_ENDPOINTS is") as refused:
        load_settings(_env_file=None)

    assert "hush" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "127.0.0.1:6379", "valkey://", "valkey://:hush@h:port", "memory"]
)
def test_wrong_cache(url: str) -> None:
    """What is no address of a cache is refused, and its password is not repeated."""

    with pytest.raises(ConfigurationError, match="RAGLINE_CACHE_URL is") as refused:
        load_settings(_env_file=None, cache_url=url)

    assert "hush" not in refused.value.message


@pytest.mark.parametrize(
    "url", ["valkey://h", "valkeys://u:p@h:1/0", "redis://h:6379/2", "rediss://h", "unix:///run/v"]
)
def test_cache(url: str) -> None:
    """An address of a cache chooses that cache; without one it is the database."""

    assert "valkey" == load_settings(_env_file=None, cache_url=url).answer_cache_name
    assert "database" == load_settings(_env_file=None).answer_cache_name
