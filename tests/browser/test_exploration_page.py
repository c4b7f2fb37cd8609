"""The page of a search in a real browser: what is chosen, dragged, typed or clicked shows everywhere."""

from __future__ import annotations

import csv
import io
import statistics
from pathlib import Path
from typing import Any

import pytest
from exploration_visits import count, drag, only, opened, page_of, selected, settle, table
from test_page import Visit

pytestmark = pytest.mark.browser

#: pixels of the scatter's canvas that are painted
INK = """() => {
  const canvas = document.querySelector('#plot canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let painted = 0;
  for (let i = 3; i < data.length; i += 4) painted += data[i] > 0;
  return painted;
}"""


def test_opens_without_a_complaint_or_a_request(browser: Any, small_file: Path) -> None:
    with opened(browser, small_file) as v:
        assert v.page.title() == "spiking-vgg9 over 4 chips: axbar exploration"
        assert selected(v) == 2_000
        assert v.page.evaluate(INK) > 3_000


def test_ten_thousand_points_are_drawn(browser: Any, fake: Any, tmp_path: Path) -> None:
    file = page_of(fake(), tmp_path)
    with opened(browser, file) as v:
        v.page.select_option("#colour", "model.steps")
        settle(v)
        assert selected(v) == 10_000 and v.page.evaluate(INK) > 10_000


def test_axes_are_chosen(browser: Any, small_file: Path) -> None:
    with opened(browser, small_file) as v:
        words = lambda: v.page.locator("#plot svg .axis").all_text_contents()  # noqa: E731
        assert words() == ["Energy, µJ (log)", "Accuracy, %"]
        v.page.select_option("#x", "area_m2")
        v.page.select_option("#y", "latency_s")
        settle(v)
        assert words() == ["Area, mm² (log)", "Latency, µs (log)"]
        assert v.page.locator("#plot .limit-text").all_text_contents() == ["limit: area ≤ 10 mm²"]
        v.page.locator("#log-y").uncheck()
        settle(v)
        assert words() == ["Area, mm² (log)", "Latency, ms"]
        v.page.select_option("#x", "hardware")
        settle(v)
        ticks = v.page.locator("#plot .tick.mid").all_text_contents()
        assert ticks == ["imc-rram-65nm", "imc-sram-28nm", "sata", "loas"]
        assert v.page.locator("#log-x").is_disabled()


def test_the_front_is_a_step_line_through_its_best(
    browser: Any, small: dict[str, Any], small_file: Path
) -> None:
    points = small["points"]
    energy, accuracy = points["values"]["energy_J"], points["values"]["accuracy"]
    front = sorted((energy[i], -accuracy[i]) for i, flag in enumerate(points["front"]) if flag)
    best, corners = 1.0, 0
    for _, loss in front:
        if loss < best:
            best, corners = loss, corners + 1
    with opened(browser, small_file) as v:
        assert v.page.locator("#plot path.front").get_attribute("d").count("V") == corners > 1


def test_typed_conditions_select(browser: Any, small: dict[str, Any], small_file: Path) -> None:
    p, values = small["points"]["param"], small["points"]["values"]
    with opened(browser, small_file) as v:
        assert only(v, "adc.bits <= 5") == count(small, lambda i: (p["adc.bits"][i] or 9) <= 5)
        wanted = count(small, lambda i: p["hardware"][i] == "sata" and values["energy_J"][i] < 2e-6)
        assert only(v, "hardware = sata and energy < 2 µJ") == wanted
        assert only(v, "sata, energy_J < 2 uJ") == wanted
        assert only(v, "area > 4 mm²") == count(small, lambda i: values["area_m2"][i] > 4e-6)
        assert only(v, "accuracy >= 85 %") == count(small, lambda i: (values["accuracy"][i] or 0) >= 0.85)
        assert only(v, "technique.mint = off") == count(small, lambda i: p["technique.mint"][i] is False)
        assert only(v, small["points"]["id"][7]) == 1
        assert only(v, "") == 2_000


