"""The page: whole, self-contained, small, and proof against names that want to be markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from fake_report import fake_estimate, fake_report, fake_waterfall, fake_workload

from axbar._report import Accuracy, Report
from axbar.report import render_html, render_notebook

NASTY = '</script><img src=x onerror="alert(1)">&"'
VOID = {"meta", "link", "input", "br", "img", "rect", "line", "circle"}


class Page(HTMLParser):
    """Collects tags, attributes, text and the embedded data; checks that tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.data: Any = None
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.tags and self.open[-1:] == ["script"]:
            if self.tags[-1][1].get("id") == "data":
                self.data = json.loads(data)
        elif self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def ids(self) -> set[str | None]:
        return {attributes.get("id") for _, attributes in self.tags}


def test_the_headline_holds_the_figures(report: Report) -> None:
    page = Page(render_html(report))
    for words in (
        "91.2 → 88.4 ± 0.6",
        "3.10",
        "810",
        "4.20",
        "2.51",
        "nJ·s",
        "of energy is ADC",
        "mean ± std of 5 dies",
    ):
        assert words in page.text


def test_nothing_is_fetched(report: Report) -> None:
    html = render_html(report)
    page = Page(html)
    for tag, attributes in page.tags:
        assert tag not in {"img", "iframe", "object", "embed"}
        assert "src" not in attributes
        assert (attributes.get("href") or "data:").startswith(("data:", "#"))
    assert "@import" not in html
    assert "url(" not in html


def test_embedded_data_are_the_report(report: Report) -> None:
    data = Page(render_html(report)).data
    assert data["report"] == json.loads(report.to_json())
    energy = np.array(data["quantities"][0]["values"])
    assert energy.shape == (9, 12)
    assert energy.sum() == pytest.approx(report.total("energy_J"), rel=1e-4)


def test_hostile_names_stay_text() -> None:
    shapes = [(NASTY, 3, 8, 8, None), ("conv2", 8, 8, 8, 0.1)]
    report = fake_report(
        model=NASTY,
        data=NASTY,
        notes=(NASTY,),
        estimate=fake_estimate(shapes),
        workload=fake_workload(shapes),
        techniques=({"name": NASTY, "stage": "chip", "config": {NASTY: NASTY}, "cost": {NASTY: NASTY}},),
        run={"command": NASTY, "arguments": {"model": NASTY}, "versions": {NASTY: NASTY}, "inputs": {}},
    )
    html = render_html(report)
    page = Page(html)
    assert not [tag for tag, attributes in page.tags if tag == "img" or "onerror" in attributes]
    assert html.count("</script>") == 2
    assert page.data["layers"][0] == NASTY
    assert "<img" not in render_notebook(report)


def test_size_stays_below_300_kB_for_deep_networks() -> None:
    shapes = [(f"backbone.stage{i // 12}.block{i % 12}.conv", 64, 64, 8, 0.05) for i in range(220)]
    report = fake_report(estimate=fake_estimate(shapes), workload=fake_workload(shapes, steps=64))
    html = render_html(report)
    assert len(html.encode()) <= 300_000
    page = Page(html)
    assert page.data["layers"][-1] == f"{220 - len(page.data['layers']) + 1} others"
    assert np.array(page.data["quantities"][0]["values"]).sum() == pytest.approx(
        report.total("energy_J"), rel=1e-4
    )


def test_an_estimate_alone_has_no_accuracy(report: Report) -> None:
    page = Page(render_html(replace(report, accuracy=None, waterfall=None)))
    assert "accuracy" not in page.ids()
    assert "as trained" not in page.text


def test_digital_chips_show_the_integer_network(report: Report) -> None:
    page = Page(render_html(replace(report, accuracy=Accuracy(500, 0.9, 0.89), waterfall=None)))
    assert "as trained → with integer weights" in page.text
    assert "on chip" not in page.text and "die" not in page.text.partition("Where it goes")[0].split()
    assert "with the integers of the chip, without any device or converter" in page.text
    alone = Page(render_html(replace(report, accuracy=Accuracy(500, 0.9), waterfall=None)))
    assert "not measured as the chip computes it" in alone.text
    same = Page(render_html(replace(report, accuracy=Accuracy(500, 0.9, 0.9), waterfall=None)))
    assert "with integer weights, and as trained" in same.text and "90.0 →" not in same.text


def test_the_waterfall_is_drawn_and_tabled(report: Report) -> None:
    page = Page(render_html(report))
    for words in (
        "What each effect costs",
        "none on this chip",
        "no cell is stuck",
        "−3.13 ± 0.78",
        "+2.3 ± 0.7",
    ):
        assert words in page.text
    kinds = [(attributes.get("class") or "") for tag, attributes in page.tags if tag == "svg"]
    assert [sum(name in kind.split() for kind in kinds) for name in ("waterfall", "signed")] == [1, 2]
    assert page.data["report"]["waterfall"]["steps"][5]["lost_points"] == 3.13


def test_a_report_without_a_waterfall_has_no_such_section(report: Report) -> None:
    page = Page(render_html(replace(report, waterfall=None)))
    assert "waterfall" not in page.ids()
    assert page.data["report"]["waterfall"] is None


def test_layers_that_are_not_drawn_or_measured_are_counted(report: Report) -> None:
    waterfall = replace(fake_waterfall(layers=45), layers_left_out=7)
    text = Page(render_html(replace(report, waterfall=waterfall))).text
    assert "5 more in the JSON form. 7 layers further down the network: not measured." in text


def test_the_conditions_of_the_dies_are_said(report: Report) -> None:
    page = Page(render_html(report))
    assert "Dies: " in page.text and "1 Ω a cell" in page.text and "no stuck cells" in page.text


def test_what_does_not_fit_is_said_first(report: Report) -> None:
    reason = "fc1 needs 190 tiles, chip.max_tiles is 64"
    estimate = fake_estimate(feasible=np.array([False]), reasons=(reason,))
    page = Page(render_html(replace(report, estimate=estimate)))  # pyright: ignore[reportArgumentType]
    assert page.text.index(reason[1:]) < page.text.index("Where it goes")
    assert "does not fit" in page.text


def test_missing_records_are_named(report: Report) -> None:
    bare = replace(
        report,
        workload=(),
        trace={},
        run={},
        techniques=(),
        notes=(),
        estimate=fake_estimate(conventional=None, mapping={}),  # pyright: ignore[reportArgumentType]
    )
    text = Page(render_html(bare)).text
    assert text.count("not recorded") >= 3
    assert "activity is assumed" in text
    assert "Techniques applied" not in text


def test_changes_from_the_preset_and_sources_are_listed(report: Report) -> None:
    page = Page(render_html(report))
    assert {path for path, _ in report.base.diff(report.hardware).items()} == {"crossbar.rows"}
    assert "was 64" in page.text
    for source in {p.source for p in report.hardware.sources.values()}:
        assert re.sub(r"\s+", " ", source) in page.text


def test_the_same_report_gives_the_same_page(report: Report) -> None:
    assert render_html(report) == render_html(report)


def test_the_notebook_table_is_compact_and_without_scripts(report: Report) -> None:
    html = report._repr_html_()
    assert "<script" not in html
    assert "<style" not in html
    assert html.count("<tr>") == 14
    assert len(html) < 6000
