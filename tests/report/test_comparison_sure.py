"""How sure a comparison is stands on page, terminal and JSON: spread, assumed share, silicon, sources, accuracy."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from axbar._compare import Comparison, compare_workload
from axbar._report import Accuracy, estimate_report
from axbar.report import estimate_text, export, render_html, report_text
from axbar.report._comparison_sure import accuracy_words, sure_rows
from axbar.report._scale import percent
from axbar.report._spec_view import source_groups
from axbar.report._view import spreads
from axbar.spec import load_hardware
from axbar.workload import shapes

CHIPS = ("imc-rram-65nm", "sata", "loas")


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare_workload(shapes.cnn(steps=2), CHIPS)


def test_spread_assumed_share_and_silicon_are_said_of_each_chip(found: Comparison) -> None:
    imc, sata, _ = (report.estimate for report in found.reports)
    rows = sure_rows(found)
    assert [row[0] for row in rows] == list(CHIPS)
    assert rows[0][1:4] == [spread.words for spread in spreads(imc)]
    assert rows[1][1:4] == ["not known"] * 3
    for row, report in zip(rows, found.reports, strict=True):
        assert row[-1] == percent(float(report.estimate.assumed_share[0]))
    text, page = " ".join(found.render("txt").split()), found.render("html")
    for row in rows:
        assert " ".join(row) in text and all(f">{cell}</td>" in page for cell in row)
    assert f"sata: {sata.beside_silicon}" in text and f"sata: {sata.beside_silicon}" in page
    assert "imc-rram-65nm: Not calibrated" in text
    low, high = imc.spread("energy_J")
    loaded = json.loads(found.render("json"))["hardware"]
    assert loaded[0]["spread"]["energy_J"] == [float(low[0]), float(high[0])]
    assert loaded[1]["spread"] is None and "not compared" in loaded[1]["beside_silicon"]


def test_the_page_lists_the_sources_of_every_chip(found: Comparison) -> None:
    page = found.render("html")
    for name, report in zip(found.names, found.reports, strict=True):
        groups = source_groups(report)
        assert groups and f"Sources of {name}, most used first: {len(groups)}" in page
    assert "Horowitz" in page
    assert len(page.encode()) <= 300_000


@pytest.mark.parametrize("chip", ["sata", "loas"])
def test_no_silicon_stands_beside_kinds_that_were_not_compared_with_any(chip: str) -> None:
    base = load_hardware(chip)
    report = estimate_report(shapes.cnn(steps=2), base, base, model="cnn")
    texts = [estimate_text(report.estimate, base), report_text(report), render_html(report)]
    texts += export(report, ["methods", "latex"]).values()
    for text in texts:
        assert "ublished silicon lies" not in text and "ublished chips lie" not in text
    assert all("not compared with silicon" in " ".join(text.split()) for text in texts)
    crossbar = load_hardware("imc-rram-65nm")
    other = estimate_report(shapes.cnn(steps=2), crossbar, crossbar, model="cnn")
    assert "Published silicon lies around such models within: energy" in report_text(other)


def test_the_caption_of_accuracies_is_that_of_the_rows(found: Comparison) -> None:
    assert accuracy_words(found) == "" and "Accuracy is" not in found.render("html")
    given = (Accuracy(100, 0.9, 0.8, (0.7, 0.75)), Accuracy(100, 0.9, 0.8), Accuracy(100, 0.9))
    reports = tuple(replace(r, accuracy=a) for r, a in zip(found.reports, given, strict=True))
    mixed = replace(found, reports=reports)
    said = accuracy_words(mixed)
    assert "of programmed dies on imc-rram-65nm; of the integer network on sata; of the float network" in said
    assert said.endswith("on loas.")
    assert said in mixed.render("html") and said in " ".join(mixed.render("txt").split())
    whole = replace(found, reports=(replace(found.reports[1], accuracy=given[1]),))
    assert accuracy_words(whole) == "Accuracy is that of the integer network on sata."


def test_the_page_names_command_version_and_date(found: Comparison) -> None:
    run = {
        "command": "axbar compare cnn", "made": "2031-01-02 03:04:05 UTC", "versions": {"axbar": "9.8"},
        "arguments": {}, "inputs": {},
    }  # fmt: skip
    page = replace(found, run=run).render("html")
    assert "First made at 2031-01-02 03:04:05 UTC by axbar 9.8 with" in page
    assert "<pre>axbar compare cnn</pre>" in page
    assert "Made by axbar 0." in found.render("html")
