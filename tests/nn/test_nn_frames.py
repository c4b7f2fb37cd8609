"""Networks on sequences of frames: shapes, order of time, steps that fit, and the way to the chip."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import axbar
from axbar.data import Dataset, check_fits, load_data, network_facts
from axbar.errors import DataError, ModelError, OptionError
from axbar.nn import TrainConfig, accuracy, build_model, load_network, train
from axbar.nn._optim import augment
from axbar.report import accuracy_interval

SHAPE = (4, 2, 8, 8)


def _sequences(count: int = 120, cap: int = 1) -> Dataset:
    """A dot that moves left (class 0) or right (class 1): no single frame tells which, only their order does."""
    rng = np.random.default_rng(0)
    x = np.zeros((count, *SHAPE), dtype=np.uint8)
    y = np.arange(count, dtype=np.int64) % 2
    for i in range(count):
        row, start = rng.integers(0, 8, 2)
        for t in range(4):
            column = (start + (2 * t if y[i] else -2 * t)) % 8
            x[i, t, t % 2, row, column] = 255 if cap == 1 else 255 // rng.integers(1, cap + 1)
    half = count // 2
    return Dataset.from_arrays("moving", (x[:half], y[:half]), (x[half:], y[half:]))


def test_time_goes_in_front() -> None:
    network = build_model("spiking-cnn", width=2, steps=4, input_shape=SHAPE)
    x = torch.rand(3, *SHAPE)
    coded = network._encode(x)  # pyright: ignore[reportCallIssue]
    assert coded.shape == (12, 2, 8, 8)
    assert all(torch.equal(coded[t * 3 + b], x[b, t]) for t in range(4) for b in range(3))
    assert network(x).shape == (4, 3, 10)


def test_no_step_sees_a_later_frame() -> None:
    network = build_model(
        "spiking-cnn", width=4, steps=4, input_shape=SHAPE, threshold=0.05, norm="none"
    ).eval()
    x = torch.rand(2, *SHAPE)
    later = x.clone()
    later[:, 2:] = 0
    with torch.no_grad():
        one, other = network(x), network(later)
    assert torch.equal(one[:2], other[:2])
    assert not torch.equal(one[2:], other[2:])


@pytest.mark.parametrize("name", ["spiking-cnn", "spiking-mlp", "spiking-vgg9", "spiking-resnet19"])
def test_equal_frames_are_direct_coding(name: str) -> None:
    direct = build_model(name, width=4, steps=3, input_shape=(2, 8, 8)).eval()
    frames = build_model(name, width=4, steps=3, input_shape=(3, 2, 8, 8)).eval()
    frames.load_state_dict(direct.state_dict())
    x = torch.rand(2, 2, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(frames(x[:, None].expand(2, 3, 2, 8, 8)), direct(x))


def test_one_frame_suits_a_conventional_network() -> None:
    assert build_model("cnn", width=2, input_shape=(1, 2, 8, 8))(torch.rand(2, 1, 2, 8, 8)).shape == (
        1,
        2,
        10,
    )


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(OptionError, match=r"holds 4 frames, but the network runs on 8 steps; set steps=4"):
        build_model("spiking-cnn", width=2, steps=8, input_shape=SHAPE)
    with pytest.raises(ModelError, match="rate coding takes images"):
        build_model("spiking-cnn", width=2, steps=4, input_shape=SHAPE, input_coding="rate")
    with pytest.raises(ModelError, match=r"frames coding takes images .* leave out mean"):
        build_model("spiking-cnn", width=2, steps=4, input_shape=SHAPE, mean=[0, 0], std=[1, 1])
    network = build_model("spiking-cnn", width=2, steps=4, input_shape=SHAPE)
    with pytest.raises(DataError, match=r"sequences of shape \(2, 2, 8, 8\) do not fit"):
        network(torch.rand(1, 2, 2, 8, 8))
    with pytest.raises(DataError, match=r"write :frames=8 behind the data"):
        check_fits(_sequences(), (8, 2, 8, 8))
    with pytest.raises(DataError, match=r"4x2x8x8 sequences, .*takes 2x8x8 \(channels"):
        check_fits(_sequences(), (2, 8, 8))


def test_all_frames_of_a_sample_move_as_one() -> None:
    x = torch.zeros(6, *SHAPE)
    x[..., 4, 4] = 1.0
    moved = augment(x, TrainConfig(augment="shift-flip", shift_px=2), torch.Generator().manual_seed(0))
    assert moved.shape == x.shape
    assert torch.equal(moved, moved[:, :1, :1].expand_as(moved))
    places = {tuple(int(i) for i in torch.nonzero(one[0, 0])[0]) for one in moved}
    assert len(places) > 2


def test_a_run_folder_knows_its_frames(tmp_path: Path) -> None:
    data = _sequences()
    network = build_model("spiking-cnn", width=2, **network_facts(data))
    train(network, data, TrainConfig(epochs=1, batch_size=27), tmp_path / "run")
    again = load_network(tmp_path / "run")
    x = torch.from_numpy(data.test.images(slice(0, 5)))
    with torch.no_grad():
        assert torch.equal(again(x), network(x))
    assert load_network(tmp_path / "run", steps=2).input_shape == (2, 2, 8, 8)
    assert load_network(tmp_path / "run", **network_facts(data)).input_shape == SHAPE


def test_order_of_frames_is_learned_and_reaches_the_chip() -> None:
    data = _sequences(400)
    network = build_model("spiking-cnn", width=8, beta=0.9, **network_facts(data))
    train(network, data, TrainConfig(epochs=25, batch_size=30, lr=5e-3))
    assert accuracy(network, data.test) > 0.8  # no order of frames: 0.5
    report = axbar.evaluate(network, data, "imc-rram-65nm", chips=1, images=60, waterfall=0)
    assert report.accuracy is not None
    assert report.accuracy.mean is not None
    assert report.accuracy.mean > 0.7


@pytest.mark.parametrize(("cap", "coding"), [(1, "spikes"), (3, "real")])
def test_binary_frames_are_traced_as_spikes_and_counts_as_numbers(cap: int, coding: str) -> None:
    data = _sequences(cap=cap)
    network = build_model("spiking-cnn", width=2, **network_facts(data))
    images = data.test.images(slice(0, 6))
    operand = axbar.trace(network, torch.from_numpy(images)).layers[0].operands[0]
    assert (operand.coding, operand.steps, operand.shape) == (coding, 4, SHAPE[1:])
    if coding == "spikes":
        from axbar.workload import popcount

        assert operand.words is not None
        assert int(popcount(operand.words).sum()) == int(images.sum())
    else:
        assert operand.per_step


def test_a_small_network_learns_the_real_recordings() -> None:
    root = os.environ.get("AXBAR_DATA")
    if not root or not (Path(root) / "n-mnist").is_dir():
        pytest.skip("needs n-mnist under AXBAR_DATA")
    data = load_data("n-mnist", root)
    network = build_model("spiking-cnn", width=8, **network_facts(data))
    train(network, data, TrainConfig(epochs=16, batch_size=27, lr=5e-3, augment="shift"))
    share = accuracy(network, data.test)
    assert share > 0.3, accuracy_interval(share, len(data.test))  # chance: 0.1
