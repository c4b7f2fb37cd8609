"""What makes a comparison unequal is said: leakage by two rules, dead networks, different work, equal chips."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from axbar._compare import Comparison, compare_workload, contenders
from axbar._compare_words import where
from axbar.cost import estimate
from axbar.errors import UsageError
from axbar.spec import load_hardware
from axbar.units import format_quantity
from axbar.workload import Workload, shapes

WHY = ("energy_J", "latency_s", "edp_Js", "area_m2")


def leaking(found: Comparison) -> list[str]:
    return [note for note in found.notes if "chip.power_gating" in note]


def test_leakage_that_others_are_charged_is_said_with_both_figures() -> None:
    network = shapes.cnn(steps=2)
    (note,) = leaking(compare_workload(network, ["imc-rram-65nm", "sata", "loas"]))
    assert note.startswith("imc-rram-65nm switches idle tiles off (chip.power_gating = tile, assumed)")
    assert "sata and loas leak all the time" in note
    gated, plain = (
        estimate(network, load_hardware("imc-rram-65nm", {"chip.power_gating": word}))
        for word in ("tile", "none")
    )
    assert plain.total("energy_J")[0] > gated.total("energy_J")[0]
    for one in (gated, plain):
        assert format_quantity(float(one.total("energy_J")[0]), "J") in note
        assert format_quantity(float(one.by_group("energy_J")["leakage"][0]), "J") in note


def test_chips_that_leak_by_one_rule_are_not_told_apart() -> None:
    network = shapes.cnn(steps=2)
    assert not leaking(compare_workload(network, ["imc-rram-65nm", "imc-rram-32nm"]))
    always = compare_workload(network, ["imc-rram-65nm", "sata"], overrides={"chip.power_gating": "none"})
    assert not leaking(always)
    mine = compare_workload(network, ["imc-rram-65nm", "sata"], overrides={"chip.power_gating": "array"})
    assert "arrays without weights off (chip.power_gating = array, set by you)" in leaking(mine)[0]


def test_a_network_that_never_fires_is_named() -> None:
    found = compare_workload(shapes.cnn(steps=2, rate=0.0), ["sata", "loas"])
    assert found.notes[0].startswith("no neuron fires: nothing is computed behind them")
    assert "check dt, thresholds or input scaling" in found.notes[0]
    for text in (found.render("txt"), unescape(found.render("html"))):
        assert " ".join(text.split()).count(found.notes[0]) == 1
    assert all(found.notes[0] in report.estimate.notes for report in found.reports)
    assert not [
        n for n in compare_workload(shapes.cnn(steps=2), ["sata", "loas"]).notes if n.startswith("no neuron")
    ]


def test_layers_that_no_spike_reaches_and_weights_of_zero_are_named() -> None:
    def weighted(network: Workload, zero: set[str]) -> Workload:
        layers = []
        for layer in network.layers:
            if layer.is_matmul:
                shape = layer.geometry
                kernel = () if layer.op == "linear" else tuple(shape.kernel)
                fan = shape.in_shape[0] if kernel else int(np.prod(shape.in_shape))
                weight = np.full((shape.out_shape[0], fan, *kernel), float(layer.name not in zero), "f4")
                layer = replace(layer, weight=weight)
                if layer.name == "fc1":
                    layer = replace(layer, operands=(replace(layer.operands[0], rate=0.0),))
            layers.append(layer)
        return replace(network, layers=tuple(layers))

    network = shapes.cnn(width=4, steps=2)
    every = {layer.name for layer in network.matmuls}
    notes = compare_workload(weighted(network, {"fc2"}), ["sata"]).notes
    assert notes[0].startswith("no neuron in front of fc1 fires")
    assert notes[1].startswith("all weights of fc2 are zero")
    notes = compare_workload(weighted(network, every), ["sata"]).notes
    assert notes[1].startswith("all weights of this network are zero")


def _fixed(network: Workload, weights: int, membranes: int) -> Workload:
    layers = [
        replace(layer, bits=weights)
        if layer.is_matmul
        else replace(layer, neuron=replace(layer.neuron, bits=membranes))
        if layer.neuron is not None
        else layer
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers))


def test_chips_of_other_bits_are_named_with_one_set_of_changes_for_all() -> None:
    network, chips = _fixed(shapes.cnn(steps=2), 4, 4), ["imc-rram-65nm", "sata", "loas"]
    with pytest.raises(UsageError) as error:
        compare_workload(network, chips)
    text = str(error.value)
    for words in (
        "neuron.membrane_bits is 22 on imc-rram-65nm", "weight_bits is 8 on sata", "neuron.membrane_bits is 16 on loas",
    ):  # fmt: skip
        assert words in text
    changes = text.partition("give --set ")[2].partition(",")[0].split(" --set ")
    assert sorted(changes) == ["neuron.membrane_bits=4", "weight_bits=4"]
    assert compare_workload(network, chips, overrides=changes).names == tuple(chips)
    with pytest.raises(UsageError, match=r"weight_bits is 8 on sata #1.*on sata #2"):
        compare_workload(network, ["sata", "sata"])
    with pytest.raises(
        UsageError, match=r"weight_bits is 8 on sata, .*give --set weight_bits=4 --set neuron\."
    ):
        estimate(network, "sata")


def test_layers_of_different_bits_fit_no_chip() -> None:
    network = _fixed(shapes.cnn(steps=2), 4, 16)
    first = next(i for i, layer in enumerate(network.layers) if layer.is_matmul)
    mixed = [replace(layer, bits=8) if i == first else layer for i, layer in enumerate(network.layers)]
    with pytest.raises(
        UsageError, match="no one weight_bits fits, because layers were fixed to 4 and 8 bits"
    ):
        compare_workload(replace(network, layers=tuple(mixed)), ["sata", "loas"])


def test_training_beside_inference_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sata: training step, loas: inference.*'sata:task=inference'"):
        contenders(["sata", "loas"], ["sata:task=training"])
    with pytest.raises(UsageError, match="imc-rram-65nm: inference, sata: training step"):
        compare_workload(shapes.cnn(), ["imc-rram-65nm", "sata"], overrides={"task": "training"})


def test_two_chips_that_train_are_compared_per_training_step() -> None:
    found = compare_workload(shapes.cnn(steps=2), ["sata", "sata"], overrides=["task=training"])
    assert found.work == "training step" and found.to_dict()["per"] == "training step"
    for form in ("txt", "html"):
        assert "all costs per training step" in found.render(form)
        assert "per inference" not in found.render(form)


def test_one_chip_is_the_only_one_compared() -> None:
    found = compare_workload(shapes.cnn(steps=2), ["sata"])
    assert all(found.why(quantity).endswith("; it is the only chip compared") for quantity in WHY)


def test_equal_chips_are_equal_and_one_of_them_can_be_changed() -> None:
    found = compare_workload(shapes.cnn(steps=2), ["sata", "sata"])
    for quantity in WHY:
        assert "sata #1 and sata #2 are equal" in found.why(quantity)
        assert "times as much" not in found.why(quantity)
    assert where(found, "energy_J") == {}
    changes = ["sata #2:dataflow=ws", "sata:clock_Hz=200e6"]
    pair = [spec.values() for _, spec in contenders(["sata", "sata"], changes)]
    assert [one["dataflow"] for one in pair] == ["os", "ws"]
    assert [one["clock_Hz"] for one in pair] == [200e6, 200e6]
    with pytest.raises(UsageError, match="sata #3"):
        contenders(["sata", "sata"], ["sata #3:dataflow=ws"])


def test_a_small_difference_keeps_its_digits() -> None:
    found = compare_workload(shapes.cnn(steps=2), ["sata", "sata"], overrides=["sata #2:clock_Hz=400.4e6"])
    assert "sata #1 takes 1.0010 times as much" in found.why("latency_s")
    third = compare_workload(shapes.cnn(steps=2), ["sata", "sata", "loas"])
    assert "sata #1 and sata #2 are equal" in third.why("area_m2")
    assert "; loas takes " in third.why("area_m2")


def test_products_have_one_unit_and_cycles_are_counts() -> None:
    found = compare_workload(shapes.vgg9(steps=2), ["sata", "loas"])
    assert "J·s" in found.why("edp_Js") and "J s" not in found.render("txt") + found.render("html")
    rows = json.loads(found.render("json"))["hardware"]
    assert [type(row["cycles"]) for row in rows] == [int, int]


def test_a_note_that_is_a_warning_too_is_said_once() -> None:
    found = compare_workload(shapes.cnn(), ["sata", "loas"], overrides={"sata:dram.kind": "none"})
    assert "; " in found.reports[0].estimate.warnings[0]  # two warnings in one text
    for text in (found.render("txt"), unescape(found.render("html"))):
        said = " ".join(text.split())
        assert "sata, sata:" not in said
        assert said.count("layer 'conv1' has sums") == said.count("dram.kind is none, so") == 1
