"""The same renders on what the cost room really returns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from axbar import estimate
from axbar._compare import Comparison
from axbar._report import Report, estimate_report
from axbar.cost.fair import beside_twin
from axbar.cost.metrics import work_of
from axbar.report import (
    estimate_text,
    export,
    read_record,
    render_html,
    report_text,
    sweep_csv,
    sweep_text,
    workload_table,
)
from axbar.report._view import amount, cost_of, figures
from axbar.report.comparison import comparison_html
from axbar.spec import load_hardware
from axbar.workload import shapes


@pytest.fixture(scope="module")
def real() -> Report:
    workload = shapes.TABLE["vgg9"]()
    base = load_hardware("imc-rram-65nm")
    spec = base.replace({"adc.bits": 4})
    trace = {
        "name": workload.name,
        "steps": workload.steps,
        "samples": 0,
        "spikes_of": workload.spikes_of,
        "hash": "",
    }
    return Report(
        model="vgg9",
        data="none",
        hardware=spec,
        base=base,
        estimate=estimate(workload, spec),
        workload=tuple(workload.summary()),
        trace=trace,
    )


@pytest.fixture(scope="module")
def training() -> Report:
    base = load_hardware("sata")
    return estimate_report(shapes.cnn(steps=2), base, base.replace({"task": "training"}), model="cnn")


def test_costs_are_per_training_step_where_the_chip_trains(real: Report, training: Report) -> None:
    for report, work in ((real, "inference"), (training, "training step")):
        under = {figure.label: figure.under for figure in figures(report)}
        assert {under[name] for name in ("Energy", "Latency", "Energy × delay")} == {f"per {work}"}
        assert under["Area"] == "of the chip"
        assert {q.name: q.per for q in cost_of(report).quantities} == {
            "Energy": f"per {work}", "Latency": f"per {work}", "Area": "of the chip", "Leakage": "while powered",
        }  # fmt: skip
        assert f"all costs per {work} ·" in render_html(report)
        assert report.work == work_of(report.estimate)
    texts = export(training, ["latex", "methods"])
    assert "Per training step (one sample forward and backward" in texts["methods"]
    assert r"Energy $\times$ delay & per training step &" in texts["latex"]
    assert not [text for text in (render_html(training), *texts.values()) if "per inference" in text]


def test_a_saved_estimate_of_training_is_read_as_one(training: Report, tmp_path: Path) -> None:
    chip = {"kind": training.hardware.kind, "values": training.hardware.values()}
    saved = {"hardware": training.hardware.name, "spec": chip, **training.estimate.to_dict()}
    file = tmp_path / "estimate.json"
    file.write_text(json.dumps(saved), encoding="utf-8")
    assert read_record(file).work == "training step"


def test_a_comparison_of_unlike_work_names_both(training: Report) -> None:
    inference = replace(training, hardware=training.base)
    page = comparison_html(Comparison((inference, training)))
    assert "all costs per inference or training step</p>" in page
    assert "all costs per training step</p>" in comparison_html(Comparison((training, training)))


def test_the_page_names_constants_and_their_sources(real: Report) -> None:
    html = render_html(real)
    assert len(html.encode()) <= 300_000
    for constant in real.estimate.explain("adc.energy").to_dict()["constants"]:
        assert constant["name"] in html
    assert "activity is assumed" in html


def test_the_twin_stands_in_page_text_and_json(real: Report) -> None:
    assert 'id="twin"' not in render_html(real)
    twin = beside_twin(real.estimate)
    assert twin is not None
    report = replace(real, twin=twin)
    table = render_html(report).partition('<section id="twin">')[2].partition("</section>")[0]
    energies = [amount(float(of.total("energy_J")[0]), "J") for of in (twin.snn, twin.ann)]
    products = [amount(float(of.edp_Js[0]), "Js") for of in (twin.snn, twin.ann)]
    for text in ("3-bit twin", *energies, *products, f"{twin.ratio('energy_J')[0]:.3f}"):
        assert f">{text}<" in table
    assert " ".join(twin.text().split()) in " ".join(report_text(report).split())
    assert json.loads(report.to_json())["ann_twin"] == twin.to_dict()


def test_tables(real: Report) -> None:
    text = " ".join(estimate_text(real.estimate, real.hardware).split())
    assert text.startswith("imc-rram-65nm:")
    assert "conv7" in text
    assert "spike rates are assumed, not recorded" in text
    assert real.verdict in " ".join(report_text(real).split())
    json.loads(real.to_json())


def test_sweep(real: Report) -> None:
    swept = estimate(shapes.TABLE["vgg9"](), real.hardware, sweep={"adc.bits": np.array([3, 4, 5])})
    assert len(sweep_csv(swept).splitlines()) == 4
    assert "least energy" in sweep_text(swept)


def test_workload() -> None:
    assert "no samples recorded" in workload_table(shapes.TABLE["cnn"]())
