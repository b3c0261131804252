"""The report in a real browser: it works, with and without its script, and for people who cannot see it well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from udb_pipelines_tests.publishing import samples
from udb_pipelines_tests.publishing.test_report import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs an installed Chromium (chromium or google-chrome on the PATH)"),
]

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const light = (color) => {
    const [r, g, b] = [...color].slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const poor = [];
  const walker = document.createTreeWalker(document.querySelector("body"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, option, title")) continue;
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(rgba(ink)), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.tagName} ${node.data.trim().slice(0, 30)}`);
  }
  return poor;
}"""

UNNAMED = """() => [...document.querySelectorAll("a, button, input, select, summary, [role=region], nav, form")]
  .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")
    || (e.labels && e.labels.length)))
  .map((e) => e.outerHTML)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(samples.profile()))
    return path


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(context: BrowserContext, report: Path, complaints: list[str]) -> Iterator[Page]:
    """The open report; whatever it complains about or requests beside itself fails the test."""
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url != report.as_uri() else None)
    page.goto(report.as_uri())
    yield page
    assert complaints == []


def names(page: Page) -> list[str]:
    return page.locator("#table tbody tr:visible th").all_inner_texts()


def test_sorting_by_click_and_by_keyboard(page: Page):
    original = [column.name for column in samples.columns()]
    assert names(page) == original
    empty = page.locator("#table thead th", has_text="Empty")
    empty.get_by_role("button").click()
    assert empty.get_attribute("aria-sort") == "ascending"
    assert names(page)[-1] == "legacy_flag"
    empty.get_by_role("button").press("Enter")
    assert empty.get_attribute("aria-sort") == "descending"
    assert names(page)[0] == "legacy_flag"
    assert page.locator("#table th[aria-sort]").count() == 1
    page.locator("#table thead th", has_text="Column").get_by_role("button").press("Space")
    assert names(page) == sorted(original)


def test_filtering_hides_rows_and_cards_and_counts(page: Page):
    page.get_by_label("Name or value type").fill("WEIGHT")
    assert names(page) == ["weight_kg"]
    assert page.locator("article:visible").count() == 1
    assert page.locator("#shown").inner_text() == "1 of 9 columns"
    page.get_by_label("Name or value type").fill("")
    page.get_by_role("combobox", name="Type").select_option("code")
    assert names(page) == ["status", "ship_country"]
    page.get_by_label("with findings").check()
    assert names(page) == []
    assert page.locator("#nothing").is_visible()
    page.get_by_role("combobox", name="Type").select_option("")
    assert len(names(page)) == 4


def test_the_theme_follows_the_system_until_chosen_and_is_remembered(page: Page, context: BrowserContext):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.get_by_role("button", name="Switch to the light theme").click()
    assert page.evaluate(ground) == light
    page.reload()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="Switch to the dark theme").click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == dark


def test_a_link_to_a_column_opens_it_even_when_it_is_filtered_out(page: Page):
    page.get_by_label("Name or value type").fill("status")
    page.evaluate("location.hash = '#col-weight_kg'")
    card = page.locator("#col-weight_kg")
    card.wait_for(state="visible")
    expect(card.locator("h3")).to_be_in_viewport()
    assert page.locator("article:target").get_attribute("id") == "col-weight_kg"


def test_a_finding_leads_to_its_column(page: Page):
    page.locator("#findings").get_by_role("link", name="amount").click()
    assert page.url.endswith("#col-amount")
    expect(page.locator("#col-amount h3")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrast_is_at_least_4_5(page: Page, scheme: str):
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.evaluate(CONTRAST) == []


def test_everything_to_act_on_has_a_name(page: Page):
    assert page.evaluate(UNNAMED) == []
    for landmark in ("banner", "main", "navigation", "search", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1


def test_the_keyboard_reaches_the_content_first(page: Page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [380, 900, 1400])
@pytest.mark.parametrize("content", ["ordinary", "hostile"])
def test_no_width_makes_the_page_scroll_sideways(page: Page, tmp_path: Path, report: Path, width: int, content: str):
    if content == "hostile":
        report = report.with_name("hostile.html")
        report.write_text(render(samples.hostile_profile()))
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(report.read_text())
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_data_cannot_run_anything(context: BrowserContext, tmp_path: Path):
    path = tmp_path / "hostile.html"
    path.write_text(render(samples.hostile_profile()))
    page = context.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    assert page.locator("article").count() == len(samples.HOSTILE)
    assert page.locator("#table tbody tr").count() == len(samples.HOSTILE)
    assert said == []


def test_without_script_everything_is_visible_and_nothing_is_offered_in_vain(browser: Browser, report: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert len(names(page)) == 9
    assert page.locator("article:visible").count() == 9
    assert page.get_by_role("button").count() == 0
    assert not page.locator("#tools").is_visible()
    context.close()


def test_printing_shows_the_figures_behind_the_charts(page: Page):
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert not page.get_by_role("navigation").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


@pytest.fixture
def wide(context: BrowserContext, tmp_path: Path, complaints: list[str]) -> Iterator[Page]:
    """The report of five hundred columns."""
    path = tmp_path / "wide.html"
    path.write_text(render(samples.wide_profile(500)))
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page
    assert complaints == []


def test_five_hundred_columns_open_quickly(wide: Page):
    # A second on a machine with nothing else to do; tests run beside others.
    ready = wide.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert ready < 5_000
    wide.get_by_label("Name or value type").fill("column_499")
    assert names(wide) == ["column_499"]


def test_a_card_among_five_hundred_is_laid_out_when_it_is_looked_for(wide: Page):
    card = wide.locator("article", has=wide.locator("h3", has_text="column_399"))
    assert card.locator("dl").count() == 0
    wide.locator("#table").get_by_role("link", name="column_399", exact=True).click()
    expect(card.locator("h3")).to_be_in_viewport()
    expect(card.locator("dl").first).to_be_visible()
    filled = wide.locator("article:has(dl)").count()
    assert 0 < filled < 50


def test_a_link_far_down_a_plain_page_ends_at_its_card(context: BrowserContext, tmp_path: Path):
    page, path = context.new_page(), tmp_path / "hundred.html"
    path.write_text(render(samples.wide_profile(100)))
    page.goto(path.as_uri())
    link = page.locator("#table tbody tr").nth(90).locator("a").first
    link.click()
    card = page.locator(str(link.get_attribute("href")))
    expect(card).to_be_in_viewport(ratio=0.2)
    page.wait_for_timeout(500)  # until nothing moves any more
    box = card.bounding_box()
    assert box
    assert 0 <= box["y"] <= 100


def test_all_of_five_hundred_cards_are_printed(wide: Page):
    wide.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert wide.locator("article:has(dl)").count() == 500


def test_five_hundred_columns_without_the_script_tell_where_the_details_are(browser: Browser, tmp_path: Path):
    path = tmp_path / "wide.html"
    path.write_text(render(samples.wide_profile(500)))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("#table tbody tr").count() == 500
    assert page.locator("#details .note").first.is_visible()
    context.close()
