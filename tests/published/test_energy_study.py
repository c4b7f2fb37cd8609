"""The study of energy on small networks: prices by hand, what it computes, what it says, what it draws."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from axbar.cost import estimate
from axbar.data import load_data
from axbar.published import energy_chips, energy_study, energy_sweeps, snn_imc_networks
from axbar.published.energy_claims import crossover_T, ranks, spearman, spiking
from axbar.published.energy_methods import BASELINE, EXIT, MASKED, PRUNED, TET, TICKET, Recipes, few_bits
from axbar.published.energy_sweeps import WORKS, as_published, mended, network_of
from axbar.workload import Workload, macs, shapes

GOLDEN = Path(__file__).parents[1] / "golden" / "sata_cycles.csv"


def test_ranks_share_the_mean_of_equal_values() -> None:
    assert ranks([5.0, 1.0, 5.0, 9.0]) == [2.5, 1.0, 2.5, 4.0]
    assert spearman([1.0, 2.0, 3.0], [10.0, 20.0, 70.0]) == pytest.approx(1.0)
    assert spearman([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(-1.0)


@pytest.mark.parametrize("name, within", [("TSSL-BP", 0.02), ("direct", 0.002), ("LTH", 0.01)])
def test_the_published_estimate_is_accumulates_times_its_price(name: str, within: float) -> None:
    """With operations on padding counted, as its code does."""
    work = next(work for work in WORKS if work.name == name)
    network = network_of(work.net, work.steps, 1.0 - work.sparsity)
    dense = sum(macs(layer) / len(layer.steps) for layer in network.matmuls)
    counted = dense * work.steps * (1.0 - work.sparsity)
    assert counted * energy_chips._ADD_J == pytest.approx(work.estimate_J, rel=within)


def test_the_published_networks_have_the_layers_of_its_simulations() -> None:
    with GOLDEN.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for net in ("VGG9", "CIFARNet7"):
        wanted = [(int(row["K"]), int(row["N"])) for row in rows if row["net"] == net]
        shapes_ = [layer.geometry for layer in network_of(net, 2, 0.1).matmuls]
        assert [(shape.fan_in, shape.fan_out) for shape in shapes_] == wanted


@pytest.mark.parametrize("net, name", [("VGG9", "BNTT"), ("CIFARNet7", "TSSL-BP")])
def test_the_published_dram_energy_is_a_block_per_byte(net: str, name: str) -> None:
    with GOLDEN.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(line for line in file if line[0] != "#") if row["net"] == net]
    moved = sum(int(row[key]) for row in rows for key in row if key.startswith("dram_"))
    work = next(work for work in WORKS if work.name == name)
    dram_J = work.shares[4] * work.energy_J
    assert moved * energy_sweeps.DRAM_nJ_PER_B * 1e-9 == pytest.approx(dram_J, rel=0.01)


def test_mended_charges_by_hand() -> None:
    work = replace(WORKS[0], shares=(0.1, 0.1, 0.1, 0.32, 0.38))
    left = mended(work)
    assert left["blocks"] == pytest.approx(0.3 + 0.32 / 32 + 0.38 / 128)
    assert left["lpddr4"] == pytest.approx(0.3 + 0.32 / 32 + 0.38 * 64 / 469)


@pytest.mark.parametrize("name", energy_chips.CHIPS)
def test_parts_are_the_whole(name: str) -> None:
    """Every component belongs to a part by name, none by default, and weights have the bits asked for."""
    workload = shapes.cnn(width=4)
    found = estimate(workload, energy_chips.chip(name, 4))
    assert sum(energy_chips.parts(found).values()) == pytest.approx(1.0)
    starts = [start for group in energy_chips.PARTS.values() for start in group]
    assert all(any(c.startswith(s) for s in starts) for c in found.components)
    assert found.plan.spec.values()[energy_chips.CHIPS[name][2]] == 4


def test_operations_after_an_exit_are_not_counted() -> None:
    layers = [
        {"in_channels": 4, "out_channels": 8, "in_size": 4, "rate": 1.0},
        {"in_channels": 8, "out_channels": 4, "in_size": 4, "rate": 1.0},
    ]
    shaped = Workload.from_layers(layers, steps=4)
    every = [
        replace(layer, operands=(replace(layer.operands[0], words=_all_on(layer.operands[0].shape)),))
        if layer.is_matmul
        else layer
        for layer in shaped.layers
    ]
    whole = replace(shaped, layers=tuple(every), samples=2)
    ac = energy_chips.conventional_J(whole)["ac"]
    early = energy_chips.conventional_J(replace(whole, exit_step=np.array([1, 3])))
    assert early["ac"] == pytest.approx(ac / 2) and early["int8"] == pytest.approx(0.05e-12 * ac / 2)


def _all_on(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.full((2, *shape), 0b1111, dtype=np.uint8)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The whole study on networks of one training epoch, few images and narrow shapes."""
    folder = tmp_path_factory.mktemp("energy")
    patch = pytest.MonkeyPatch()
    small = load_data("fashion-mnist-small").subset(train=128, calibration=64, test=100)
    narrow = SimpleNamespace(
        vgg9=lambda steps: shapes.vgg9(width=2, steps=steps),
        resnet19=lambda steps, rate: shapes.resnet19(width=4, steps=steps, rate=rate),
    )
    patch.setattr(energy_study, "load_data", lambda *_, **__: small)
    patch.setattr(energy_sweeps, "shapes", narrow)
    patch.setattr(snn_imc_networks, "shapes", narrow)
    patch.setattr(
        energy_study.chips, "why", lambda workload: {"energy": "why", "EDP": "why", "notes": ["nodes"]}
    )
    tiny = energy_study.Scale(
        Recipes((2, 4), 2, 1, 0.5, 1, 1, 1), 1, 1, (1, 2), (0.05, 0.3), (0, 5), "fashion-mnist-small"
    )
    patch.setitem(energy_study.SCALES, "quick", tiny)
    try:
        return energy_study.reproduce(folder, scale="quick"), folder
    finally:
        patch.undo()


