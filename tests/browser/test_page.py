"""The report in a real browser: opens offline without a complaint, sorts, tells, filters, fits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

WIDE, PHONE = 1280, 390


class Visit:
    """An open page and what the browser complained about or asked the network for."""

    def __init__(self, page: Any, file: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())

    def column(self, table: str, index: int) -> list[str]:
        """Return the texts of a table's column, from top to bottom."""
        return self.page.locator(f"#{table} tbody tr td:nth-child({index})").all_inner_texts()

    @property
    def tip(self) -> str:
        """Return the tooltip's words; empty while it is hidden."""
        tip = self.page.locator("#tip")
        return tip.inner_text() if tip.is_visible() else ""


@contextmanager
def visit(
    browser: Any, file: Path, width: int = WIDE, scheme: str = "light", **options: Any
) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    try:
        yield Visit(context.new_page(), file)
    finally:
        context.close()


def test_opens_without_a_complaint_or_a_request(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file) as v:
        assert v.page.title() == "spiking-vgg9 on imc-rram-65nm: axbar report"
        assert v.complaints == []
        assert v.requests == [page_file.as_uri()]
    assert page_file.stat().st_size <= 300_000


def test_headings_sort_the_table(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file) as v:
        before = v.column("layer-cost", 2)
        heading = v.page.get_by_role("button", name="energy, nJ")
        heading.click()
        down = [float(text) for text in v.column("layer-cost", 2)]
        assert down == sorted(map(float, before), reverse=True) != list(map(float, before))
        assert heading.locator("xpath=..").get_attribute("aria-sort") == "descending"
        heading.focus()
        v.page.keyboard.press("Enter")
        assert [float(text) for text in v.column("layer-cost", 2)] == down[::-1]
        v.page.locator("#layer-cost").get_by_role("button", name="layer").click()
        assert v.column("layer-cost", 1) == sorted(v.column("layer-cost", 1))


def test_records_that_are_missing_sort_last(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file) as v:
        heading = v.page.get_by_role("button", name="input activity")
        for _ in range(2):
            heading.click()
            assert v.column("mapping", 9)[-1] == "not recorded"


def test_hovering_tells_the_figures(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file) as v:
        assert v.tip == ""
        v.page.locator('.p-0 .stacked g[data-l="1"] rect[data-c="3"]').hover()
        assert v.tip.startswith("conv2 · ADC\n")
        assert "of this layer" in v.tip
        v.page.locator(".accuracy .die").first.hover()
        assert v.tip == "die 1: 87.95 %"
        v.page.locator("h1").hover()
        assert v.tip == ""


def test_a_component_is_picked_by_mouse_and_keyboard(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file) as v:
        row = v.page.locator(".p-0 .ranked .row").first
        total = v.page.locator(".p-0 [data-sum]").first
        all_of_it = total.inner_html()
        row.click()
        assert row.get_attribute("aria-pressed") == "true"
        assert v.page.locator(".p-0 .of").inner_text() == ": ADC alone"
        alone = v.page.locator('.p-0 .stacked rect[data-c="3"]')
        assert {alone.nth(i).get_attribute("x") for i in range(alone.count())} == {"0%"}
        assert float(total.inner_html()) < float(all_of_it)
        v.page.keyboard.press("Escape")
        assert row.get_attribute("aria-pressed") == "false"
        assert total.inner_html() == all_of_it
        assert alone.nth(1).get_attribute("x") != "0%"
        row.focus()
        v.page.keyboard.press("Enter")
        assert row.get_attribute("aria-pressed") == "true"
        assert v.complaints == []


def test_the_keyboard_changes_the_quantity(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file) as v:
        assert v.page.locator(".p-0").is_visible() and not v.page.locator(".p-2").is_visible()
        v.page.locator("#q-0").focus()
        v.page.keyboard.press("ArrowRight")
        v.page.keyboard.press("ArrowRight")
        assert v.page.locator(".p-2").is_visible() and not v.page.locator(".p-0").is_visible()


