"""Documents whose passages were read badly, and a model that mends them."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

from tests.fakes.openai_server import FakeOpenAI, Reply, completion
from tests.providers.parsers.made_documents import PAGE_BREAK, docx, paragraph
from tests.servers import RunningServer

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_NOISE = {
    "company": "c0mpany",
    "boiler": "bo1ler",
    "owner": "ow- ner",
    "asks for": "asks ~ for",
    "winter": "w1nter",
    "together": "toge- ther",
}
_ITEM = re.compile(r'<passage number="(\d+)">\n(.*?)\n</passage>', re.DOTALL)


# The fake counts 11 tokens read and 7 written for each call.
PRICES = {"fake-1": {"prompt": 1000.0, "completion": 2000.0}}
CALL_COST = (11 * 1000 + 7 * 2000) / 1_000_000


def settings(fake: FakeOpenAI) -> dict[str, object]:
    """Return the settings of a server that has passages repaired by the fake."""
    return {
        "llm": "openai",
        "openai_base_url": fake.url,
        "openai_model": "fake-1",
        "token_prices": json.dumps(PRICES),
        "clean_batch": 2,
        "clean_concurrency": 1,
        "clean_tries": 2,
        "idle_poll_seconds": 0.2,
    }


def paid(server: RunningServer, job_id: str, purpose: str) -> float:
    """Return what a job paid for something."""
    rows = sqlite3.connect(server.data_dir / "ragline.db", timeout=30)
    try:
        query = "SELECT total(cost) FROM paid_calls WHERE job_id = ? AND purpose = ?"
        return float(rows.execute(query, (job_id, purpose)).fetchone()[0])
    finally:
        rows.close()


def clean_text(number: int) -> str:
    """Return a passage of about a hundred words as it was printed."""
    sentences = (
        f"The company repairs boiler number {number} whenever its owner asks for it in writing.",
        "Before the winter begins a fitter looks at each boiler and writes down what he found.",
        "The owner pays for the parts alone, the work itself is free in the first two years.",
        "Those who live together in a house may name one person who speaks for all of them.",
        "If the company does not come within three days the owner may call somebody else.",
        "The bill for that is sent to the company, which pays it within a month of its arrival.",
    )
    return " ".join(sentences)


def noisy_text(number: int) -> str:
    """Return the same passage as it was read."""
    text = clean_text(number)
    for word, noise in _NOISE.items():
        text = text.replace(word, noise)
    return text


def noisy_file(*numbers: int) -> bytes:
    """Return a Word document with a page for each of these passages."""
    blocks = [paragraph(noisy_text(number)) for number in numbers]
    return docx(PAGE_BREAK.join(blocks))


def mended(text: str) -> str:
    """Return a passage without its noise."""
    for word, noise in _NOISE.items():
        text = text.replace(noise, word)
    return text


def passages_of(request: dict[str, Any]) -> list[str]:
    """Return the passages that a model was sent."""
    return [text for _, text in _ITEM.findall(request["messages"][-1]["content"])]


def answer_with(*texts: str, **changes: Any) -> Reply:
    """Return a model's answer with these passages."""
    blocks = (
        f'<passage number="{number}">\n{text}\n</passage>'
        for number, text in enumerate(texts, start=1)
    )
    return completion("\n\n".join(blocks), **changes)


def mend(request: dict[str, Any]) -> Reply:
    """Answer as a good model would."""
    return answer_with(*(mended(text) for text in passages_of(request)))


def reset(fake: FakeOpenAI) -> None:
    """Let a fake mend, whatever it did before."""
    fake.respond = mend
    fake.replies.clear()
    fake.requests.clear()
    fake.hung_up.clear()
