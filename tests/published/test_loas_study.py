"""The study of dual-sparse accelerators on small tensors and a small network: what it counts, says and draws."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from axbar.cost.sparse import DATAFLOWS, LayerTensors, check_inputs, simulate_tensors
from axbar.data import load_data
from axbar.published import loas_counts, loas_facts, loas_priced, loas_skew, loas_study
from axbar.published.loas_counts import Case, decomposed
from axbar.published.loas_network import Recipe

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def layer() -> LayerTensors:
    """A layer with a full column and empty ones, so that columns are out of balance."""
    rng = np.random.default_rng(3)
    x = rng.random((4, 40, 200)) < 0.15
    w = (rng.random((200, 48)) < np.geomspace(0.6, 0.005, 48)).astype(np.int8)
    return check_inputs(x, rng.permutation(w, axis=1))


@pytest.fixture(scope="module")
def case(layer: LayerTensors) -> Case:
    masked = check_inputs(layer.spikes * (layer.spikes.sum(0) > 1), layer.weights)
    return Case("one layer", [layer], [masked])


def test_facts_are_the_golden_ones() -> None:
    name = "loas_expected_cycles.csv"
    shipped = Path(loas_facts.__file__).parent / "loas" / "simulator.csv"
    assert shipped.read_bytes() == (GOLDEN / name).read_bytes()
    lines = (GOLDEN / "loas_published.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(lines[1:]))
    for net, table in loas_facts.PUBLISHED.items():
        for ours, totals in table.items():
            theirs = {"loas-ft": "loas_ft", "loas": "loas", "loas-nmtk": "loas_nmtk"}.get(ours, f"{ours}_snn")
            own = [row for row in rows if (row["net"], row["dataflow"]) == (net, theirs)]
            assert own and totals.cycles == sum(int(row["cycles"]) for row in own)
            assert totals.ops == sum(int(row["effective_ops"]) for row in own)
            assert totals.dram_KB == pytest.approx(sum(float(row["dram_KB"]) for row in own), abs=1e-3)
            assert totals.sram_KB == pytest.approx(sum(float(row["sram_KB"]) for row in own), abs=1e-3)


def test_published_speedups_and_their_factors() -> None:
    found = loas_study._published_factors("resnet19")
    wanted = {"speedup": 8.51, "packing": 3.45, "mapping": 2.47, "over_perfect": 2.38}
    assert {name: round(found[name], 2) for name in wanted} == wanted
    alexnet = loas_study._published_factors("alexnet")
    assert [round(alexnet[name], 2) for name in ("speedup", "packing", "mapping", "over_perfect")] == [
        7.80, 3.00, 2.60, 1.79,
    ]  # fmt: skip


def test_factors_multiply_to_the_speedup(case: Case) -> None:
    levels = loas_counts.levels(case, ("published",))
    cycles = {name: float(row["published"]) for name, row in levels.items()}
    f = decomposed(cycles, levels["sparten"]["ops"], loas_ops=levels["loas"]["ops"])
    for pair in (("packing", "mapping"), ("balance", "over_perfect"), ("greedy", "over_greedy")):
        assert f[pair[0]] * f[pair[1]] == pytest.approx(f["speedup"])
    assert f["over_perfect"] == pytest.approx(f["fewer_ops"] * f["loas_use"])
    # a balance can't do better than equal work for all
    assert 1.0 < f["greedy"] <= f["balance"]


def test_cycles_are_the_engines_and_rise_with_the_level(case: Case, layer: LayerTensors) -> None:
    levels = loas_counts.levels(case)
    for name in ("sparten", "gospa", "gamma", "loas", "loas-nmtk", "ptb"):
        ours = simulate_tensors(layer, DATAFLOWS[name], "published")
        assert (levels[name]["published"], levels[name]["ops"]) == (ours.cycles, ours.ops)
    for row in levels.values():
        assert row["published"] <= row["join"] <= row["pipeline"]
    assert levels["loas-ft"]["ops"] < levels["loas"]["ops"]


def test_shuffling_keeps_the_counts_and_moves_the_places(case: Case, layer: LayerTensors) -> None:
    moved = loas_counts.shuffled(case, 0, weights=True, spikes=True).layers[0]
    assert (moved.weight_nnz, moved.spike_count) == (layer.weight_nnz, layer.spike_count)
    assert not np.array_equal(moved.mask, layer.mask) and not np.array_equal(moved.words, layer.words)
    same = loas_counts.shuffled(case, 0, weights=False, spikes=False).layers[0]
    assert np.array_equal(same.mask, layer.mask) and np.array_equal(same.words, layer.words)
    again = loas_counts.shuffled(case, 0, weights=True, spikes=True).layers[0]
    assert np.array_equal(again.mask, moved.mask)


def test_unequal_columns_slow_down_those_who_share_them_out(case: Case, layer: LayerTensors) -> None:
    equal, unequal = (loas_skew.skewed(case, spread, 0) for spread in (0.0, 2.0))
    for made in (equal, unequal):
        assert made.layers[0].weight_nnz == layer.weight_nnz
        assert np.array_equal(made.layers[0].weights, made.masked[0].weights)
        assert np.array_equal(made.layers[0].words, layer.words)
    ratio = {
        name: loas_counts.cycles_of(unequal, name, "published")
        / loas_counts.cycles_of(equal, name, "published")
        for name in ("sparten", "loas-nmtk", "loas", "gamma")
    }
    assert min(ratio["sparten"], ratio["loas-nmtk"]) > 1.5 * max(ratio["loas"], ratio["gamma"])


def test_circuits_and_formats(case: Case, layer: LayerTensors) -> None:
    cycles = loas_counts.circuits(case)
    assert cycles["join"] <= cycles["two-fast"] <= cycles["fast-laggy, held"] <= cycles["fast-laggy"]
    assert cycles["fast-laggy"] <= cycles["two-laggy"]
    found = loas_counts.formats([layer])
    assert found["dense"]["stored_bits"] == layer.steps * layer.words.size
    assert found["packed"]["stored_bits"] == layer.words.size + layer.steps * layer.firing_neurons
    shares = loas_counts.sparsities([layer])
    assert shares["AvSpA_origin"] > shares["AvSpA_packed"] > 0.0


def test_priced_layers_take_the_cycles_of_the_engine(case: Case) -> None:
    work = loas_priced.as_workload("one layer", case.layers)
    levels = loas_counts.levels(case, ("join",))
    table = loas_priced.presets(work, loas_priced.as_workload("masked", case.masked), "join")
    for name in ("sparten", "gospa", "loas", "loas-ft"):
        assert table[name]["latency_us"] >= levels[name]["join"] / 800 * (1 - 1e-9)
        parts = sum(table[name][part] for part in loas_priced.PARTS)
        assert parts == pytest.approx(table[name]["total"])
    costs = loas_priced.circuit_costs(work)
    areas = [costs[name]["pe_mm2"] for name in ("two-laggy", "fast-laggy", "two-fast")]
    assert areas == sorted(areas) and areas[1] == pytest.approx(0.0375)


def test_units_turn_the_ranking() -> None:
    sums = loas_priced.published_sums()
    for net, gospa in (("alexnet", 0.90), ("resnet19", 0.83)):
        assert round(loas_priced.efficiencies(sums[net]["corrected"])["gospa"], 2) == gospa
        assert loas_priced.efficiencies(sums[net]["published"])["gospa"] > 1


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """The whole study on a network of a few training steps; AlexNet's tensors cut to a layer."""
    folder = tmp_path_factory.mktemp("loas")
    patch = pytest.MonkeyPatch()
    small = load_data("fashion-mnist-small").subset(train=60, calibration=20, test=20)
    whole = loas_counts.synthetic_case("alexnet")
    tiny = Case("alexnet", whole.layers[:1], whole.masked[:1])
    recipe = Recipe(
        "spiking-vgg9", 4, 4, 60, rounds=1, rate=0.9, rewind=0, epochs=1, tune_epochs=1, test_images=20, floor=0.02
    )  # fmt: skip
    patch.setattr(loas_study, "load_data", lambda *_, **__: small)
    patch.setattr(loas_study.counts, "synthetic_case", lambda _: tiny)
    patch.setattr(loas_study.counts, "exactness", lambda _: dict.fromkeys(EXACT, 1))
    patch.setitem(loas_study.SCALES, "quick", loas_study.Scale(recipe, 1, ("alexnet",)))
    try:
        yield loas_study.reproduce(folder, scale="quick"), folder
    finally:
        patch.undo()


