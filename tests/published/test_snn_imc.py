"""The study of spiking chips on small networks: what it computes, what it says, what it draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch

from axbar.data import load_data
from axbar.nn import EarlyExit
from axbar.published import snn_imc, snn_imc_networks, snn_imc_sweeps
from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.snn_imc_claims import crossing, slope
from axbar.workload import shapes


def test_slopes_and_crossings() -> None:
    x = [1.0, 2.0, 4.0]
    assert slope(x, [3.0, 12.0, 48.0]) == pytest.approx(2.0)
    assert crossing(x, [1.0, 2.0, 3.0], 2.5) == pytest.approx(2.0**1.5)
    assert crossing(x, [1.0, 2.0, 3.0], 5.0) is None and crossing(x, [2.0, 3.0, 4.0], 1.0) is None


def test_samples_leave_at_the_first_sure_step() -> None:
    sure, unsure = [9.0, 0.0], [0.1, 0.0]
    logits = torch.tensor([[sure, unsure], [sure, unsure], [sure, [0.0, 20.0]]])  # [T, samples, classes]
    read_out = EarlyExit(0.5)
    assert read_out.exit_step(logits).tolist() == [1, 3]
    assert read_out(logits).argmax(-1).tolist() == [0, 1]
    assert EarlyExit(1.0).exit_step(logits).tolist() == [1, 1]
    assert EarlyExit(0.0).exit_step(logits).tolist() == [3, 3]


def test_rates_replace_those_of_spikes_alone() -> None:
    workload = shapes.vgg9(steps=2)
    every = {layer.name: 0.5 for layer in workload.matmuls}
    changed = snn_imc_networks.with_rates(workload, every)
    first, *rest = changed.matmuls
    assert first.operands[0].rate == workload.matmuls[0].operands[0].rate
    assert all(layer.operands[0].rate == 0.5 for layer in rest)


def test_columns_behind_wires_lose_more_in_larger_arrays() -> None:
    held = [snn_imc_sweeps._held(n) for n in (4, 16, 64)]
    assert 1.0 > held[0] > held[1] > held[2] > 0.5


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The whole study on networks of one training epoch and few images."""
    folder = tmp_path_factory.mktemp("snn-imc")
    patch = pytest.MonkeyPatch()
    whole = load_data("fashion-mnist-small")
    small = whole.subset(train=100)
    patch.setattr(snn_imc, "load_data", lambda *_, **__: small)
    patch.setitem(snn_imc.SCALES, "quick", snn_imc.Scale((1, 4), 2, 1, 1, 1, 1, 20))
    try:
        return snn_imc.reproduce(folder, scale="quick"), folder
    finally:
        patch.undo()


def test_the_study_answers_every_question(study: tuple[Any, Path]) -> None:
    found, folder = study
    assert len(found.claims) == 17 and all(claim.ours and claim.gap for claim in found.claims)
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for shares in results["modules"].values():
        assert all(sum(share.values()) == pytest.approx(1.0) for share in shares.values())
    membranes = results["membranes"]
    assert membranes["step"]["area_m2"] == sorted(membranes["step"]["area_m2"])
    assert membranes["layer"]["area_m2"][-1] <= membranes["step"]["area_m2"][-1]
    moved = list(results["movement"].values())
    assert moved[1] < moved[0]  # a first layer that runs once reads its buffer once
    assert results["exit"]["mean_steps"] <= results["exit"]["T"]
    assert results["exit"]["exit_energy_J"] <= results["exit"]["energy_J"] * (1 + 1e-12)
    assert set(results["device_accuracy"]) == set(snn_imc_sweeps.DEVICES)
    assert all(0.0 <= row["chip"] <= 1.0 for row in results["device_accuracy"].values())
    for order in ("step", "layer"):
        rates = results["rates"][order]["energy_J"]
        assert rates == sorted(rates)
    assert (folder / "table.md").read_text(encoding="utf-8").count("## ") == 16


def test_the_figure_is_an_image_of_fifteen_panels(study: tuple[Any, Path]) -> None:
    image = ElementTree.fromstring((study[1] / "figure.svg").read_text(encoding="utf-8"))
    groups = image.findall("{http://www.w3.org/2000/svg}g")
    assert len(groups) == 15 and all(len(group) > 5 for group in groups)


def test_a_plot_places_values_on_linear_and_logarithmic_axes() -> None:
    lines = Lines(
        "title", [Series("a", [1.0, 10.0, 100.0], [1.0, None, 4.0], spread=(0.5, 0, 0.5))], "x", "y", True
    )
    bars = Bars("bars", ("g", "h"), {"a": [1.0, 2.0], "b": [3.0, 0.0]}, "y")
    drawn = figure([lines, bars], "caption & scale", "what it is")
    assert "caption &amp; scale" in drawn and drawn.count("<polyline") == 1
    points = drawn.partition('points="')[2].partition('"')[0].split()
    assert len(points) == 2  # a missing value is left out
    x = [float(p.partition(",")[0]) for p in points]
    assert x[1] > x[0]