def test_the_study_answers_every_question(study: tuple[Any, Path]) -> None:
    found, folder = study
    assert len(found.claims) == 12 and all(claim.ours and claim.gap for claim in found.claims)
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    methods = results["methods"]
    assert {BASELINE, TET, PRUNED, TICKET, MASKED, EXIT, few_bits()} <= set(spiking(results))
    assert methods[PRUNED]["weight_sparsity"] > 0.4 and methods[TICKET]["weight_sparsity"] > 0.2
    assert all(0.0 <= facts["accuracy"] <= 1.0 for facts in methods.values())
    assert methods[EXIT]["steps"] <= 4 and methods[EXIT]["estimate"]["ac"] <= methods[TET]["estimate"]["ac"]
    assert methods[few_bits()]["estimate"] == methods[BASELINE]["estimate"]  # accumulates know no bits
    for rows in results["priced"].values():
        assert set(rows) == set(methods)
        assert all(set(row) == set(energy_chips.CHIPS) for row in rows.values())
    assert (folder / "table.md").read_text(encoding="utf-8").count("## ") == 15


def test_methods_move_the_chips_they_are_made_for(study: tuple[Any, Path]) -> None:
    results = json.loads((study[1] / "results.json").read_text(encoding="utf-8"))
    rows = results["priced"][energy_chips.SHIPPED]
    array, sparse = "systolic", "dual-sparse"
    assert rows[few_bits()][array]["energy_J"] < rows[BASELINE][array]["energy_J"]
    assert rows[EXIT][array]["energy_J"] <= rows[TET][array]["energy_J"] * (1 + 1e-9)
    assert rows[PRUNED][sparse]["energy_J"] < rows[BASELINE][sparse]["energy_J"]


def test_training_costs_more_than_an_inference_and_less_with_gated_zeros(study: tuple[Any, Path]) -> None:
    results = json.loads((study[1] / "results.json").read_text(encoding="utf-8"))
    own = results["training"]["systolic"][BASELINE]
    assert own["energy_J"] > results["priced"][energy_chips.SHIPPED][BASELINE]["systolic"]["energy_J"]
    assert own["compute_J"] < own["blind_compute_J"]
    assert sum(own["phases"].values()) == pytest.approx(own["energy_J"])


def test_crossings_are_found_where_the_ratio_passes_one() -> None:
    def row(snn: float) -> dict[str, Any]:
        return {"snn": {"c": {"energy_J": snn}}, "ann": {"c": {"energy_J": 2.0}}}

    at, share = crossover_T({"1": row(1.0), "4": row(3.0)}, "c")
    assert at == pytest.approx(2.0) and share == [0.5, 1.5]
    assert crossover_T({"1": row(3.0), "4": row(4.0)}, "c")[0] is None


def test_published_rows_stand_beside_the_same_network() -> None:
    row = as_published([replace(WORKS[3], steps=2)])["BNTT"]
    assert row["net"] == "VGG9" and set(row["chips"]) == set(energy_chips.CHIPS)
    assert all(value["energy_J"] > row["estimate"]["published"] for value in row["chips"].values())


def test_the_figure_is_an_image_of_twelve_panels(study: tuple[Any, Path]) -> None:
    image = ElementTree.fromstring((study[1] / "figure.svg").read_text(encoding="utf-8"))
    groups = image.findall("{http://www.w3.org/2000/svg}g")
    assert len(groups) == 12 and all(len(group) > 5 for group in groups)
