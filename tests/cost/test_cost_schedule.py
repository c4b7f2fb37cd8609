"""Pipelines of layers, and step-by-step against layer-by-layer order."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, small_network

from axbar.cost import estimate
from axbar.cost._types import QUANTITIES
from axbar.cost.imc import count
from axbar.workload import shapes


def test_without_a_pipeline_one_image_follows_the_other() -> None:
    done = estimate(shapes.vgg9(), chip())
    assert done.throughput_Hz[0] == 1.0 / done.total("latency_s")[0]
    assert done.to_dict()["throughput_Hz"] == done.throughput_Hz[0]


def test_a_pipeline_takes_all_steps_of_the_slowest_layer_and_one_of_each_other() -> None:
    steps = 4
    alone = estimate(shapes.vgg9(steps=steps), chip(chip__power_gating="none"))
    both = estimate(shapes.vgg9(steps=steps), chip(mapping__pipeline="layers", chip__power_gating="none"))
    whole, share = alone.by_layer("latency_s")[0], both.by_layer("latency_s")[0]
    shared = sum(alone.latency_s[0, :, alone.components.index(name)] for name in ("global_buffer", "dram"))
    slowest = int(whole.argmax())
    assert both.throughput_Hz[0] == 1.0 / whole[slowest]
    assert share[slowest] == whole[slowest]
    for i in range(1, len(whole)):  # all but the image's layer run on every step
        if i != slowest:
            hidden = (whole[i] - shared[i]) * (1 - 1 / steps)
            assert share[i] == pytest.approx(whole[i] - hidden, rel=1e-12)
    # the image is read once as a whole; its neurons' first step is a quarter of theirs
    first, at = alone.latency_s[0, 0], alone.components.index
    neurons = first[at("lif")] + first[at("membrane")]
    if slowest != 0:
        assert share[0] == pytest.approx(whole[0] - neurons * (1 - 1 / steps), rel=1e-12)
    assert both.total("latency_s")[0] == pytest.approx(share.sum(), rel=1e-12)


def test_a_pipeline_leaks_for_one_image_at_a_time() -> None:
    spec = chip(mapping__pipeline="layers", chip__power_gating="none")
    done = estimate(shapes.vgg9(), spec)
    leaked = done.by_component("energy_J")[0, done.components.index("leakage")]
    assert leaked == pytest.approx(done.total("leakage_W")[0] / done.throughput_Hz[0], rel=1e-12)
    alone = estimate(shapes.vgg9(), chip(chip__power_gating="none"))
    at = alone.components.index("leakage")
    assert (np.delete(done.energy_J[0], at, axis=1) == np.delete(alone.energy_J[0], at, axis=1)).all()
    assert (done.area_m2 == alone.area_m2).all()


def test_layer_by_layer_a_pipeline_works_on_several_images() -> None:
    alone = estimate(shapes.vgg9(), chip(mapping__order="layer"))
    both = estimate(shapes.vgg9(), chip(mapping__order="layer", mapping__pipeline="layers"))
    assert both.total("latency_s")[0] == alone.total("latency_s")[0]
    assert both.throughput_Hz[0] == 1.0 / alone.by_layer("latency_s")[0].max()


def test_explain_says_that_the_pipeline_hides_time() -> None:
    done = estimate(shapes.vgg9(), chip(mapping__pipeline="layers"))
    explained = done.explain("adc.latency")
    assert "share by which the layer delays" in explained.text()
    assert sum(explained.by_layer) == pytest.approx(
        done.by_component("latency_s")[0, done.components.index("adc")]
    )
    assert "share by which" not in done.explain("adc.energy").text()


def test_a_pipeline_can_be_swept() -> None:
    done = estimate(
        shapes.vgg9(), chip(), {"mapping.pipeline": ["none", "layers", "none"], "adc.bits": [4, 5, 4]}
    )
    single = estimate(shapes.vgg9(), chip(mapping__pipeline="layers"))
    for quantity in QUANTITIES:
        assert done.total(quantity)[1] == single.total(quantity)[0]
    assert done.throughput_Hz[1] == single.throughput_Hz[0] == done.at(1).throughput_Hz[0]
    assert done.throughput_Hz[0] == done.throughput_Hz[2] < done.throughput_Hz[1]


def test_layer_by_layer_membranes_stay_in_the_units_and_sums_need_not_wait() -> None:
    step, layer = (count(small_network(), chip(mapping__order=order)) for order in ("step", "layer"))
    for name in ("membranes", "membrane_updates", "membrane_steps"):
        assert (step.counts[name][:2] > 0).all() and (layer.counts[name] == 0).all(), name
    assert (layer.counts["lif_updates"] == step.counts["lif_updates"]).all()
    assert step.counts["sums_read"][0] > 0 == layer.counts["sums_read"][0]
    # the inputs of all four steps must be at hand, and are sent as one map
    assert (layer.counts["window_bits"] == step.counts["window_bits"] * [1, 4, 4]).all()
    assert layer.counts["transfers"].tolist() == [1, 1, 1]
    assert (layer.counts["reads"] == step.counts["reads"]).all()
    done = estimate(small_network(), chip(mapping__order="layer"))
    for quantity in QUANTITIES:
        assert (getattr(done, quantity)[0, :, done.components.index("membrane")] == 0).all(), quantity
