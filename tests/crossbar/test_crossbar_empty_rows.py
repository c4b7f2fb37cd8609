"""Rows without weights lie on no array, and the network computes all the same."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chips import IDEAL, chip, full_path, images, spiking_net
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from axbar import calibration, trace
from axbar.cost.imc._mapping import map_layers
from axbar.crossbar import (
    AnalogLayer,
    AnalogModel,
    Mapping,
    diagnose,
    digital,
    to_analog,
    weight_through_arrays,
)
from axbar.errors import DataError

CROSS = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
LAYOUTS = ("flattened", "kernel_split")
WIRES = {"wires.r_row_ohm": 20.0, "wires.r_col_ohm": 30.0, "wires.r_driver_ohm": 500.0}


class Sparse(nn.Module):
    """Convolutions with empty taps and channels, by groups and steps of their own, and a linear read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.input_shape = (3, 9, 9)
        self.cross = nn.Conv2d(3, 12, 3, padding=1)
        self.strided = nn.Conv2d(12, 8, 3, stride=2, dilation=2, padding=(2, 1), groups=2)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.mirrored = nn.Conv2d(8, 6, (1, 3), padding=(0, 1), padding_mode="reflect")
        self.point = nn.Conv2d(6, 5, 1)
        self.last = nn.Linear(5 * 5 * 4, 4)
        with torch.no_grad():
            for layer in (self.cross, self.strided, self.depthwise):
                layer.weight.mul_(CROSS)
            self.strided.weight[:, 2] = 0.0
            self.mirrored.weight[:, 1:4] = 0.0
            self.mirrored.weight[..., 2] = 0.0
            self.point.weight[:, 3] = 0.0
            self.last.weight[:, 10:73] = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (self.cross, self.strided, self.depthwise, self.mirrored, self.point):
            x = torch.relu(layer(x))
        return self.last(x.flatten(1))[None]


def sparse(seed: int = 0) -> Sparse:
    torch.manual_seed(seed)
    return Sparse().eval()


def batch(n: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (n, 3, 9, 9), generator=generator).float() / 255


def cross_net(seed: int = 0) -> Any:
    """A spiking network of which the second convolution is a cross, and four inputs of the last layer are unused."""
    net = spiking_net(seed)
    with torch.no_grad():
        net.second.weight.mul_(CROSS)
        net.last.weight[:, 4:8] = 0.0
    return net


def analog_of(
    model: nn.Module, changes: dict[str, Any], x: torch.Tensor, seed: int | None = 3
) -> AnalogModel:
    made = to_analog(model, chip(changes), seed=seed, data=x)
    assert isinstance(made, AnalogModel)
    return made


def layer_of(analog: AnalogModel, name: str) -> AnalogLayer:
    layer = analog.chip_layers[name]
    assert isinstance(layer, AnalogLayer)
    return layer


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [4, 16, 64])
def test_an_ideal_chip_equals_the_digital_network_bit_for_bit(layout: str, rows: int) -> None:
    changes = {**IDEAL, "mapping.layout": layout, "crossbar.rows": rows, "crossbar.cols": 24}
    model, x = sparse(), batch()
    exact = digital(model, chip(changes), x)(x)
    analog = analog_of(model, changes, x)
    assert torch.equal(analog(x), exact)
    with full_path():
        assert torch.equal(analog(x), exact)
        analog.set_effects(next(iter(analog.effects.values())).without("adc"))
        assert torch.allclose(analog(x), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [4, 16, 64])
def test_arrays_are_those_that_the_cost_model_counts(layout: str, rows: int) -> None:
    spec, x = chip({"mapping.layout": layout, "crossbar.rows": rows, "crossbar.cols": 24}), batch()
    model = sparse()
    layers = [layer for layer in trace(model, x).layers if layer.weight is not None]
    layout_there = map_layers(layers, spec)
    analog = to_analog(model, spec, data=x)
    mine = [layer_of(analog, layer.name).mapping for layer in layers]
    assert layout_there.arrays.tolist() == [m.n_arrays for m in mine]
    assert layout_there.fan_in.tolist() == [m.stored_rows for m in mine]
    assert layout_there.rows_used.tolist() == [m.used_rows for m in mine]
    assert layout_there.cols_used.tolist() == [m.used_outs * m.slices * 2 for m in mine]
    assert analog.n_arrays == layout_there.arrays.sum()
    assert [m.fan_in - m.stored_rows for m in mine] == layout_there.rows_left_out.tolist()
    assert sum(m.fan_in - m.stored_rows for m in mine) >= 12 + 24 + 4 + 8