def test_a_bare_number_has_the_unit_of_the_table(
    browser: Any, small: dict[str, Any], small_file: Path
) -> None:
    values = small["points"]["values"]
    middle = statistics.median(values["energy_J"])
    with opened(browser, small_file) as v:
        heads = v.page.locator("#table thead th").all_inner_texts()
        assert {"energy, µJ", "latency, µs", "area, mm²", "accuracy, %"} <= set(heads)
        below = count(small, lambda i: values["energy_J"][i] < middle)
        assert 0 < below < 2_000
        micro = f"{middle * 1e6:.9g}"
        assert only(v, f"energy < {micro}") == below
        assert max(float(text) for text in table(v, "energy")) <= middle * 1e6
        for same in (f"energy < {micro} µJ", f"energy_J < {micro} uJ", f"energy < {middle:.9g} J",
                     f"energy_J < {middle:.9g}", f"ENERGY < {middle * 1e9:.9g} nJ"):  # fmt: skip
            assert only(v, same) == below, same
        assert only(v, "area > 4") == count(small, lambda i: values["area_m2"][i] > 4e-6)
        assert only(v, "area > 0.04 cm²") == only(v, "area > 4") == only(v, "area_m2 > 4e-6")
        good = count(small, lambda i: (values["accuracy"][i] or 0) >= 0.85)
        assert (
            only(v, "accuracy >= 85") == only(v, "accuracy ≥ 0.85") == only(v, "accuracy >= 85 %") == good > 0
        )
        slow = count(small, lambda i: values["latency_s"][i] > 1e-3)
        assert only(v, "latency > 1,000") == only(v, "latency > 1 ms") == slow > 0


def test_the_field_says_in_which_units_it_reads(browser: Any, small_file: Path) -> None:
    with opened(browser, small_file) as v:
        says = v.page.locator("#only-says")
        hint = "Numbers are in the units of the table: accuracy in %, energy in µJ, latency in µs."
        assert says.inner_text() == hint
        example = v.page.locator("#only").get_attribute("placeholder")
        assert (
            example.startswith("crossbar.rows <= ")
            and example.endswith(" µJ")
            and " and energy < " in example
        )
        assert 0 < only(v, example) < 2_000
        only(v, "energy < 2 and accuracy >= 0.8 and adc.bits <= 6")
        assert says.inner_text() == "Read as energy < 2 µJ and accuracy ≥ 80 % and adc.bits ≤ 6."
        only(v, "energy_J < 2e-6")
        assert says.inner_text() == "Read as energy < 2 µJ."
        only(v, "sata")
        assert says.inner_text() == ""
        v.page.locator("#clear").click()
        assert says.inner_text() == hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ad.bits < 3", "There is no 'ad.bits'"),
        ("bit < 3", "There is no 'bit'; is adc.bits or technique.mint.bits meant?"),
        ("bits < 3", "'bits' may be adc.bits or technique.mint.bits."),
        ("energy < 3 V", "'3 V' can't be read: energy is read in µJ unless you write a unit of J."),
        ("energy < much", "'much' is no number; energy is read in µJ."),
        ("energy_J < much", "'much' is no number; energy is read in J."),
        ("adc.bits < 5 V", "'5 V' can't be read: adc.bits has no unit."),
        ("energy < 3 constructorJ", "'3 constructorJ' can't be read: energy is read in µJ"),
        ("hardware = sat", "Hardware is never 'sat'; it is imc-rram-65nm, imc-sram-28nm, sata, loas."),
        ("hardware < sata", "Hardware has words: use = or !=."),
    ],
)
def test_conditions_that_make_no_sense_say_so(browser: Any, small_file: Path, text: str, says: str) -> None:
    with opened(browser, small_file) as v:
        before = only(v, "loas")
        assert only(v, text) == before
        assert v.page.locator("#only-says").inner_text().startswith(says)
        assert v.page.locator("#only").get_attribute("aria-invalid") == "true"


def test_brushing_selects_everywhere_and_lets_go(browser: Any, small_file: Path) -> None:
    with opened(browser, small_file) as v:
        drag(v, (200, 60), (500, 220))
        few = selected(v)
        assert 0 < few < 1_000
        assert len(v.page.locator("#chips li").all()) == 2
        assert v.page.locator("#lines .range").count() == 2  # energy and accuracy are axes there too
        low, high = (
            v.page.locator("#chips li").first.inner_text().split("energy ")[1].split("\n")[0].split(" to ")
        )
        joules = {"nJ": 1e-9, "µJ": 1e-6}
        bounds = [float(t.split()[0]) * joules[t.split()[1].rstrip("×")] for t in (low, high)]
        micro = [float(t) * 1e-6 for t in table(v, "energy")]
        assert all(bounds[0] * 0.99 <= e <= bounds[1] * 1.01 for e in micro)
        v.page.locator("#chips button").first.click()
        assert selected(v) > few
        assert v.page.evaluate("document.activeElement.id") == "only"
        v.page.locator("#clear").click()
        assert selected(v) == 2_000
        assert v.page.locator("#lines .range").count() == 0


