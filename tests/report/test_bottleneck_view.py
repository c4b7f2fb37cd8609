"""What holds a network back, on the page and in the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fake_report import fake_report

from axbar._report import Report
from axbar.cost import estimate
from axbar.report import estimate_text, render_html, report_text
from axbar.report._bottleneck_view import bars, change_rows, factor_text, holder_lines, lead, merit_words
from axbar.report.charts import held_chart
from axbar.spec import load_hardware
from axbar.workload import shapes


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_page_ranks_changes_and_says_what_they_do_to_accuracy(report: Report) -> None:
    text = words(render_html(report))
    assert "What holds it back" in text and "ADC holds 58 % of the energy" in text
    assert text.index("T 4 → 2") < text.index("adc.bits 5 → 4") < text.index("adc.cols_per_adc 8 → 7")
    assert "−48 %" in text and "+1.2 %" in text
    assert "may change sums are rounded otherwise" in text and "stays columns take turns" in text
    assert "Changes that do not fit: 1" in text and "device x → sram 1 bit" in text
    assert "bn-adapt repairs accuracy; what it takes is not modelled" in text
    assert "1 that leave energy × delay as it is or larger, or take" in text  # the flash converter


def test_the_head_tells_the_assumed_share(report: Report) -> None:
    head = render_html(report).partition("</header>")[0]
    assert "21 % of the energy is spent where the model reads an assumed or own number" in head
    assert "21.4 % of the energy" in " ".join(report_text(report).splitlines()[:3])


def test_figures_of_merit_are_defined_on_the_page(report: Report) -> None:
    text = words(render_html(report))
    assert "Figures of merit" in text and "dense-equivalent efficiency" in text and "made up" in text
    assert "performed not recorded" in text


def test_the_text_is_short(report: Report) -> None:
    text = report_text(report)
    assert "Energy: 58 % is ADC, most in" in text
    assert "What would help most, of 5 changes tried one by one" in text
    assert "adc.cols_per_adc 8 → 7" in text and "sar → flash" not in text


def test_reports_without_bottlenecks_leave_them_out(report: Report) -> None:
    bare = replace(report, bottlenecks=None)
    assert "What holds it back" not in render_html(bare)
    assert "What holds it back" not in report_text(bare)
    assert bare.to_dict()["bottlenecks"] is None


def test_nothing_that_helps_is_said() -> None:
    report = fake_report()
    assert report.bottlenecks is not None
    idle = replace(report, bottlenecks=replace(report.bottlenecks, changes=()))
    assert "No single change that was tried" in report_text(idle)
    assert "No single change that was tried" in words(render_html(idle))


@pytest.mark.parametrize(
    ("factor", "text"),
    [(0.68, "−32 %"), (0.957, "−4.3 %"), (1.0, "0"), (1.0004, "0"), (1.5, "+50 %"), (2.0, "×2"), (317.0, "×317"),
     (float("nan"), "not known"), (0.9, "−10 %"), (0.001, "−100 %")],
)  # fmt: skip
def test_factors_in_words(factor: float, text: str) -> None:
    assert factor_text(factor) == text


def test_bars_hold_every_component_once(report: Report) -> None:
    assert report.bottlenecks is not None
    rows, small = bars(report.bottlenecks)
    assert len(rows) + len(small) == len(report.estimate.components)
    for column in range(3):
        assert sum(shares[column] for _, shares in rows) == pytest.approx(1, abs=0.05)
    chart = held_chart(rows, ["Energy", "Latency", "Area"], report.estimate.components)
    assert chart.count("<g ") == len(rows)
    assert "membrane memory" in chart


def test_real_estimates_on_page_and_terminal() -> None:
    found = estimate(shapes.cnn(), load_hardware("imc-rram-65nm"))
    held = found.bottlenecks()
    text = estimate_text(found, load_hardware("imc-rram-65nm"), held)
    assert "What holds it back" in text and "TOPS/W dense-equivalent" in text
    assert max(map(len, text.splitlines())) <= 120
    assert len(holder_lines(held)) == 3 and lead(held).endswith(" of the area.")
    assert change_rows(held)[0].cells[-1][1] == held.helpful(area_at_most=2.0)[0].factors["edp_Js"]
    assert "per synaptic operation" in merit_words(found.metrics)