EXACT = ("rows", "equal", "simulated", "traffic_rows", "traffic_equal", "sums_checked")


def test_the_study_answers_every_question(study: tuple[Any, Path]) -> None:
    found, folder = study
    assert len(found.claims) == 23 and all(claim.ours and claim.gap for claim in found.claims)
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert set(results["stages"]) == {"dense", "pruned", "masked"}
    assert results["stages"]["pruned"]["weight_sparsity"] == pytest.approx(0.9, abs=0.01)
    assert results["real"]["shuffled"]["weights"]["fewer_ops"] > 0
    assert (folder / "table.md").read_text(encoding="utf-8").count("## ") == 14
    assert "speed-up" in found.text()


def test_a_second_call_reads_the_folder(study: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found, folder = study

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("counted again")

    monkeypatch.setattr(loas_study.counts, "levels", never)
    monkeypatch.setattr(loas_study.counts, "circuits", never)
    assert loas_study.reproduce(folder, scale="quick").claims == found.claims


def test_other_settings_are_counted_anew(tmp_path: Path) -> None:
    first = loas_study._Kept(tmp_path, {"seed": 0})
    assert first("a", lambda: 1) == 1 and first("a", lambda: 2) == 1
    assert replace(first, settings={"seed": 1})("a", lambda: 3) == 3


def test_the_figure_is_an_image_of_panels(study: tuple[Any, Path]) -> None:
    image = ElementTree.fromstring((study[1] / "figure.svg").read_text(encoding="utf-8"))
    groups = image.findall("{http://www.w3.org/2000/svg}g")
    assert len(groups) == 14 and all(len(group) > 5 for group in groups)
