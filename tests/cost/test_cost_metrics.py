"""Figures of merit: by hand on one layer, consistent with totals, honest about what was not recorded."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from cost_cases import chip, neuron, product, silent, small_network, spiking

from axbar._report import estimate_report
from axbar.cost import estimate
from axbar.cost.metrics import dense_operations, synaptic_operations
from axbar.report import estimate_text, render_html
from axbar.spec import load_hardware
from axbar.workload import LayerTrace, Operand, Workload, shapes
from axbar.workload._types import Geometry


def one_layer(steps: int = 4) -> Workload:
    """A linear layer of 6 inputs and 3 outputs; input 0 spikes on every step, the others never."""
    words = np.zeros((2, 6), dtype=np.uint8)
    words[:, 0] = 2**steps - 1
    where = Geometry((6,), (3,))
    operand = Operand((6,), steps=steps, words=words)
    layer = product("fc", where, operand, np.random.default_rng(0))
    return Workload("one", (layer, neuron("lif", "fc", (3,), steps)), steps, samples=2)


def test_operations_by_hand() -> None:
    network = one_layer(steps=4)
    assert dense_operations(network) == 2 * 6 * 3 * 4  # two per multiply-accumulate, all steps, zeros too
    assert synaptic_operations(network) == 3 * 4  # one input reaches three weights on each of four steps


def test_early_exits_perform_less() -> None:
    network = dataclasses.replace(one_layer(steps=4), exit_step=np.array([1, 3]))
    assert dense_operations(network) == pytest.approx(2 * 6 * 3 * 2)
    assert synaptic_operations(network) == pytest.approx(3 * 2)


def test_figures_follow_from_the_totals() -> None:
    found = estimate(small_network(), chip(), {"adc.bits": [4, 5, 6]})
    energy, latency, area = (found.total(q) for q in ("energy_J", "latency_s", "area_m2"))
    value = {name: metric.value for name, metric in found.metrics.items()}
    dense, performed = dense_operations(small_network()), synaptic_operations(small_network())
    assert performed is not None
    np.testing.assert_array_equal(value["fps"], found.throughput_Hz)
    np.testing.assert_allclose(value["power_W"], energy * found.throughput_Hz)
    np.testing.assert_allclose(value["tops_per_W"], dense / energy / 1e12)
    np.testing.assert_allclose(value["tops_per_mm2"], dense * found.throughput_Hz / (area * 1e6) / 1e12)
    np.testing.assert_allclose(value["tsops_per_W"], performed / energy / 1e12)
    np.testing.assert_allclose(value["energy_per_synop_J"], energy / performed)
    np.testing.assert_allclose(value["edap_Jsm2"], energy * latency * area)
    # watts and joules agree: TOPS/W is TOPS over W
    tops = dense * found.throughput_Hz / 1e12
    np.testing.assert_allclose(value["tops_per_W"], tops / value["power_W"])


def test_sparser_inputs_perform_less_at_the_same_dense_count() -> None:
    busy, idle = small_network(rate=0.4), small_network(rate=0.1)
    assert dense_operations(busy) == dense_operations(idle)
    assert (synaptic_operations(busy) or 0) > (synaptic_operations(idle) or 0)


def test_what_was_not_recorded_or_not_performed_is_no_figure() -> None:
    found = estimate(silent(small_network()), chip()).metrics
    assert found["tsops_per_W"].value is None and found["energy_per_synop_J"].text() == "not recorded"
    assert found["tops_per_W"].value is not None


def test_definitions_name_the_widths_and_survive_json() -> None:
    found = estimate(small_network(), chip(crossbar__weight_bits=3, input__bits=6))
    told = json.loads(json.dumps(found.to_dict()))["metrics"]
    assert "3-bit weights x 1-bit inputs (6-bit in conv1)" in told["tops_per_W"]["definition"]
    assert all(entry["unit"] and entry["definition"] and entry["label"] for entry in told.values())


def test_units() -> None:
    network = small_network()
    found = estimate(network, chip()).metrics
    assert found["fps"].text().endswith(" 1/s")
    assert found["power_W"].text().endswith("W")
    assert found["edap_Jsm2"].text().endswith("J·s·m²")
    assert found["edp_Js"].text().endswith("J·s")


def test_spikes_alone_need_no_other_width() -> None:
    rng = np.random.default_rng(1)
    where = Geometry((6,), (3,))
    layer: LayerTrace = product("fc", where, spiking(rng, (6,)), rng)
    found = estimate(Workload("spikes", (layer,), 4, samples=2), chip()).metrics
    assert "x 1-bit inputs is" in found["tops_per_W"].definition


def test_a_training_step_is_not_divided_by_forward_operations() -> None:
    network, base = shapes.cnn(steps=2), load_hardware("sata")
    found = {task: estimate(network, base.replace({"task": task})) for task in ("inference", "training")}
    counting = {"tops_per_W", "tops_per_mm2", "tsops_per_W", "tsops_per_mm2", "energy_per_synop_J"}
    assert set(found["inference"].metrics) - set(found["training"].metrics) == counting
    assert found["training"].metrics["fps"].label == "training steps per second"
    assert found["training"].conventional is None and found["training"].to_dict()["conventional"] is None
    assert (found["inference"].conventional or {})["energy_J"] > 0
    for task, told in (("inference", True), ("training", False)):
        spec = base.replace({"task": task})
        report = estimate_report(network, base, spec, model="cnn")
        for text in (estimate_text(found[task], spec), render_html(report)):
            for words in ("conventional estimate", "TOPS/W", "synaptic operation"):
                assert (words in " ".join(text.split())) is told
    both = estimate(network, base, {"task": np.array(["inference", "training"])})
    assert not counting & set(both.metrics) and both.conventional is None
    assert counting <= set(both.at(0).metrics) and both.at(0).conventional
