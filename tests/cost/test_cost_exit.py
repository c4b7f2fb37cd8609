"""Early exit, and a first layer that is computed on every step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cost_cases import chip, real, small_network, spiking

from axbar.cost import estimate
from axbar.cost._charged import charged
from axbar.cost.imc import count
from axbar.errors import UsageError
from axbar.workload import Operand, Workload, shapes, unpack


def _leaving(stops: list[int], workload: Workload | None = None) -> Workload:
    return dataclasses.replace(workload or small_network(), exit_step=np.array(stops))


def _alone(sample: int, steps: int) -> Workload:
    """One sample of the small network, traced for so many steps."""
    layers = []
    for layer in small_network().layers:
        operands = []
        for operand in layer.operands:
            words = operand.words[sample : sample + 1]
            if operand.coding == "spikes":
                words = words & np.uint8(2**steps - 1)
                operand = dataclasses.replace(operand, steps=steps)
            operands.append(dataclasses.replace(operand, words=words))
        kept = tuple(s for s in layer.steps if s < steps)
        layers.append(dataclasses.replace(layer, operands=tuple(operands), steps=kept))
    return Workload("one", tuple(layers), steps, samples=1)


def test_counts_are_the_means_of_samples_that_run_alone() -> None:
    stops = [2, 3]  # a sample of one step alone would park no sums of the first layer
    together = count(_leaving(stops), chip())
    single = [count(_alone(i, n), chip()) for i, n in enumerate(stops)]
    structure = {"tile_rows", "window_bits", "carry_bits", "held_bits", "map_bits", "wakes", "outliving"}
    for name, value in together.counts.items():
        if name not in structure:
            mean = (single[0].counts[name] + single[1].counts[name]) / 2
            np.testing.assert_allclose(value, mean, rtol=1e-12, err_msg=name)


def test_energy_and_latency_fall_to_the_mean_of_samples_and_area_stays() -> None:
    spec = chip(chip__power_gating="none")
    full, early = estimate(small_network(), spec), estimate(_leaving([1, 3]), spec)
    assert early.total("energy_J")[0] < full.total("energy_J")[0]
    single = [estimate(_alone(i, n), spec) for i, n in enumerate([1, 3])]
    mean_s = np.mean([one.total("latency_s")[0] for one in single])
    assert early.total("latency_s")[0] == pytest.approx(
        mean_s, rel=0.01
    )  # whole words and transfers round up
    mean_J = np.mean([one.total("energy_J")[0] for one in single])
    assert early.total("energy_J")[0] == pytest.approx(mean_J, rel=0.02)
    assert (early.area_m2 == full.area_m2).all()
    assert (early.leakage_W == full.leakage_W).all()
    assert not any("early exit" in note for note in early.notes)


@pytest.mark.parametrize("gating", ["none", "tile"])
def test_the_energy_delay_product_is_the_mean_over_samples(gating: str) -> None:
    spec = chip(chip__power_gating=gating)
    early = estimate(_leaving([1, 4]), spec)
    single = [estimate(_alone(i, n), spec) for i, n in enumerate([1, 4])]
    assert early.edp_Js[0] == pytest.approx(np.mean([one.edp_Js[0] for one in single]), rel=0.03)
    assert early.edp_Js[0] > 1.02 * early.total("energy_J")[0] * early.total("latency_s")[0]
    same = estimate(_leaving([2, 2]), spec)
    assert same.edp_Js[0] == same.total("energy_J")[0] * same.total("latency_s")[0]
    assert early.to_dict()["edp_Js"] == early.edp_Js[0] == early.metrics["edp_Js"].value[0]


def test_the_product_of_a_sweep_is_that_of_its_points() -> None:
    bits = [4, 6]
    swept = estimate(_leaving([1, 4]), chip(), {"adc.bits": bits})
    alone = [estimate(_leaving([1, 4]), chip(), {"adc.bits": [b]}).edp_Js[0] for b in bits]
    assert swept.edp_Js.tolist() == alone


def test_mean_steps_and_histogram() -> None:
    done = estimate(_leaving([1, 3]), chip())
    assert (done.mean_steps, done.exit_histogram) == (2.0, {1: 1, 3: 1})
    found = done.to_dict()
    assert (found["mean_steps"], found["exit_histogram"]) == (2.0, {"1": 1, "3": 1})
    plain = estimate(small_network(), chip())
    assert (plain.mean_steps, plain.exit_histogram) == (4.0, {})


def test_all_steps_are_the_same_as_no_exit() -> None:
    stay, none = estimate(_leaving([4, 4]), chip()), estimate(small_network(), chip())
    assert (stay.energy_J == none.energy_J).all() and (stay.latency_s == none.latency_s).all()


def test_rates_are_charged_for_the_mean_steps() -> None:
    half = _leaving([1, 3], shapes.vgg9(steps=4))
    done, full = (count(w, chip()) for w in (half, shapes.vgg9(steps=4)))
    np.testing.assert_allclose(done.counts["row_activations"][1:], full.counts["row_activations"][1:] / 2)
    assert done.counts["row_activations"][0] == full.counts["row_activations"][0]


@pytest.mark.parametrize("stops", [[0, 3], [1, 5], []])
def test_steps_that_do_not_exist_are_refused(stops: list[int]) -> None:
    with pytest.raises(UsageError, match="exit_step of workload 'small' must name a step from 1 to 4"):
        count(_leaving(stops), chip())


def test_one_step_per_sample() -> None:
    with pytest.raises(UsageError, match="names 3 samples, but 2 were recorded"):
        count(_leaving([1, 2, 3]), chip())


def test_real_inputs_of_later_steps_are_struck_out() -> None:
    rng = np.random.default_rng(0)
    net = small_network()
    constant = dataclasses.replace(real(rng, (12 * 36,)), steps=4)
    stepped = dataclasses.replace(
        constant, words=rng.integers(0, 256, (2, 4, 12 * 36)).astype(np.uint8), per_step=True
    )
    for operand in (constant, stepped):
        layers = (*net.layers[:-1], dataclasses.replace(net.layers[-1], operands=(operand,)))
        kept = (
            charged(_leaving([1, 3], Workload("real", layers, 4, samples=2)), "once").layers[-1].operands[0]
        )
        whole = operand.words if operand.per_step else np.repeat(operand.words[:, None], 4, axis=1)
        assert (kept.words[0, :1] == whole[0, :1]).all() and not kept.words[0, 1:].any()
        assert (kept.words[1, :3] == whole[1, :3]).all() and not kept.words[1, 3:].any()


def test_signed_spikes_lose_their_late_signs() -> None:
    rng = np.random.default_rng(1)
    where = (12 * 36,)
    spikes, signs = spiking(rng, where, rate=0.6), spiking(rng, where, rate=0.5)
    operand = Operand(where, "signed", steps=4, words=spikes.words, negative=signs.words & spikes.words)
    layers = (
        *small_network().layers[:-1],
        dataclasses.replace(small_network().layers[-1], operands=(operand,)),
    )
    kept = charged(_leaving([1, 3], Workload("signed", layers, 4, samples=2)), "once").layers[-1].operands[0]
    for now, before in ((kept.words, operand.words), (kept.negative, operand.negative)):
        assert (unpack(now[0], 4)[1:] == 0).all() and (unpack(now[1], 4)[3:] == 0).all()
        assert (unpack(now[1], 4)[:3] == unpack(before[1], 4)[:3]).all()


def test_a_first_layer_on_every_step_is_read_again_and_keeps_no_sums() -> None:
    once, again = (count(small_network(), chip(mapping__first_layer=f)) for f in ("once", "every_step"))
    for name in ("reads", "conversions", "row_activations", "level_drive", "transport_bits"):
        assert again.counts[name][0] == 4 * once.counts[name][0], name
        assert again.counts[name][1] == once.counts[name][1], name
    assert once.counts["sums_read"][0] > 0 == again.counts["sums_read"][0]


def test_a_first_layer_of_spikes_runs_on_its_steps_anyway() -> None:
    rng = np.random.default_rng(2)
    net = small_network()
    first = dataclasses.replace(net.layers[0], operands=(spiking(rng, (3, 6, 6)),), steps=(0, 1, 2, 3))
    spiked = dataclasses.replace(net, layers=(first, *net.layers[1:]))
    once, again = (count(spiked, chip(mapping__first_layer=f)) for f in ("once", "every_step"))
    assert all((once.counts[name] == again.counts[name]).all() for name in once.counts)


def test_the_conventional_estimate_leaves_out_steps_that_did_not_run() -> None:
    whole, left = (estimate(_leaving(stops), chip()).conventional for stops in ([4, 4], [1, 1]))
    assert left["ac"] < whole["ac"] and left["mac"] == whole["mac"]
