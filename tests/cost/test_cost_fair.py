"""The ANN twin of a spiking network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cost_cases import chip, small_network

from axbar.cost import estimate
from axbar.cost.fair import ann_bits, as_ann, beside_twin, compare
from axbar.cost.imc import count
from axbar.errors import UsageError
from axbar.workload import Operand, macs, popcount, shapes


@pytest.mark.parametrize(("steps", "bits"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (16, 5)])
def test_bits_hold_the_spike_count(steps: int, bits: int) -> None:
    assert ann_bits(steps) == bits


def test_the_twin_has_the_same_layers_one_step_and_no_membranes() -> None:
    spiking = small_network()
    twin = as_ann(spiking)
    assert twin.steps == 1 and not twin.neurons
    assert [layer.name for layer in twin.layers] == [layer.name for layer in spiking.layers]
    for before, now in zip(spiking.matmuls, twin.matmuls, strict=True):
        assert now.geometry == before.geometry and now.weight is before.weight
        assert macs(now) * len(before.steps) == macs(before)
    events = count(twin, chip(input__bits=3))
    assert not events.counts["neurons"].any() and not events.counts["membranes"].any()
    assert events.counts["reads"].tolist() == [36 * 3, 36 * 3, 3]


def test_codes_are_spike_counts_over_the_steps() -> None:
    before, now = (w.layer("conv2").operands[0] for w in (small_network(), as_ann(small_network(), 8)))
    counts = popcount(before.words)
    assert now.bits == 8 and now.coding == "real"
    np.testing.assert_array_equal(now.words, np.rint(counts / 4 * 255))
    np.testing.assert_allclose(now.words * now.scale, counts, atol=0.5 * now.scale)


def test_signed_spikes_count_with_their_sign() -> None:
    operand = Operand(
        (3,), "signed", steps=4,
        words=np.array([[0b1111, 0b0111, 0b0001]], np.uint8), negative=np.array([[0b0001, 0b0111, 0]], np.uint8),
    )  # fmt: skip
    net = small_network()
    layer = dataclasses.replace(net.layers[-1], operands=(operand,))
    twin = as_ann(dataclasses.replace(net, layers=(*net.layers[:-1], layer)))
    now = twin.layers[-1].operands[0]
    assert now.words.tolist() == [[round(2 / 4 * 7), round(3 / 4 * 7), round(1 / 4 * 7)]]
    assert now.negative.tolist() == [[False, True, False]]


def test_rates_become_the_mean_bits_of_binomial_counts() -> None:
    rng = np.random.default_rng(0)
    rate = as_ann(shapes.cnn(steps=4, rate=0.3), 3).matmuls[1].operands[0].rate
    drawn = popcount(np.rint(rng.binomial(4, 0.3, 200_000) * 7 / 4).astype(np.uint8)).mean() / 3
    assert rate == pytest.approx(drawn, rel=0.01)
    certain = [as_ann(shapes.cnn(rate=r)).matmuls[1].operands[0].rate for r in (0.0, 1.0)]
    assert certain == [0.0, 1.0]


def test_both_on_one_chip() -> None:
    spec = chip()
    fair = compare(small_network(), spec)
    assert fair.bits == 3
    assert fair.snn.total("energy_J")[0] == estimate(small_network(), spec).total("energy_J")[0]
    assert fair.ratio("energy_J")[0] == fair.ann.total("energy_J")[0] / fair.snn.total("energy_J")[0]
    behind = fair.ann.by_layer("latency_s")[0, 1:].sum() / fair.snn.by_layer("latency_s")[0, 1:].sum()
    assert fair.ratio_behind_first("latency_s")[0] == pytest.approx(behind)
    assert set(fair.to_dict()) == {"bits", "snn", "ann", "ratio", "ratio_behind_first"}
    wide = compare(small_network(), spec, 8)
    assert wide.ratio("energy_J")[0] > fair.ratio("energy_J")[0]


def test_codes_have_one_to_eight_bits() -> None:
    with pytest.raises(UsageError, match="activations of 1 to 8 bits, got 9"):
        as_ann(small_network(), 9)


def test_a_sentence_says_what_the_twin_takes() -> None:
    found = compare(shapes.cnn(steps=4), "imc-rram-65nm")
    assert found.text().startswith("Its ANN twin of 3-bit activations on the same chip: ")
    assert f"{found.ratio('energy_J')[0]:.2f} of the energy" in found.text()


def test_an_estimate_stands_beside_its_twin() -> None:
    one = estimate(small_network(), chip())
    found, same = beside_twin(one), compare(small_network(), chip())
    assert found is not None and found.snn is one and found.to_dict() == same.to_dict()


def test_there_is_no_twin_without_neurons_but_one_of_all_steps() -> None:
    assert beside_twin(estimate(as_ann(small_network()), chip())) is None
    longest = beside_twin(estimate(shapes.cnn(steps=64), chip()))
    assert longest is not None and longest.bits == 7
