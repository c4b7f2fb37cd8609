"""Counts of what layers make hardware do, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.errors import DataError
from axbar.workload import (
    Geometry,
    LayerTrace,
    Operand,
    Workload,
    active_rows,
    macs,
    pack,
    phases,
    reads,
    shapes,
    spike_rate,
    synops,
)


def conv(operand: Operand, out: tuple[int, int, int], **options) -> LayerTrace:
    geometry = Geometry(operand.shape, out, **options)
    return LayerTrace("conv", "conv2d", ("input",), geometry, tuple(range(operand.steps)), (operand,))


def linear(operand: Operand, features: int) -> LayerTrace:
    geometry = Geometry(operand.shape, (*operand.shape[:-1], features))
    return LayerTrace("fc", "linear", ("input",), geometry, tuple(range(operand.steps)), (operand,))


def test_one_spike_in_the_middle_drives_every_kernel_row_once():
    image = np.zeros((2, 1, 1, 3, 3), dtype=bool)
    image[0, 0, 0, 1, 1] = True
    layer = conv(Operand((1, 3, 3), steps=2, words=pack(image)), (5, 3, 3), kernel=(3, 3), padding=(1, 1))
    np.testing.assert_array_equal(active_rows(layer), np.ones(9))
    assert synops(layer) == 9 * 5
    assert macs(layer) == 9 * 9 * 5 * 2
    assert reads(layer) == 9 * 2
    np.testing.assert_allclose(spike_rate(layer), [1 / 9, 0])


def test_one_spike_in_the_corner_misses_the_rows_that_would_reach_over_the_rim():
    image = np.zeros((1, 1, 1, 3, 3), dtype=bool)
    image[0, 0, 0, 0, 0] = True
    layer = conv(Operand((1, 3, 3), steps=1, words=pack(image)), (1, 3, 3), kernel=(3, 3), padding=(1, 1))
    np.testing.assert_array_equal(active_rows(layer).reshape(3, 3), [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_rates_count_padding_exactly():
    layer = conv(Operand((2, 4, 4), steps=3, rate=0.5), (1, 4, 4), kernel=(3, 3), padding=(1, 1))
    expected = np.array([[9, 12, 9], [12, 16, 12], [9, 12, 9]]) * 0.5 * 3
    np.testing.assert_allclose(active_rows(layer).reshape(2, 3, 3), np.stack([expected, expected]))
    np.testing.assert_array_equal(spike_rate(layer), [0.5] * 3)


def test_counts_are_means_over_samples():
    words = np.array([[1, 3], [0, 2]], dtype=np.uint8)
    layer = linear(Operand((2,), steps=2, words=words), 4)
    np.testing.assert_array_equal(active_rows(layer), [0.5, 1.5])
    np.testing.assert_array_equal(spike_rate(layer), [0.5, 0.5])
    assert synops(layer) == 8


def test_signed_spikes_take_two_phases():
    operand = Operand((2,), "signed", 1, 1, np.array([[1, 1]], np.uint8), np.array([[0, 1]], np.uint8))
    layer = linear(operand, 3)
    assert phases(operand) == 2 and reads(layer) == 2
    np.testing.assert_array_equal(active_rows(layer), [1, 1])


def test_real_operands_count_bit_planes():
    words = np.array([[255, 0, 128, 3]], dtype=np.uint8)
    layer = linear(Operand((4,), "real", 8, 1, words, scale=0.1), 10)
    np.testing.assert_array_equal(active_rows(layer), [8, 0, 1, 2])
    assert reads(layer) == 8 and synops(layer) == 30
    np.testing.assert_allclose(spike_rate(layer), [11 / 32])


def test_real_operands_at_another_precision():
    words = np.array([[255, 0, 128, 16, 7]], dtype=np.uint8)  # 15, 0, 8, 1, 0 of 15
    layer = linear(Operand((5,), "real", 8, 1, words), 1)
    np.testing.assert_array_equal(active_rows(layer, bits=4), [4, 0, 1, 1, 0])
    assert reads(layer, bits=4) == 4
    np.testing.assert_array_equal(active_rows(layer), [8, 0, 1, 1, 3])


def test_real_operands_over_several_steps():
    each = np.array([[[1, 3], [0, 1]]], dtype=np.uint8)  # [B, steps, F]
    layer = linear(Operand((2,), "real", 8, 2, each, per_step=True), 1)
    np.testing.assert_array_equal(active_rows(layer), [1, 3])
    np.testing.assert_allclose(spike_rate(layer), [3 / 16, 1 / 16])
    constant = linear(Operand((2,), "real", 8, 2, each[:, 0]), 1)
    np.testing.assert_array_equal(active_rows(constant), [2, 4])
    assert synops(constant) == 4 and reads(constant) == 16
    np.testing.assert_allclose(spike_rate(constant), [3 / 16] * 2)


def test_tokens_share_the_rows():
    words = np.ones((1, 3, 2), dtype=np.uint8)
    layer = linear(Operand((3, 2), steps=1, words=words), 4)
    np.testing.assert_array_equal(active_rows(layer), [3, 3])
    assert reads(layer) == 3 and macs(layer) == 24


def test_what_was_not_recorded_is_not_zero():
    layer = linear(Operand((2,), steps=2), 3)
    assert synops(layer) is None and spike_rate(layer) is None
    with pytest.raises(DataError, match="neither recorded spikes nor a rate"):
        active_rows(layer)
    neuron = LayerTrace("n", "neuron", ("fc",), Geometry((3,), (3,)), (0, 1))
    assert spike_rate(neuron) is None and macs(neuron) == 0
    with pytest.raises(DataError, match=r"'n' .neuron. is no matrix product"):
        active_rows(neuron)


def test_results_are_kept_and_can_not_be_written_to():
    layer = linear(Operand((2,), steps=1, rate=0.5), 3)
    assert active_rows(layer) is active_rows(layer)
    with pytest.raises(ValueError, match="read-only"):
        active_rows(layer)[0] = 1


def test_summary_has_one_plain_row_per_layer():
    rows = shapes.cnn().summary()
    assert [row["name"] for row in rows] == [
        "conv1", "conv1.neuron", "conv2", "conv2.neuron", "fc1", "fc1.neuron", "fc2",
    ]  # fmt: skip
    second = rows[2]
    assert (second["op"], second["in_shape"], second["out_shape"]) == ("conv2d", [32, 14, 14], [64, 14, 14])
    assert (second["params"], second["macs"], second["steps"]) == (9 * 32 * 64, 9 * 32 * 64 * 196 * 4, 4)
    assert second["synops"] == pytest.approx(0.15 * 4 * 32 * 64 * (9 * 196 - 6 * 14 - 6 * 14 + 4))
    assert second["spike_rate"] == pytest.approx([0.15] * 4)
    assert rows[1]["spike_rate"] == pytest.approx([0.15] * 4) and rows[1]["synops"] is None


def test_layers_are_found_by_name():
    workload = Workload("w", (linear(Operand((2,), rate=0.5), 3),), 1)
    assert workload.layer("fc").op == "linear" and workload.matmuls == workload.layers
    with pytest.raises(Exception, match="unknown layer 'fcc'; did you mean 'fc'"):
        workload.layer("fcc")