def test_axes_of_all_choices_are_brushed(browser: Any, small: dict[str, Any], small_file: Path) -> None:
    p = small["points"]["param"]
    with opened(browser, small_file) as v:
        v.page.locator("#lines .word", has_text="sata").click()
        assert selected(v) == count(small, lambda i: p["hardware"][i] == "sata")
        v.page.locator('#lines .name[data-key="hardware"]').click()
        assert selected(v) == 2_000
        handle = v.page.locator('#lines [data-axis="model.steps"]')
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x = box["x"] + box["width"] / 2
        v.page.mouse.move(x, box["y"] + 4)
        v.page.mouse.down()
        v.page.mouse.move(x, box["y"] + box["height"] / 3, steps=3)
        v.page.mouse.up()
        few = selected(v)
        assert few in [count(small, lambda i, s=s: p["model.steps"][i] >= s) for s in (3, 4, 6)]
        name = v.page.locator('#lines .name[data-key="model.steps"]')
        name.focus()
        v.page.keyboard.press("Enter")
        assert selected(v) == 2_000
        v.page.keyboard.press("ArrowDown")
        assert 0 < selected(v) < 2_000
        assert "limited: model.steps" in v.page.locator('[data-key="model.steps"]').first.get_attribute(
            "aria-label"
        )


def test_other_axes_can_be_shown(browser: Any, small_file: Path) -> None:
    with opened(browser, small_file) as v:
        before = v.page.locator("#lines .name").count()
        v.page.locator("#axes-menu summary").click()
        v.page.locator('#axes input[value="edp_Js"]').check()
        v.page.locator("#axes input:checked").first.uncheck()
        v.page.locator("#axes input:checked").first.uncheck()
        settle(v)
        assert v.page.locator("#lines .name").count() == before - 1
        assert v.page.locator('#lines [data-key="edp_Js"]').count() == 1


def test_the_keyboard_walks_the_front_and_opens_a_report(
    browser: Any, small: dict[str, Any], small_file: Path
) -> None:
    points = small["points"]
    front = [i for i, flag in enumerate(points["front"]) if flag]
    cheapest = min(front, key=lambda i: points["values"]["energy_J"][i])
    with opened(browser, small_file) as v:
        v.page.locator("#plot").focus()
        v.page.keyboard.press("Home")
        assert points["id"][cheapest][:8] in v.tip
        assert "on the front" in v.tip
        v.page.keyboard.press("ArrowRight")
        second = v.tip
        assert points["id"][cheapest][:8] not in second
        v.page.keyboard.press("Enter")
        dialog = v.page.locator("#report")
        assert dialog.is_visible()
        assert second.split()[1] in dialog.locator("h2").inner_text()
        v.page.keyboard.press("Escape")
        assert not dialog.is_visible()


FOCUSED = "document.activeElement.id || document.activeElement.textContent"


@pytest.mark.parametrize("width", [400, 1280])
def test_the_keyboard_keeps_its_place(browser: Any, small_file: Path, width: int) -> None:
    with opened(browser, small_file, width=width) as v:
        name = v.page.locator("#table tbody button").nth(2)
        text = name.inner_text()
        name.focus()
        v.page.keyboard.press("Enter")
        settle(v)
        assert v.page.locator("#report").is_visible()
        assert "picked" in v.page.locator("#table tbody tr").nth(2).get_attribute("class")
        v.page.keyboard.press("Escape")
        assert not v.page.locator("#report").is_visible()
        assert v.page.evaluate(FOCUSED) == text
        only(v, "sata")
        v.page.locator("#clear").focus()
        v.page.keyboard.press("Enter")
        assert selected(v) == 2_000
        assert v.page.evaluate(FOCUSED) == "only"
        v.page.keyboard.type("energy < 2")
        v.page.keyboard.press("Enter")
        assert selected(v) < 2_000


