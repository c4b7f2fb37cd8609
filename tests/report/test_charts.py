"""Charts: lengths say what the numbers say, names can't break the markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.report._scale import scale_for
from axbar.report._text import shorten
from axbar.report.charts import (
    accuracy_chart,
    pair_chart,
    ranked_chart,
    rates_chart,
    share_chart,
    signed_chart,
    spread_chart,
    stacked_chart,
    waterfall_chart,
)
from axbar.report.charts.accuracy import domain
from axbar.report.charts.rates import binned

NASTY = '</text><script>alert("1")</script>&'


def marks(svg: str, tag: str, kind: str = "") -> list[ET.Element]:
    return [e for e in ET.fromstring(svg).iter(tag) if kind in e.get("class", "").split() or not kind]


def number(element: ET.Element, name: str) -> float:
    return float(element.get(name, "nan").removesuffix("%"))


def test_ranked_bars_are_sorted_and_proportional() -> None:
    totals = {"adc": 6e-6, "cells": 1.5e-6, "mux": 0.0, "lif": 3e-6}
    svg = ranked_chart(totals, "J", {name: i for i, name in enumerate(totals)}, "Energy")
    bars = [e for e in marks(svg, "rect") if e.get("fill")]
    assert [number(b, "width") for b in bars] == [100.0, 50.0, 25.0]
    assert [row.get("data-c") for row in marks(svg, "g", "row")] == ["0", "3", "1"]
    assert all(row.get("tabindex") == "0" and row.get("role") == "button" for row in marks(svg, "g", "row"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1e-6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_stacked_segments_end_where_their_layer_ends(cells: list[list[float]]) -> None:
    values = np.array(cells)
    scale = scale_for(float(values.sum(axis=1).max()), "J")
    index = {"cells": 0, "adc": 1, "lif": 2}
    svg = stacked_chart([(f"l{i}", i) for i in range(len(values))], index, values, scale, "energy")
    segments = [(g, r) for g in marks(svg, "g") for r in g.iter("rect")]
    for group, segment in segments:
        row, column = int(group.get("data-l", "")), int(segment.get("data-c", ""))
        start = scale.percent(float(values[row, :column].sum()))
        assert number(segment, "x") == pytest.approx(start, abs=0.02)
        assert number(segment, "x") + number(segment, "width") <= 100.02


def test_names_are_escaped_in_every_chart() -> None:
    values = np.array([[1.0]])
    drawn = [
        ranked_chart({NASTY: 1.0}, "J", {NASTY: 0}, NASTY),
        stacked_chart([(NASTY, 0)], {NASTY: 0}, values, scale_for(1.0, "J"), NASTY),
        rates_chart([(NASTY, [0.1, 0.2])]),
        pair_chart([(NASTY, NASTY, [(NASTY, 1.0, NASTY)])], scale_for(1.0, "J")),
        spread_chart([(NASTY, 0.5, 2.0, NASTY)]),
        share_chart([(NASTY, 1.0, "assumed")], NASTY),
        waterfall_chart([(NASTY, NASTY, 0.9, 0.8, 0.01, "loss", NASTY, NASTY)], 10),
        signed_chart([(NASTY, 1.0, 0.1, True, NASTY)], NASTY, NASTY),
    ]
    for svg in drawn:
        assert "<script" not in svg
        ET.fromstring(svg)


def test_accuracy_places_dies_between_the_axis_ends() -> None:
    svg = accuracy_chart(2000, 0.912, 0.9085, (0.8795, 0.8885, 0.8915), 0.8865, 0.0062)
    dies = marks(svg, "circle", "die")
    assert [number(d, "cx") for d in dies] == sorted(number(d, "cx") for d in dies)
    assert all(0 <= number(c, "cx") <= 100 for c in marks(svg, "circle"))
    assert "2,000 test images, %" in svg
    assert dies[1].get("data-tip") == "die 2: 88.85 %"


@pytest.mark.parametrize("dies", [(), (0.9,), (0.9, 0.9, 0.9)])
def test_accuracy_without_spread(dies: tuple[float, ...]) -> None:
    svg = accuracy_chart(100, 0.9, None, dies, 0.9 if dies else None, None)
    assert len(marks(svg, "circle", "die")) == len(dies)
    assert "digital" not in svg


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_accuracy_axis_holds_every_figure(shares: list[float]) -> None:
    low, high = domain(shares)
    assert 0 <= low <= 100 * min(shares) + 1e-4
    assert 100 * max(shares) - 1e-4 <= high <= 100
    assert high > low


def test_rates_are_darker_where_busier() -> None:
    svg = rates_chart([("a", [0.1, 0.4]), ("b", [0.2, 0.0])])
    cells = [number(c, "fill-opacity") for c in marks(svg, "rect", "cell")]
    assert cells[1] == max(cells) == 1.0
    assert cells[3] == min(cells)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=70))
def test_binning_keeps_steps_and_mean(rates: list[float]) -> None:
    groups = binned(rates, 16)
    assert len(groups) <= 16
    assert (groups[0][0], groups[-1][1]) == (1, len(rates))
    assert sum((last - first + 1) * mean for first, last, mean in groups) == pytest.approx(sum(rates))


def test_long_layer_names_keep_both_ends() -> None:
    assert shorten("conv1") == "conv1"
    assert shorten("backbone.stage3.block1.conv2").endswith(".conv2")
    assert len(shorten("x" * 80)) <= 15


def test_spread_is_drawn_on_a_symmetric_axis_of_factors() -> None:
    svg = spread_chart([("Energy", 0.5, 2.0, "1 to 4 µJ"), ("Area", 0.8, 3.9, "0.8 to 3.9 mm²")])
    ranges = marks(svg, "line", "range")
    assert [number(r, "x1") for r in ranges] == pytest.approx([25, 50 + 25 * np.log2(0.8)], abs=0.01)
    assert [number(r, "x2") for r in ranges] == pytest.approx([75, 50 + 25 * np.log2(3.9)], abs=0.01)
    assert {number(dot, "cx") for dot in marks(svg, "circle")} == {50.0}
    assert [t.text for t in marks(svg, "text", "tick")] == ["÷4", "÷2", "×1", "×2", "×4"]


@settings(deadline=None)
@given(st.floats(0.0, 1.0), st.floats(1.0, 1e4))
def test_no_spread_leaves_its_axis(low: float, high: float) -> None:
    for mark in marks(spread_chart([("Energy", low, high, "")]), "line"):
        assert 0 <= number(mark, "x1") <= number(mark, "x2") <= 100


def test_share_and_pair_lengths() -> None:
    parts = marks(share_chart([("assumed", 0.25, "assumed"), ("rest", 0.75, "sourced")], "energy"), "rect")
    assert [number(p, "width") for p in parts] == [25.0, 75.0]
    scale = scale_for(4e-6, "J")
    svg = pair_chart([("a", "", [("x", 1e-6, "#000000")]), ("b", "", [("y", 4e-6, "#000000")])], scale)
    assert number(marks(svg, "rect")[1], "width") == pytest.approx(100, abs=0.5)
    assert "4.00 µJ" in svg


def test_waterfall_bars_hang_where_the_one_before_ends() -> None:
    shares = [0.9, 0.86, 0.86, 0.88, 0.70]
    kinds = ["loss", "none", "gain faint", "loss"]
    bars = [("float", "", 0.9, 0.9, 0.0, "total", "", "")]
    bars += [(f"s{i}", "", shares[i], shares[i + 1], 0.01, kind, "", "") for i, kind in enumerate(kinds)]
    svg = waterfall_chart(bars, 256)
    steps = marks(svg, "rect", "step")
    assert [e.get("class") for e in steps] == ["step loss", "step gain faint", "step loss"]
    left = [number(e, "x") for e in steps]
    right = [number(e, "x") + number(e, "width") for e in steps]
    assert left[0] == pytest.approx(left[1], abs=0.02)  # the gain starts where the loss before it ended
    assert right[2] == pytest.approx(right[1], abs=0.02)  # the next loss where the gain ended
    assert number(steps[2], "width") == pytest.approx(18 / 4 * number(steps[0], "width"), abs=0.1)
    links = [number(e, "x1") for e in marks(svg, "line", "link")]
    assert links == pytest.approx([right[0], left[0], left[0], right[1]], abs=0.02)


def test_signed_bars_start_at_zero_and_show_their_error() -> None:
    rows = [("a", 2.0, 0.5, True, "+2"), ("b", -1.0, 0.0, False, "-1"), ("c", 0.0, 0.0, False, "0")]
    svg = signed_chart(rows, "points", "what")
    gain, loss, nothing = marks(svg, "rect", "step")
    zero = number(marks(svg, "line", "one")[0], "x1")
    assert (
        number(gain, "x") == pytest.approx(zero) == pytest.approx(number(loss, "x") + number(loss, "width"))
    )
    assert number(gain, "width") == pytest.approx(2 * number(loss, "width"), abs=0.02)
    assert number(nothing, "width") == 0
    assert [e.get("class") for e in (gain, loss)] == ["step gain", "step loss faint"]
    assert len(marks(svg, "line", "error")) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 100)), min_size=1, max_size=8))
def test_signed_bars_stay_on_their_axis(rows: list[tuple[float, float]]) -> None:
    svg = signed_chart([(str(i), p, e, True, "") for i, (p, e) in enumerate(rows)], "points", "what")
    for mark in marks(svg, "rect", "step"):
        assert -0.01 <= number(mark, "x") <= number(mark, "x") + number(mark, "width") <= 100.02
    for mark in marks(svg, "line"):
        assert -0.01 <= number(mark, "x1") <= 100.01 and -0.01 <= number(mark, "x2") <= 100.01
