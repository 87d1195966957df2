"""How pages that have no good text of their own are read."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

OCR_PROMPT = (
    "Transcribe this page word for word, in its own language and in reading order, one column "
    "after the other. Write headings and tables as Markdown. Translate, correct, describe and "
    "add nothing. Answer with the text alone; with nothing at all if the page has no text."
)


class OCRSettings(BaseModel):
    """How pages that have no good text of their own are read."""

    ocr: str | None = Field(
        default=None,
        description="What reads pages without good text of their own: `mistral`, `openai`, "
        "`tesseract`, `rapidocr`, asked in the order given, with commas between them. `none` "
        "means nothing; unset means what this machine has, `tesseract` before `rapidocr`.",
    )
    ocr_languages: str = Field(
        default="fra+eng",
        pattern=r"^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*$",
        description="Languages that Tesseract looks for, by their names there with `+` between "
        "them; those that are not installed are left out.",
    )
    ocr_dpi: int = Field(
        default=200, ge=72, le=600, description="Dots per inch of the pictures made of PDF pages."
    )
    ocr_max_megapixels: int = Field(
        default=40,
        ge=1,
        le=500,
        description="Largest picture of a page. PDF pages that would be larger are made into "
        "smaller pictures, files of pictures that are larger are not read.",
    )
    ocr_wall_seconds: float = Field(
        default=180, gt=0, description="Longest time a child may take to read one page."
    )
    ocr_cpu_seconds: int = Field(
        default=120, ge=1, description="Most CPU time a child may take to read one page."
    )
    ocr_memory_mb: int = Field(
        default=2048, ge=256, description="Most memory of a child that reads a page, in MiB."
    )
    ocr_output_mb: int = Field(
        default=64, ge=1, description="Largest text, or picture, of one page, in MiB."
    )
    ocr_open_files: int = Field(
        default=128, ge=32, description="Most files that a child may hold open for a page."
    )
    ocr_tries: int = Field(
        default=3,
        ge=1,
        le=20,
        description="How often a provider is asked for a page before the next one is.",
    )
    ocr_wait_seconds: float = Field(
        default=300,
        gt=0,
        description="How long a page waits for a provider's limits before the next one is asked; "
        "for the last one it waits as long as it takes.",
    )
    ocr_mistral_base_url: str = Field(
        default="https://api.mistral.ai/v1", description="Base URL of Mistral's OCR."
    )
    ocr_mistral_api_key: SecretStr | None = Field(
        default=None, description="Key sent to Mistral's OCR."
    )
    ocr_mistral_model: str = Field(
        default="mistral-ocr-latest", description="Mistral's model that reads pages."
    )
    ocr_mistral_timeout_seconds: float = Field(
        default=120, gt=0, description="Time after which a call to Mistral's OCR is given up."
    )
    ocr_mistral_pages_per_call: int = Field(
        default=4,
        ge=1,
        le=32,
        description="Pages sent to Mistral at once; a worker that dies during a call has to pay "
        "for them again.",
    )
    ocr_mistral_page_price: float = Field(
        default=0.002, ge=0, description="USD for a page that Mistral reads."
    )
    ocr_openai_base_url: str | None = Field(
        default=None,
        description="Base URL of the OpenAI-compatible server that reads pages; unset means "
        "RAGLINE_OPENAI_BASE_URL with its key.",
    )
    ocr_openai_api_key: SecretStr | None = Field(
        default=None, description="Key sent to the server of RAGLINE_OCR_OPENAI_BASE_URL."
    )
    ocr_openai_model: str = Field(
        default="gpt-4o-mini", description="Model with vision that reads pages."
    )
    ocr_openai_timeout_seconds: float = Field(
        default=120, gt=0, description="Time after which the reading of a page is given up."
    )
    ocr_openai_prompt: str = Field(
        default=OCR_PROMPT, min_length=1, description="What the model is told to do with a page."
    )
    ocr_openai_max_tokens: int = Field(
        default=8192, ge=256, description="Most tokens that the text of a page may take."
    )
