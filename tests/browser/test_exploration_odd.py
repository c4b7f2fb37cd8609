"""The page of a search where things are unusual: widths, schemes, hostile names, hardly any design, no scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exploration_visits import opened, page_of, selected, settle
from test_page import CONTRAST, visit

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [390, 400, 768, 1000, 1280, 1800])
def test_no_width_scrolls_sideways(browser: Any, small_file: Path, width: int) -> None:
    with opened(browser, small_file, width=width) as v:
        assert v.page.evaluate("document.documentElement.scrollWidth") <= width
        v.page.locator("#table tbody button").first.click()
        assert v.page.evaluate("document.querySelector('#report').scrollWidth") <= width


def test_charts_follow_the_width_of_the_window(browser: Any, small_file: Path) -> None:
    with opened(browser, small_file, width=1000) as v:
        for width in (1500, 800):
            v.page.set_viewport_size({"width": width, "height": 900})
            settle(v)
            settle(v)
            for chart in ("#plot", "#lines", "#history-plot"):
                node = v.page.locator(chart).bounding_box()
                assert v.page.locator(f"{chart} svg").last.bounding_box()["width"] == pytest.approx(
                    node["width"], abs=1
                )


def test_light_and_dark_are_readable_and_switch_while_open(
    browser: Any, small_file: Path, tmp_path: Path
) -> None:
    # AXBAR_SCREENSHOTS=folder keeps the pictures for a look.
    folder = Path(os.environ.get("AXBAR_SCREENSHOTS") or tmp_path)
    for scheme in ("light", "dark"):
        with opened(browser, small_file, scheme=scheme) as v:
            assert v.page.evaluate(CONTRAST) >= 4.5
            v.page.screenshot(path=folder / f"exploration-{scheme}.png", full_page=True)
            paper = v.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
            key = v.page.locator("#legend .word circle").first
            before = key.get_attribute("fill")
            v.page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
            settle(v)
            assert v.page.locator("#legend .word circle").first.get_attribute("fill") != before


def test_hostile_names_run_nothing(browser: Any, fake: Any, tmp_path: Path) -> None:
    nasty = (
        "</script><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
    )
    data = fake(200, 5, title=nasty, notes=[nasty])
    points = data["points"]
    points["param"]["hardware"] = [nasty] * 200
    points["front"] = [int(r == 2) for r in points["rung"]]
    for report in data["reports"].values():
        report |= {
            "command": nasty,
            "notes": [nasty],
            "diff": [[nasty, nasty, nasty]],
            "spec": {nasty: nasty},
        }
        report["breakdown"]["energy_J"]["group"] = {nasty: 1e-9}
    with opened(browser, page_of(data, tmp_path)) as v:
        v.page.locator("#plot").focus()
        v.page.keyboard.press("Home")
        assert nasty in v.tip
        v.page.keyboard.press("Enter")
        assert nasty in v.page.locator("#report").inner_text()
        assert v.page.title().startswith("</script>")


def empty(data: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "rung", "front", "feasible")
    return data | {
        "points": {key: [] for key in names} | {"param": {}, "values": {}},
        "history": [],
        "reports": {},
    }


CASES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "no point": lambda fake: empty(fake(1, 0)),
    "one point": lambda fake: fake(1, 1),
    "no front": lambda fake: (lambda d: d | {"points": d["points"] | {"front": [0] * 60}})(fake(60, 0)),
    "nothing measured": lambda fake: (
        lambda d: d
        | {"rungs": ["sweep"], "points": d["points"] | {"rung": [0] * 60, "low": {}, "high": {}, "shares": {}}}
    )(fake(60, 0)),
    "one rung, nothing asked": lambda fake: fake(30, 0, objectives=[], constraints=[], importance={}, history=[]),
    "all equal": lambda fake: (
        lambda d: d
        | {"points": d["points"] | {"values": {k: [1e-6] * 40 for k in d["points"]["values"]}}}
    )(fake(40, 0)),
    "zeros": lambda fake: (
        lambda d: d | {"points": d["points"] | {"values": {k: [0.0] * 40 for k in d["points"]["values"]}}}
    )(fake(40, 0)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_odd_searches_are_drawn(browser: Any, fake: Any, tmp_path: Path, case: str) -> None:
    data = CASES[case](fake)
    with opened(browser, page_of(data, tmp_path)) as v:
        if not data["points"]["id"]:
            assert "No design was kept" in v.page.locator("main").inner_text()
            assert "killed 3 workers" in v.page.locator("main").inner_text()
            return
        assert selected(v) == len(data["points"]["id"])
        assert "NaN" not in v.page.locator("main").inner_html()
        assert "undefined" not in v.page.locator("main").inner_text()
        for option in v.page.locator("#x option").all()[:12]:
            v.page.select_option("#x", option.get_attribute("value"))
            settle(v)
        assert "NaN" not in v.page.locator("main").inner_html()


def test_without_scripts_the_page_says_so(browser: Any, small_file: Path) -> None:
    with visit(browser, small_file, java_script_enabled=False) as v:
        assert "need scripts" in v.page.locator("main").inner_text()
        assert v.page.locator("#importance tbody tr").count() == 14