@pytest.mark.parametrize(("layout", "tiles"), [("flattened", 5), ("kernel_split", 5)])
def test_a_cross_of_64_channels_takes_five_row_tiles(layout: str, tiles: int) -> None:
    conv = nn.Conv2d(64, 8, 3)
    with torch.no_grad():
        conv.weight.mul_(CROSS)
    mapping = layer_of(to_analog(conv, chip({"mapping.layout": layout})), "root").mapping  # type: ignore[arg-type]
    assert (mapping.row_tiles, mapping.used_rows, mapping.stored_rows, mapping.n_arrays) == (
        tiles,
        64,
        320,
        5,
    )


@pytest.mark.parametrize(
    "mapping",
    [
        Mapping(9, 1, 12, 64, 64, 4, 2, stored=(1, 3, 4, 5, 7)),
        Mapping(70, 9, 3, 64, 32, 4, 1, stored=tuple(range(0, 70, 2))),
        Mapping(
            4 * 70, 9, 3, 64, 32, 4, 1, positions=4, stored=tuple(i for i in range(280) if i % 4 in (1, 2))
        ),
        Mapping(9, 1, 20, 8, 64, 4, 2, positions=9, stored=(4,)),
    ],
)
def test_what_is_laid_out_comes_back_with_zeros_where_rows_are_left_out(mapping: Mapping) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(-7, 8, (mapping.groups * mapping.fan_out, mapping.fan_in))
    codes[:, np.setdiff1d(np.arange(mapping.fan_in), mapping.stored_index)] = 0
    blocks = mapping.blocks(codes)
    assert np.count_nonzero(blocks) == np.count_nonzero(codes)
    outs = blocks.reshape(mapping.bundles, -1, mapping.row_tiles * mapping.used_rows)[
        :, : mapping.bundle_outs
    ]
    assert np.array_equal(mapping.weights_of(outs), codes)
    used = sum(int(mapping.exists(tile)[0, 0, :, 0].sum()) for tile in range(mapping.row_tiles))
    assert used == mapping.groups_per_array * mapping.stored_rows


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_that_are_left_out_hold_zero_and_no_noise(layout: str) -> None:
    x = images()
    noisy = {"device.read_noise": 0.02, "mapping.layout": layout, **WIRES}
    layer = layer_of(analog_of(cross_net(), noisy, x), "second")
    empty = np.tile(CROSS.numpy().ravel() == 0, 6)
    held, noise = layer.effective_weight(), layer.read_sigma()
    assert held.shape == (8, 54) and not held[:, empty].any() and held[:, ~empty].all()
    assert noise.shape == (8, 54) and not noise[:, empty].any() and noise[:, ~empty].all()
    assert not layer.fresh_weight()[:, empty].any()
    # worst sums are those of the stored rows
    assert layer.full_scale().max() < 30 * 3 * 1.2


