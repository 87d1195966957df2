"""Which engines the settings name."""

from __future__ import annotations

import shutil

import pytest

from ragline.errors import ConfigurationError
from ragline.providers.registry import ocr_engines
from ragline.settings import Settings


def names(**settings: object) -> list[str]:
    return [engine.name for engine in ocr_engines(Settings(_env_file=None, **settings))]


@pytest.mark.parametrize("ocr", ["none", "", " "])
def test_none(ocr: str) -> None:
    """Nobody is asked where nobody is to be."""
    assert [] == names(ocr=ocr)


def test_order() -> None:
    """Engines are asked in the order in which they are named."""
    key = {"ocr_mistral_api_key": "key"}

    assert ["openai:gpt-4o-mini", "mistral:mistral-ocr-latest"] == names(
        ocr="openai, mistral", **key
    )


@pytest.mark.parametrize(
    ("ocr", "told"), [("openai,openai", "twice"), ("tesserakt", "no OCR engine named 'tesserakt'")]
)
def test_wrong_names(ocr: str, told: str) -> None:
    """A name that is unknown, or there twice, stops the start."""
    with pytest.raises(ConfigurationError, match=told):
        names(ocr=ocr)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_unset() -> None:
    """Unset, it is the program of this machine."""
    assert ["tesseract"] == [name.partition("-")[0] for name in names()]