@pytest.mark.parametrize("width", [PHONE, 768, WIDE])
def test_no_width_scrolls_sideways(browser: Any, page_file: Path, width: int) -> None:
    with visit(browser, page_file, width) as v:
        for summary in v.page.locator("summary").all():
            summary.click()
        for quantity in range(4):
            v.page.locator(f'[for="q-{quantity}"]').click()
            assert v.page.evaluate("document.documentElement.scrollWidth") <= width
            outside = v.page.evaluate(
                "[...document.querySelectorAll('svg text, svg rect, svg circle')].filter(e => {"
                "const b = e.getBoundingClientRect();"
                "return b.width && (b.left < 0 || b.right > innerWidth)})"
                ".map(e => e.outerHTML)"
            )
            assert outside == []


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_labels_do_not_overlap(browser: Any, page_file: Path, width: int) -> None:
    """Texts of one chart keep clear of each other."""
    script = """() => {
      const clashes = [];
      for (const chart of document.querySelectorAll('svg')) {
        const texts = [...chart.querySelectorAll('text')]
          .map(e => [e.textContent, e.getBoundingClientRect()])
          .filter(t => t[1].width);
        for (let i = 0; i < texts.length; i++) for (let j = 0; j < i; j++) {
          const [a, b] = [texts[i][1], texts[j][1]];
          const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (across > 1 && down > 3)
            clashes.push(`${texts[j][0]} / ${texts[i][0]}`);
        }
      }
      return clashes;
    }"""
    with visit(browser, page_file, width) as v:
        for quantity in range(4):
            v.page.locator(f'[for="q-{quantity}"]').click()
            assert v.page.evaluate(script) == []


def test_light_and_dark_differ_and_are_readable(browser: Any, page_file: Path, tmp_path: Path) -> None:
    # AXBAR_SCREENSHOTS=folder keeps the pictures for a look.
    folder = Path(os.environ.get("AXBAR_SCREENSHOTS") or tmp_path)
    for scheme in ("light", "dark"):
        for width in (WIDE, PHONE):
            with visit(browser, page_file, width, scheme) as v:
                assert v.page.evaluate(CONTRAST) >= 4.5
                shot = folder / f"report-{scheme}-{width}.png"
                v.page.screenshot(path=shot, full_page=True)
                assert shot.stat().st_size > 10_000
                paper = v.page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


#: the smallest contrast ratio (WCAG 2.1) of running text on the page's paper
CONTRAST = """() => {
  const light = (css) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = css.match(/[\\d.]+/g).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const inks = [...document.querySelectorAll('p, h1, h2, h3, td, th, dd, dt, label')]
    .map((e) => light(getComputedStyle(e).color));
  return Math.min(...inks.map((ink) => (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)));
}"""


def test_works_without_scripts(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file, java_script_enabled=False) as v:
        v.page.locator('[for="q-1"]').click()
        assert v.page.locator(".p-1").is_visible() and not v.page.locator(".p-0").is_visible()


def test_print_shows_every_quantity(browser: Any, page_file: Path) -> None:
    with visit(browser, page_file, scheme="dark") as v:
        v.page.emulate_media(media="print")
        assert all(v.page.locator(f".p-{i}").is_visible() for i in range(4))
        assert v.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_hostile_names_run_nothing(browser: Any, fake_report: Callable[..., Any], tmp_path: Path) -> None:
    nasty = (
        "</script><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
    )
    report = fake_report(model=nasty, data=nasty, notes=(nasty,))
    estimate = replace(report.estimate, layers=(nasty, *report.estimate.layers[1:]))
    file = replace(report, estimate=estimate).save(tmp_path / "report.html")
    with visit(browser, file) as v:
        v.page.locator('.p-0 .stacked g[data-l="0"] .lab').hover()
        assert nasty in v.tip
        assert v.page.title().startswith("</script>")
        assert v.complaints == []
        assert v.requests == [file.as_uri()]
