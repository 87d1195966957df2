"""Reads pages with Mistral's OCR, several in one call.

Source: https://docs.mistral.ai/api/endpoint/ocr
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from pydantic import BaseModel, ValidationError

from ragline.errors import ConfigurationError
from ragline.providers.contracts import PagePicture, PageReading
from ragline.providers.llms.exchange import Exchange
from ragline.providers.llms.server_errors import Place, Unusable, reported
from ragline.providers.ocr.one_pdf import pdf_of
from ragline.settings import Settings

_DEFAULT_URL = str(Settings.model_fields["ocr_mistral_base_url"].default)
# What stands for a picture in the text; the picture itself is not asked for.
_PICTURE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_BLANK_LINES = re.compile(r"\n{3,}")


class _Scores(BaseModel):
    average_page_confidence_score: float | None = None


class _Page(BaseModel):
    index: int
    markdown: str
    confidence_scores: _Scores | None = None


class _Usage(BaseModel):
    pages_processed: int | None = None


class _Answer(BaseModel):
    pages: list[_Page] | None = None
    model: str | None = None
    usage_info: _Usage | None = None
    error: Any = None


class MistralOCR:
    """Sends one page as a picture, several as a PDF of pictures."""

    provider = "mistral"

    def __init__(self, settings: Settings) -> None:
        """Read address, key, model and price from the settings `ocr_mistral_*`."""
        secret = settings.ocr_mistral_api_key
        key = secret.get_secret_value().strip() if secret else ""
        if not key and settings.ocr_mistral_base_url == _DEFAULT_URL:
            raise ConfigurationError(
                "The OCR engine 'mistral' needs a key: set RAGLINE_OCR_MISTRAL_API_KEY, or take "
                "mistral out of RAGLINE_OCR."
            )
        self._model = settings.ocr_mistral_model
        self._price = settings.ocr_mistral_page_price
        self._exchange = Exchange(
            Place(
                url=settings.ocr_mistral_base_url,
                key=key,
                seconds=settings.ocr_mistral_timeout_seconds,
                url_setting="RAGLINE_OCR_MISTRAL_BASE_URL",
                key_setting="RAGLINE_OCR_MISTRAL_API_KEY",
                model_setting="RAGLINE_OCR_MISTRAL_MODEL",
                seconds_setting="RAGLINE_OCR_MISTRAL_TIMEOUT_SECONDS",
                url_hint=", which usually ends in /v1",
            )
        )
        self.pages_per_call = settings.ocr_mistral_pages_per_call
        self.name = f"mistral:{self._model}"

    def read(self, pictures: Sequence[PagePicture]) -> list[PageReading | None]:
        """Return the pages of one call as Markdown."""
        body = {
            "model": self._model,
            "document": _document(pictures),
            "include_image_base64": False,
        }
        (answer,) = self._exchange.ours(self._asked(body, len(pictures)), model=self._model)
        found = {page.index: page for page in answer.pages or []}
        given = sum(index in found for index in range(len(pictures)))
        processed = (answer.usage_info and answer.usage_info.pages_processed) or given
        cost = self._price * processed / given
        return [
            self._reading(found.get(index), answer, cost=cost) for index in range(len(pictures))
        ]

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def _asked(self, body: dict[str, Any], count: int) -> Iterator[_Answer]:
        with closing(self._exchange.lines("POST", "ocr", body)) as lines:
            content = b"\n".join(lines)
        try:
            answer = _Answer.model_validate_json(content)
        except ValidationError:
            raise Unusable("Mistral's answer is no list of pages.") from None
        if answer.error is not None:
            raise reported(answer.error)
        if not any(0 <= page.index < count for page in answer.pages or []):
            raise Unusable("Mistral's answer has none of the pages.")
        yield answer

    def _reading(self, page: _Page | None, answer: _Answer, *, cost: float) -> PageReading | None:
        if page is None:
            return None
        text = _BLANK_LINES.sub("\n\n", _PICTURE.sub("", page.markdown)).strip()
        scores = page.confidence_scores
        return PageReading(
            text,
            confidence=scores.average_page_confidence_score if scores else None,
            model=answer.model or self._model,
            cost=cost,
        )


def _document(pictures: Sequence[PagePicture]) -> dict[str, str]:
    if len(pictures) == 1:
        return {"type": "image_url", "image_url": _data_url(pictures[0])}
    content = base64.b64encode(pdf_of(pictures)).decode()
    return {"type": "document_url", "document_url": f"data:application/pdf;base64,{content}"}


def _data_url(picture: PagePicture) -> str:
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode()}"
