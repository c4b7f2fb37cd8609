"""The page tells how long cells live that are written at run time, and only where some wear."""

from __future__ import annotations

import re

import pytest

import axbar
from axbar.report._wear_view import wear_facts
from axbar.report.charts import life_chart
from axbar.workload import shapes


@pytest.fixture(scope="module")
def network() -> axbar.Workload:
    return shapes.vit_tiny()


def test_lives_are_endurance_over_the_rate(network: axbar.Workload) -> None:
    found = wear_facts(axbar.estimate(network, "imc-rram-clipformer"))
    assert found is not None
    assert "cells are written per image" in found["lead"]
    chart = found["chart"]
    assert "1 image/s" in chart and "12 days" in chart  # 10^6 writes at one a second
    assert "1,000 images/s" in chart and "17 minutes" in chart
    assert chart.count("(its own)") == 1


@pytest.mark.parametrize("changes", [{"run_time.unit": "sram"}, {"run_time.unit": "digital"}])
def test_nothing_is_said_where_no_cell_wears(network: axbar.Workload, changes: dict[str, str]) -> None:
    assert wear_facts(axbar.estimate(network, axbar.load_hardware("imc-rram-clipformer", changes))) is None
    assert wear_facts(axbar.estimate(shapes.cnn(), "imc-rram-clipformer")) is None


def test_the_axis_is_logarithmic_and_ends_hold() -> None:
    places = [
        float(place)
        for seconds in (1e-3, 1.0, 3600.0, 86_400.0, 1e12)
        for place in re.findall(r'<circle[^>]*cx="([\d.]+)%?"', life_chart([("x", seconds, "y")]))
    ]
    assert (
        places[0] == places[1] and places == sorted(places) and places[1] < places[2] < places[3] < places[4]
    )
    tens = [
        float(re.findall(r'<circle[^>]*cx="([\d.]+)%?"', life_chart([("x", s, "y")]))[0])
        for s in (10, 100, 1e3)
    ]
    assert tens[1] - tens[0] == pytest.approx(tens[2] - tens[1], abs=0.02)
