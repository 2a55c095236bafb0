"""The page of Example 2 in a real Chromium: sorted, recalculated, by keyboard, small, dark, no script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from page_support import page_of, shown
from pipeline_support import Runner
from playwright.sync_api import Browser, Page, sync_playwright

from meta_agent.databases.embedded import SampleDatabase

pytestmark = [pytest.mark.docker, pytest.mark.database]

CHROMIUM = shutil.which("chromium") or "chromium"
PICTURES = os.environ.get("PAGE_PICTURES")
"""A folder for pictures of the page, for somebody who wants to look at it."""


@pytest.fixture(scope="module")
def address(sample_database: SampleDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page of Example 2 is shown."""
    with shown(Runner(tmp_path_factory.mktemp("browser"), sample_database.reader_url)) as record:
        yield page_of(record)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened; anything that it loads from elsewhere or complains of fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 1100})
    opened = context.new_page()
    requested: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda request: requested.append(request.url))
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(address)
    yield opened
    assert {urlsplit(url).netloc for url in requested} == {urlsplit(address).netloc}
    assert complaints == []
    context.close()


def column(page: Page, number: int) -> list[str]:
    return page.locator(f"#table tbody tr td:nth-child({number})").all_inner_texts()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_the_figures_are_in_colour_with_words_beside_them(page: Page) -> None:
    picture(page, "light")
    cells = page.locator("#table tbody td.rated-red")
    assert cells.all_inner_texts() == ["0.89", "Risky"]
    assert cells.first.evaluate("cell => getComputedStyle(cell).backgroundColor") == "rgb(248, 215, 218)"
    button = page.get_by_role("button", name="Calculate")
    assert button.evaluate("button => getComputedStyle(button).backgroundColor") == "rgb(13, 110, 253)"
    assert page.locator("svg rect.bar").count() == 10


def test_a_click_on_a_heading_sorts_and_another_one_turns_it_round(page: Page) -> None:
    page.get_by_role("link", name="DSCR", exact=True).click()
    first = column(page, 4)
    assert first == sorted(first, key=float)
    page.get_by_role("link", name="DSCR ▲").click()
    assert column(page, 4) == first[::-1]


def test_typing_into_the_form_recalculates_without_leaving_the_page(page: Page) -> None:
    page.evaluate("window.still = true")
    page.get_by_label("NOI changes by, %").fill("-10")
    page.locator('[data-what-if="Overall DSCR"]').wait_for()
    assert page.locator('[data-what-if="Overall DSCR"]').inner_text() == "1.19"
    assert column(page, 6)[0] == "0.80"
    assert page.evaluate("window.still") is True
    assert "change_noi=-10" in page.url
    picture(page, "what-if")


def test_the_form_can_be_filled_in_and_sent_by_keyboard(page: Page) -> None:
    page.get_by_label("NOI changes by, %").focus()
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.name")
    assert focused == "change_annual_debt_service"
    page.keyboard.type("25")
    page.keyboard.press("Enter")
    page.locator('[data-what-if="Overall DSCR"]').wait_for()
    assert page.locator('[data-what-if="Overall DSCR"]').inner_text() == "1.06"


def test_the_form_works_without_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.get_by_label("NOI changes by, %").fill("-10")
    page.get_by_role("button", name="Calculate").click()
    assert page.locator('[data-what-if="Overall DSCR"]').inner_text() == "1.19"
    context.close()


def test_a_phone_shows_it_without_sideways_scrolling(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{address}/?change_noi=-10")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    picture(page, "phone")
    context.close()


def test_it_is_dark_where_the_person_wants_it_dark(browser: Browser, address: str) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 1200, "height": 1100})
    page = context.new_page()
    page.goto(f"{address}/?change_noi=-10")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(33, 37, 41)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(222, 226, 230)"
    picture(page, "dark")
    context.close()
