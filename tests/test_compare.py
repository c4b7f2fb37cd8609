"""One network on many chips: the same spikes, equal to single evaluations, honest sums and winners."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

import axbar
from axbar._compare import COMPARED, Comparison, compare_workload, contenders
from axbar._compare_words import where
from axbar.data import Dataset
from axbar.errors import UsageError
from axbar.nn import LIF
from axbar.spec import load_hardware
from axbar.workload import shapes

CHIPS = ("imc-rram-65nm", "imc-sram-28nm", "imc-rram-32nm")


@pytest.fixture(scope="module")
def by_shape() -> Comparison:
    return compare_workload(shapes.cnn(steps=4), CHIPS)


def test_each_chip_is_estimated_as_alone(by_shape: Comparison) -> None:
    for chip, report in zip(CHIPS, by_shape.reports, strict=True):
        alone = axbar.estimate(shapes.cnn(steps=4), chip)
        for quantity in ("energy_J", "latency_s", "area_m2", "leakage_W"):
            assert report.total(quantity) == float(alone.total(quantity)[0])


def test_groups_and_layers_add_up_to_each_chip(by_shape: Comparison) -> None:
    for quantity in ("energy_J", "latency_s", "area_m2"):
        whole = by_shape.values(quantity)
        for table in (by_shape.by_group(quantity), by_shape.by_layer(quantity)):
            np.testing.assert_allclose(np.sum(list(table.values()), axis=0), whole, rtol=1e-12)


def test_ratios_refer_to_the_first_and_the_least_wins(by_shape: Comparison) -> None:
    for quantity in COMPARED:
        values = by_shape.values(quantity)
        assert by_shape.ratios(quantity)[0] == 1.0
        best = by_shape.ranked(quantity)[0]
        assert values[best] == min(values)
    assert by_shape.names[by_shape.ranked("energy_J")[0]] in by_shape.why("energy_J")


def test_a_chip_on_which_nothing_fits_never_wins() -> None:
    small = load_hardware("imc-sram-28nm", {"chip.max_tiles": 1})
    found = compare_workload(shapes.vgg9(steps=2), ["imc-rram-65nm", small])
    assert found.ranked("energy_J") == (0,)
    assert "only one" in found.why("energy_J")
    assert found.to_dict()["hardware"][1]["reason"]
    assert "does not fit" in found.render("txt") and 'role="alert"' in found.render("html")


def test_layers_are_won_by_one_chip_each(by_shape: Comparison) -> None:
    won = where(by_shape, "energy_J")
    assert sorted(name for layers in won.values() for name in layers) == sorted(by_shape.by_layer("energy_J"))


def test_changes_reach_every_chip_that_has_the_path() -> None:
    found = contenders(CHIPS, ["technology.node_m=28nm", "wires.r_row_ohm=2"])
    assert all(spec.values()["technology.node_m"] == 28e-9 for _, spec in found)
    assert found[0][0].values()["technology.node_m"] == 65e-9
    with pytest.raises(UsageError, match="any of these chips"):
        contenders(CHIPS, ["crossbar.rowz=2"])
    with pytest.raises(UsageError, match="PATH=VALUE"):
        contenders(CHIPS, ["crossbar.rows"])
    with pytest.raises(UsageError, match="no chip"):
        contenders([])


def test_namesakes_are_told_apart() -> None:
    slow = load_hardware("imc-rram-65nm", {"clock_Hz": 1e8})
    found = compare_workload(shapes.cnn(), ["imc-rram-65nm", slow])
    assert found.names == ("imc-rram-65nm #1", "imc-rram-65nm #2")


def test_unequal_nodes_are_said() -> None:
    assert any("different nodes" in note for note in compare_workload(shapes.cnn(), CHIPS).notes)
    equal = compare_workload(shapes.cnn(), CHIPS, overrides={"technology.node_m": 28e-9})
    assert not equal.notes


def test_forms_hold_all_figures(by_shape: Comparison) -> None:
    loaded = json.loads(by_shape.render("json"))
    assert [row["energy_J"] for row in loaded["hardware"]] == list(by_shape.values("energy_J"))
    rows = list(csv.DictReader(io.StringIO(by_shape.render("csv"))))
    for name, whole in zip(by_shape.names, by_shape.values("energy_J"), strict=True):
        values = [float(r["value"]) for r in rows if r["hardware"] == name and r["quantity"] == "energy"]
        assert sum(values) == pytest.approx(whole)
    page = by_shape.render("html")
    assert page.count('class="chart stacked"') == 3 and "http" not in page.replace("http://www.w3.org", "")


def test_a_page_escapes_names() -> None:
    odd = replace_name("<b>odd</b>")
    page = compare_workload(shapes.cnn(), [odd, "imc-rram-65nm"]).render("html")
    assert "<b>odd</b>" not in page and "&lt;b&gt;odd" in page


def replace_name(name: str):
    return load_hardware("imc-rram-65nm").model_copy(update={"name": name})


def test_one_trace_and_the_accuracy_of_a_single_evaluation() -> None:
    y = np.repeat(np.arange(4), 50)
    x = (y[:, None, None, None] * 60 + np.zeros((200, 1, 6, 6))).astype(np.uint8)
    data = Dataset.from_arrays("sorted", (x, y), (x, y))
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), LIF())
    found = axbar.compare(network, data, CHIPS[:2], chips=2, seed=3)
    assert len({report.trace["hash"] for report in found.reports}) == 1
    alone = axbar.evaluate(network, data, CHIPS[1], chips=2, seed=3, waterfall=0)
    one = found.reports[1]
    assert one.accuracy == alone.accuracy
    assert replace(one, run={}).to_dict() == replace(alone, run={}, bottlenecks=None).to_dict()


def test_a_change_may_be_of_one_chip_alone_and_errors_name_the_chip() -> None:
    found = contenders(["imc-rram-65nm", "sata"], ["sata:dataflow=ws", "technology.node_m=28nm"])
    assert found[1][1].values()["dataflow"] == "ws"
    assert found[0][1].values()["technology.node_m"] == 28e-9
    with pytest.raises(UsageError, match="sata: "):
        contenders(["imc-rram-65nm", "sata"], ["weight_bits=99"])
    with pytest.raises(UsageError, match="chip in a change 'loas'"):
        contenders(["sata"], ["loas:dataflow=gamma"])


def test_a_silent_network_has_no_ratio_and_is_still_written() -> None:
    silent = shapes.cnn(steps=2, rate=0.0)
    found = compare_workload(silent, ["loas", "sata"], overrides={"fidelity": "published"})
    json.loads(found.render("json"))  # strict: no NaN
    assert found.render("txt") and found.render("html")


def test_one_chip_may_be_given_by_itself() -> None:
    workload = shapes.cnn(width=4)
    for chip in ("sata", load_hardware("sata")):
        assert compare_workload(workload, chip).names == ("sata",)


def test_what_is_no_workload_is_named() -> None:
    with pytest.raises(UsageError, match=r"a workload is needed, got str 'vgg9'; .*shapes\.vgg9\(\)"):
        compare_workload("vgg9", ["sata"])


def test_a_form_that_there_is_not_names_the_suffixes(by_shape: Comparison, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"no form 'pdf'; .* ends in \.csv, \.html, \.json, \.txt"):
        by_shape.save(tmp_path / "x.pdf")
    assert not list(tmp_path.iterdir())
