"""The same renders on what the cost room really returns."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from axbar import estimate
from axbar._report import Report
from axbar.cost.fair import beside_twin
from axbar.report import estimate_text, render_html, report_text, sweep_csv, sweep_text, workload_table
from axbar.report._view import amount
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