def test_draws_are_those_of_the_die_whatever_the_batch() -> None:
    x, noisy = images(), {"device.read_noise": 0.02}
    first, again = (analog_of(cross_net(), noisy, x, seed=5) for _ in range(2))
    y = first(x)
    assert torch.equal(again(x), y) and not torch.equal(analog_of(cross_net(), noisy, x, seed=6)(x), y)
    again.rewind()
    assert torch.equal(torch.cat([again(x[:3]), again(x[3:])], dim=1), y)
    assert torch.equal(pickle.loads(pickle.dumps(again.rewind()))(x), y)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_that_come_back_are_mapped_again(layout: str) -> None:
    x, changes = images(), {**IDEAL, "adc.bits": 5, "mapping.layout": layout}
    full = spiking_net()
    analog = analog_of(cross_net(), changes, x)
    few = analog.n_arrays
    ranges = layer_of(analog, "second").range_levels
    assert layer_of(analog, "second").mapping.stored_rows == 30
    analog.load_state_dict(full.state_dict())
    y = analog(x)
    layer = layer_of(analog, "second")
    assert layer.mapping.stored is None and len(layer.range_levels) == layer.mapping.row_tiles
    # 54 rows fit the 64 of an array as 30 do; split, the four corners need arrays of their own
    assert analog.n_arrays == few + (4 if layout == "kernel_split" else 0)
    assert layer.range_levels.max() >= ranges.max()
    assert np.array_equal(layer.effective_weight(), layer.ideal_weight())
    # with converters that lose nothing it is the network that was loaded
    wide = analog_of(cross_net(), {**IDEAL, "mapping.layout": layout}, x)
    wide.load_state_dict(full.state_dict())
    twin = digital(cross_net(), chip({**IDEAL, "mapping.layout": layout}), x)
    twin.load_state_dict(full.state_dict())
    assert torch.equal(wide(x), twin(x))
    with full_path():
        assert torch.equal(wide(x), twin(x))
    analog.load_state_dict(cross_net().state_dict())
    assert analog.n_arrays == few and not torch.equal(analog(x), y)


def test_a_weight_below_half_a_step_brings_its_row_back() -> None:
    """The cost model counts float weights, so the arrays do too, although no code changes."""
    conv = nn.Conv2d(2, 4, 3)
    with torch.no_grad():
        conv.weight.mul_(CROSS)
    analog = to_analog(conv, chip(IDEAL))
    layer = layer_of(analog, "root")  # type: ignore[arg-type]
    codes = layer.ideal_weight()
    with torch.no_grad():
        layer.weight[0, 1, 0, 0] = 1e-9
    layer.refresh()
    assert layer.mapping.stored_rows == 11 and np.array_equal(layer.ideal_weight(), codes)


def test_moving_and_copying_keep_the_mapping_and_the_fitted_ranges() -> None:
    x = images()
    analog = analog_of(cross_net(), {}, x)
    y, ranges = analog(x), layer_of(analog, "second").range_levels
    analog.double().float()
    assert torch.equal(analog(x), y) and torch.equal(copy.deepcopy(analog)(x), y)
    assert np.array_equal(layer_of(analog, "second").range_levels, ranges)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_conductances_come_back_from_a_file_that_names_its_rows(tmp_path: Path, layout: str) -> None:
    x, changes = images(), {"device.age_s": 3600.0, "mapping.layout": layout}
    first, other = (analog_of(cross_net(), changes, x, seed) for seed in (3, 4))
    y = first(x)
    assert not torch.equal(other(x), y)
    first.export_conductances(tmp_path / "die.npz", "held")
    assert torch.equal(other.load_conductances(tmp_path / "die.npz")(x), y)
    with np.load(tmp_path / "die.npz") as file:
        rows = json.loads(str(file["about"]))["rows"]
        cells = sum(np.isfinite(file[key]).sum() for key in file.files if key.startswith("second/"))
    stored = np.flatnonzero(np.tile(CROSS.numpy().ravel(), 6)).tolist()
    assert rows["second"] == stored and "first" not in rows
    assert cells == 30 * 8 * 4  # rows, outputs, columns of each


def test_conductances_of_other_rows_are_refused(tmp_path: Path) -> None:
    """The same number of rows, but other ones: shapes alone would not tell."""
    x = images()
    other = spiking_net()
    with torch.no_grad():
        other.second.weight.mul_(1.0 - CROSS)
        other.second.weight[:, 0] = 1.0
        other.second.weight[:, 1, 1, 1] = 0.5
        other.last.weight[:, 4:8] = 0.0
    there, here = analog_of(other, {}, x), analog_of(cross_net(), {}, x)
    assert layer_of(there, "second").mapping.stored_rows == 9 + 5 + 4 * 4 == 30
    there.export_conductances(tmp_path / "die.npz", "held")
    with pytest.raises(DataError, match="holds 30 of 54 rows of layer 'second'"):
        here.load_conductances(tmp_path / "die.npz")
    analog_of(spiking_net(), {}, x).export_conductances(tmp_path / "full.npz")
    with pytest.raises(DataError, match=r"holds 54 of 54 rows of layer 'second'.*stores 30"):
        here.load_conductances(tmp_path / "full.npz")