def test_a_finger_opens_the_front_and_scrolls_without_dragging_an_axis(
    browser: Any, small: dict[str, Any], small_file: Path
) -> None:
    points = small["points"]
    i = next(i for i, flag in enumerate(points["front"]) if flag)
    with opened(browser, small_file, width=400, has_touch=True) as v:
        x, y = mark_of(v, points["id"][i])
        v.page.touchscreen.tap(x, y)
        assert points["id"][i] in v.page.locator("#report h2").inner_text()
        v.page.locator("#report").get_by_role("button", name="Close").tap()
        handle = v.page.locator("#lines .handle").first
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        finger = {
            "pointerId": 7,
            "clientX": box["x"] + 5,
            "clientY": box["y"] + 10,
            "bubbles": True,
            "button": 0,
        }
        handle.dispatch_event("pointerdown", finger)
        handle.dispatch_event("pointercancel", finger)  # the browser took it for scrolling
        for what in ("pointermove", "pointerup"):
            v.page.locator("#lines").dispatch_event(what, finger | {"clientY": box["y"] + 150})
        settle(v)
        assert selected(v) == 2_000 and v.page.locator("#chips li").count() == 0


#: painted pixels of the scatter's canvas: above the top of its axes, and all of them
ABOVE = """() => {
  const canvas = document.querySelector('#plot canvas');
  const grid = [...document.querySelectorAll('#plot .grid')].map((line) => line.getBoundingClientRect().top);
  const above = Math.floor(Math.min(...grid) - canvas.getBoundingClientRect().top) - 8;
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const painted = (rows) => data.filter((a, i) => i % 4 === 3 && a > 0 && i < 4 * canvas.width * rows).length;
  return [above, painted(above), painted(canvas.height)];
}"""


def test_intervals_beyond_the_axes_end_there(browser: Any, fake: Any, tmp_path: Path) -> None:
    data = fake(300, 5)
    points = data["points"]
    accuracy = points["values"]["accuracy"]
    points["values"]["accuracy"] = [
        None if a is None else 0.5 + 0.001 * (i % 9) for i, a in enumerate(accuracy)
    ]
    for part, end in (("low", 0.01), ("high", 0.99)):
        points[part]["accuracy"] = [None if a is None else end for a in accuracy]
    with opened(browser, page_of(data, tmp_path)) as v:
        rows, painted, everywhere = v.page.evaluate(ABOVE)
        assert rows > 5 and painted == 0 and everywhere > 1_000


def mark_of(v: Visit, i: str) -> tuple[float, float]:
    """Where a design is drawn, in the window: its ring when it is picked."""
    only(v, i)
    v.page.locator("#table tbody tr").first.locator("td").nth(1).click()
    settle(v)
    only(v, "")
    v.page.locator("#plot").scroll_into_view_if_needed()
    box = v.page.locator("#plot .picked").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def hover(v: Visit, x: float, y: float) -> None:
    """Move to a place until the page has noticed; a busy machine draws late."""
    for step in range(50):
        v.page.mouse.move(x + step % 2, y)
        settle(v)
        if v.tip:
            return
        v.page.wait_for_timeout(100)


def test_hovering_tells_and_a_click_opens_the_report(
    browser: Any, small: dict[str, Any], small_file: Path
) -> None:
    points = small["points"]
    i = next(i for i, flag in enumerate(points["front"]) if flag)
    report = small["reports"][points["id"][i]]
    with opened(browser, small_file) as v:
        x, y = mark_of(v, points["id"][i])
        hover(v, x, y)
        assert points["id"][i][:8] in v.tip
        assert "differs from the base" in v.tip
        path, _, _ = report["diff"][0]
        assert path in v.tip
        v.page.mouse.click(x, y)
        dialog = v.page.locator("#report")
        assert dialog.is_visible() and v.tip == ""
        assert points["id"][i] in dialog.locator("h2").inner_text()
        shown = dialog.locator("table", has_text="setting").locator("tbody tr")
        assert shown.count() == len(report["diff"])
        bars = lambda: dialog.locator(".bars tbody tr").count()  # noqa: E731
        assert bars() == len(report["breakdown"]["energy_J"]["group"])
        dialog.get_by_role("button", name="by layer").click()
        assert bars() == len(report["breakdown"]["energy_J"]["layer"])
        dialog.get_by_role("button", name="latency").click()
        assert bars() == len(report["breakdown"]["latency_s"]["layer"])
        assert dialog.locator(".dies .die").count() == 5
        assert report["command"] in dialog.inner_text()
        with v.page.expect_download() as saved:
            dialog.get_by_role("button", name="Download its chip as YAML").click()
        assert saved.value.suggested_filename == f"{points['id'][i]}.yaml"
        assert Path(saved.value.path()).read_text(encoding="utf-8") == report["yaml"]
        title = dialog.locator("h2").inner_text()
        v.page.keyboard.press(
            "ArrowRight" if dialog.get_by_label("Next report").is_enabled() else "ArrowLeft"
        )
        assert dialog.locator("h2").inner_text() != title
        dialog.get_by_role("button", name="Close").click()
        assert not dialog.is_visible()


