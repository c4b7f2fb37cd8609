"""Advice that was carried out, on the page and in the terminal."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from axbar._apply import Answers, Applied
from axbar._report import Report
from axbar.cost import WhatIf
from axbar.report import render_html
from axbar.report._applied_view import NOTHING_APPLIED, applied_rows, applied_table

FACTORS = {"energy_J": 0.76, "latency_s": 1.0, "area_m2": 1.041, "leakage_W": 1.0, "edp_Js": 0.76, "fps": 1.0}
ADVICE = WhatIf(
    "adc.bits 5 → 4", "spec", {"adc.bits": 4}, FACTORS, True, "", "yes", "sums are rounded otherwise"
)
ANSWERS = Answers("dies", (0.881, 0.879), (0.871, 0.869), -1.0, 0.3)


def made() -> Applied:
    took = {"name": "<b>prune</b>", "stage": "network", "config": {}, "cost": {"images": 5400}}
    return Applied(
        ADVICE, {**FACTORS, "edp_Js": 0.8}, answers=ANSWERS, techniques=(took,), notes=("only <here>",)
    )


def refused() -> Applied:
    return Applied(replace(ADVICE, title="prune <i>"), refused="there is <nothing> to prune")


class Words(HTMLParser):
    """The text of one section."""

    def __init__(self, html: str, section: str) -> None:
        super().__init__()
        self.inside, self.found, self.wanted = False, list[str](), section
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.inside = dict(attrs).get("id") == self.wanted
        assert not (self.inside and tag in ("i", "b", "nothing", "here"))  # names are no markup

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "section"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.found).split())


def test_a_row_has_promise_and_outcome_of_each_figure() -> None:
    (row,) = applied_rows([made()])
    assert row.cells[0] == ("−24 %", "−24 %") and row.cells[3] == ("−24 %", "−20 %")
    assert row.accuracy == ("88.0 %", "87.0 %", "−1.0 ± 0.3")
    head, lines = applied_table([made(), refused()], wide=True)
    assert len(head) == len(lines[0]) == len(lines[1]) == 7
    assert lines[0][4] == "−24 → −20 %" and lines[0][5] == "88.0 → 87.0 %"
    assert lines[1][4] == "−24 %" and lines[1][5] == ""  # nothing came of it
    assert [len(line) for line in applied_table([made()], wide=False)[1]] == [3]


def test_the_page_tells_promise_outcome_and_refusals(report: Report) -> None:
    page = render_html(replace(report, applied=(made(), refused())))
    text = Words(page, "applied").text
    assert "gained 20 % EDP as promised (24 %), accuracy 88.0 → 87.0 %: 1.0 ± 0.3 points lost" in text
    assert "could not be applied: there is <nothing> to prune" in text
    assert "<b>prune</b> images 5,400" in text and "only <here>" in text


def test_the_page_says_nothing_where_nobody_asked_and_so_where_nothing_helps(report: Report) -> None:
    assert Words(render_html(report), "applied").text == ""
    assert NOTHING_APPLIED in Words(render_html(replace(report, applied=())), "applied").text


def test_the_terminal_has_a_table_and_a_sentence_for_each(report: Report) -> None:
    text = " ".join(replace(report, applied=(made(), refused())).render("txt").split())
    assert "Carried out: promised → obtained" in text
    assert "prune <i>: could not be applied: there is <nothing> to prune" in text
    assert "note: only <here>" in text
    assert NOTHING_APPLIED in " ".join(replace(report, applied=()).render("txt").split())