def test_the_way_through_the_arrays_keeps_rows_without_cells() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 8, 3, groups=2)
    with torch.no_grad():
        conv.weight.mul_(CROSS)
    layer = layer_of(
        to_analog(conv, chip({"crossbar.rows": 8, "crossbar.cols": 12, **WIRES}), seed=3), "root"
    )  # type: ignore[arg-type]
    through = weight_through_arrays(layer, layer.weight.detach()).flatten(1).double().numpy()
    exact = layer.effective_weight()
    assert np.abs(through - exact).max() < 2e-3 * np.abs(exact).max()
    weight = layer.weight.detach().clone().requires_grad_()
    weight_through_arrays(layer, weight).sum().backward()
    assert weight.grad is not None and torch.equal(weight.grad[:, :, 0, 0], torch.ones(8, 2))
    assert weight.grad[:, :, 1, 1].std() > 0


def test_gradients_reach_rows_without_cells() -> None:
    x = batch()
    analog = analog_of(sparse(), {}, x)
    analog(x).square().sum().backward()
    grad = layer_of(analog, "cross").weight.grad
    assert grad is not None and bool(grad[..., 0, 0].abs().sum() > 0)


def test_a_die_is_diagnosed_and_calibrated_as_any() -> None:
    x = images()
    analog = analog_of(cross_net(), {**IDEAL, "adc.bits": 5}, x)
    for each in diagnose(analog, x):
        assert each.pc2 < 1e-9 and np.isfinite(each.error)
    calibration.run(analog, calibration.CalibrationSource(x))
    with_wires = diagnose(analog_of(cross_net(), WIRES, x), x)
    assert all(each.pc2 > 0 for each in with_wires)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layer_without_a_weight_is_read_all_the_same(layout: str) -> None:
    net = spiking_net()
    with torch.no_grad():
        net.second.weight.zero_()
    analog = analog_of(net, {**IDEAL, "mapping.layout": layout}, images())
    assert layer_of(analog, "second").mapping.stored_rows == (1 if layout == "flattened" else 6)
    exact = digital(net, chip({**IDEAL, "mapping.layout": layout}), images())(images())
    with full_path():
        assert torch.equal(analog(images()), exact)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gpu_gives_the_bits_of_the_cpu(layout: str) -> None:
    x, changes = batch(), {"mapping.layout": layout}
    on_cpu, on_gpu = analog_of(sparse(), changes, x), analog_of(sparse().cuda(), changes, x)
    assert torch.equal(on_gpu(x.cuda()).cpu(), on_cpu(x))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    groups=st.integers(1, 4),
    channels=st.integers(1, 5),
    outs=st.integers(1, 5),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    rows=st.sampled_from([4, 8, 32]),
    layout=st.sampled_from(LAYOUTS),
)
def test_both_rooms_store_the_same_rows(
    seed: int, groups: int, channels: int, outs: int, kernel: tuple[int, int], rows: int, layout: str
) -> None:
    """Random weights of which most are zero: the same arrays, and on ideal ones the sums of the digital network."""
    torch.manual_seed(seed)
    conv = nn.Conv2d(groups * channels, groups * outs, kernel, groups=groups, padding=1)
    with torch.no_grad():
        conv.weight.mul_(torch.rand(conv.weight.shape[1:]) < 0.4)
    spec = chip({**IDEAL, "mapping.layout": layout, "crossbar.rows": rows, "crossbar.cols": 16})
    x = (torch.rand(2, groups * channels, 4, 4) < 0.5).float()
    analog, exact = to_analog(conv, spec, data=x), digital(conv, spec, x)
    (traced,) = [layer for layer in trace(conv, x).layers if layer.weight is not None]
    layout_there, mine = map_layers([traced], spec), layer_of(analog, "root").mapping  # type: ignore[arg-type]
    assert layout_there.arrays.tolist() == [mine.n_arrays]
    assert layout_there.fan_in.tolist() == [mine.stored_rows]
    with full_path():
        assert torch.equal(analog(x), exact(x))