def test_the_table_sorts_turns_pages_and_picks(browser: Any, small_file: Path) -> None:
    with opened(browser, small_file) as v:
        v.page.locator("#table").get_by_role("button", name="energy,").click()
        up = [float(t) for t in table(v, "energy")]
        assert up == sorted(up) and len(up) == 15
        v.page.keyboard.press("Enter")  # the heading keeps the focus
        down = [float(t.replace(",", "")) for t in table(v, "energy")]
        assert down == sorted(down, reverse=True) and down[0] > up[-1]
        assert v.page.locator("#table th[aria-sort]").get_attribute("aria-sort") == "descending"
        v.page.get_by_label("Next page").click()
        assert max(float(t.replace(",", "")) for t in table(v, "energy")) <= down[-1]
        v.page.locator("#table").get_by_role("button", name="accuracy").click()
        assert "–" not in table(v, "accuracy")  # what was not measured sorts last
        row = v.page.locator("#table tbody tr").nth(3)
        name = row.locator("button").inner_text()
        row.locator("td").nth(2).click()
        settle(v)
        assert name in v.page.locator("#design").inner_text()
        assert "picked" in v.page.locator("#table tbody tr").nth(3).get_attribute("class")


def test_colours_have_a_legend_that_keeps_words(
    browser: Any, small: dict[str, Any], small_file: Path
) -> None:
    p = small["points"]["param"]
    with opened(browser, small_file) as v:
        v.page.locator("#legend .word", has_text="loas").click()
        assert selected(v) == count(small, lambda i: p["hardware"][i] == "loas")
        v.page.locator("#clear").click()
        v.page.select_option("#colour", "technique.mint")
        settle(v)
        assert [t.split()[0] for t in v.page.locator("#legend .word").all_inner_texts()] == ["off", "on"]
        v.page.select_option("#colour", "latency_s")
        settle(v)
        assert v.page.locator("#legend .ramp").inner_text().startswith("latency")
        v.page.select_option("#colour", "rung")
        settle(v)
        assert [t.split()[0] for t in v.page.locator("#legend .word").all_inner_texts()] == small["rungs"]


def test_rungs_and_the_front_can_be_shown_alone(
    browser: Any, small: dict[str, Any], small_file: Path
) -> None:
    points = small["points"]
    with opened(browser, small_file) as v:
        v.page.get_by_label("sweep (1,800)").uncheck()
        assert selected(v) == count(small, lambda i: points["rung"][i] > 0)
        assert "below the line" not in v.page.locator("#plot-note").inner_text()
        v.page.get_by_label("front only").check()
        assert selected(v) == sum(points["front"])
        v.page.get_by_label("front only").uncheck()
        v.page.get_by_label("sweep (1,800)").check()
        v.page.get_by_label("beyond limits").uncheck()
        assert selected(v) == sum(points["feasible"])


def test_the_selection_is_saved_as_csv(browser: Any, small: dict[str, Any], small_file: Path) -> None:
    with opened(browser, small_file) as v:
        many = only(v, "adc.bits <= 4")
        with v.page.expect_download() as saved:
            v.page.locator("#csv").click()
        rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8"))))
        assert len(rows) == many > 100
        points = small["points"]
        for row in rows[:50]:
            i = points["id"].index(row["id"])
            assert float(row["energy_J"]) == pytest.approx(points["values"]["energy_J"][i], rel=2e-5)
            assert int(row["adc.bits"]) == points["param"]["adc.bits"][i] <= 4
            assert (row["accuracy"] == "") == (points["values"]["accuracy"][i] is None)
