"""Each flaw can be switched off by itself, acts as its physics says, and is the same for the same die."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from chips import IDEAL, NO_WIRES, chip, images, spiking_net

from axbar.crossbar import EFFECTS, AnalogLinear, Effects, digital, effective_conductance, to_analog
from axbar.errors import UsageError

ALL = {
    "device.read_noise": 1.0, "device.stuck_on": 0.05, "device.stuck_off": 0.05, "device.age_s": 86400.0,
    "wires.r_row_ohm": 5.0, "wires.r_col_ohm": 5.0,
}  # fmt: skip


def linear(rows: int = 40, outs: int = 6, seed: int = 0) -> torch.nn.Linear:
    torch.manual_seed(seed)
    return torch.nn.Linear(rows, outs)


def spikes(n: int = 64, rows: int = 40) -> torch.Tensor:
    return (torch.rand(n, rows, generator=torch.Generator().manual_seed(3)) < 0.3).float()


def test_without_any_effect_the_chip_is_the_integer_network() -> None:
    x = images()
    analog = to_analog(spiking_net(), chip(ALL), seed=2, data=x, effects=Effects.none())
    assert torch.equal(analog(x), digital(spiking_net(), chip(ALL), x)(x))


@pytest.mark.parametrize("name", [n for n in EFFECTS if n != "nonlinearity"])
def test_every_effect_changes_the_sums(name: str) -> None:
    x = spikes()
    analog = to_analog(linear(), chip(ALL), seed=2, data=x)
    everything = analog(x)
    without = analog.rewind().set_effects(Effects().without(name))(x)
    assert not torch.equal(everything, without)
    assert torch.equal(analog.rewind().set_effects(Effects())(x), everything)


def test_a_bent_cell_reads_its_secant() -> None:
    bent = chip({"device": "rram-hfo2", "read.v_read_V": 0.4, **NO_WIRES, "device.read_noise": 0})
    layer = to_analog(linear(), bent, data=spikes(), effects=Effects.only("nonlinearity")).chip_layers["root"]
    straight = to_analog(linear(), bent, data=spikes(), effects=Effects.none()).chip_layers["root"]
    assert np.abs(layer.effective_weight() - straight.effective_weight()).max() > 1e-3


def test_wires_are_those_of_the_circuit() -> None:
    """The weights that a layer holds are the effective conductances of its arrays, row 0 at the converters."""
    hardware = chip({**IDEAL, "crossbar.weight_bits": 3, "wires.r_row_ohm": 20.0, "wires.r_col_ohm": 30.0,
                     "wires.r_driver_ohm": 100.0, "wires.r_sense_ohm": 50.0})  # fmt: skip
    layer = to_analog(linear(), hardware, data=spikes(), effects=Effects.only("wires")).chip_layers["root"]
    codes = np.rint(layer.ideal_weight() / layer._scale)
    pairs = np.stack([np.maximum(codes, 0), np.maximum(-codes, 0)], -1)  # [outs, rows, 2]
    g = pairs.transpose(1, 0, 2).reshape(40, 12) * 100e-6 / 3
    seen = effective_conductance(np.flip(g, 0).copy(), 20.0, 30.0, 100.0, 50.0)
    joined = np.flip(seen, 0).reshape(40, 6, 2)
    expected = (joined[..., 0] - joined[..., 1]).T / (100e-6 / 3) * layer._scale
    assert np.abs(layer.effective_weight() - expected).max() < 1e-4 * np.abs(expected).max()


def test_empty_rows_and_columns_are_open() -> None:
    """A layer that fills its tiles in part reads like one on arrays of its own size."""
    small, large = (
        chip({**IDEAL, "crossbar.rows": rows, "crossbar.cols": cols, "wires.r_row_ohm": 20.0,
              "wires.r_col_ohm": 20.0}) for rows, cols in ((20, 24), (64, 64))
    )  # fmt: skip
    held = [
        to_analog(linear(20, 6), c, effects=Effects.only("wires")).chip_layers["root"].effective_weight()
        for c in (small, large)
    ]
    assert np.allclose(held[0], held[1], rtol=1e-4)


def test_read_noise_has_the_moments_of_its_cells() -> None:
    """20,000 reads of one vector: mean and standard deviation against the device's law."""
    x = spikes(1).expand(20_000, -1).contiguous()
    hardware = chip({"device.read_noise": 1.0})
    analog = to_analog(linear(), hardware, seed=9, effects=Effects.only("read_noise"))
    with torch.no_grad():
        y = analog(x).double().numpy()
    layer = analog.chip_layers["root"]
    assert isinstance(layer, AnalogLinear)
    driven = x[0].double().numpy()
    sigma = np.sqrt(driven @ layer._held_variance().T) * layer._scale
    error = y.mean(0) - driven @ layer.effective_weight().T - layer.bias.detach().double().numpy()
    assert (np.abs(error) < 3.5 * sigma / np.sqrt(len(x))).all()
    assert np.allclose(y.std(0), sigma, rtol=3.5 / np.sqrt(2 * len(x)))


def test_two_reads_differ_and_a_rewind_repeats_them() -> None:
    x = spikes(4)
    analog = to_analog(linear(), chip({"device.read_noise": 1.0}), seed=5, data=spikes())
    first, second = analog(x), analog(x)
    assert not torch.equal(first, second)
    assert torch.equal(analog.rewind()(x), first)


def test_effects_of_one_layer() -> None:
    x = images()
    analog = to_analog(spiking_net(), chip(ALL), seed=2, data=x, effects=Effects.none())
    analog.set_effects(Effects(), ["second"])
    assert analog.effects["second"] == Effects() and analog.effects["first"] == Effects.none()
    with pytest.raises(UsageError, match="did you mean 'second'"):
        analog.set_effects(Effects(), ["secnd"])
    with pytest.raises(UsageError, match="did you mean 'wires'"):
        Effects.only("wire")


def test_bent_converters_share_their_curve_among_their_columns() -> None:
    from axbar.crossbar._inl import bend, curves

    layer = to_analog(linear(), chip({"adc.inl_lsb": 0.7}), data=spikes()).chip_layers["root"]
    curve = curves(layer.mapping, 8, 0.7, 1, "root")
    columns = 2 * layer.mapping.slices
    assert curve.shape == (1, 1, columns * 6, 2)
    by_output = curve[0, 0].reshape(2, layer.mapping.slices, 6, 2).transpose(2, 1, 0, 3).reshape(-1, 2)
    assert np.array_equal(by_output[0], by_output[7]) and not np.array_equal(by_output[0], by_output[8])
    v = torch.linspace(0, 31, 301)[None, None, None].expand(1, 1, len(curve[0, 0]), -1).clone()
    moved = bend(v.clone(), torch.from_numpy(curve), 31) - v
    assert moved.abs().amax(-1).sub(0.7).abs().max() < 2e-3
    assert moved[..., 0].abs().max() < 1e-5 and moved[..., -1].abs().max() < 1e-4


def test_digits_of_a_dac_sum_to_the_same_product() -> None:
    x = torch.rand(32, 40, generator=torch.Generator().manual_seed(1)) - 0.3
    serial = to_analog(linear(), chip(IDEAL), data=x)(x)
    for dac_bits in (2, 3, 4):
        made = to_analog(linear(), chip({**IDEAL, "input.dac_bits": dac_bits}), data=x)
        assert torch.allclose(made(x), serial, atol=1e-5)


def test_drift_compensation_restores_the_mean_response() -> None:
    hardware = chip({"device": "pcm-mushroom", "device.read_noise": 0.0})
    analog = to_analog(linear(60, 8), hardware, seed=1, data=spikes(64, 60))
    layer = analog.chip_layers["root"]
    fresh = np.abs(layer.fresh_weight())
    analog.at_time(1e7)
    aged = np.abs(layer.effective_weight())
    assert aged.mean() < 0.8 * fresh.mean()
    for mode, axis in (("global", None), ("column", 1)):
        analog.compensate_drift(mode)
        now = np.abs(layer.effective_weight())
        assert np.allclose(now.mean(axis=axis), fresh.mean(axis=axis), rtol=1e-6)
    with pytest.raises(UsageError, match="did you mean 'column'"):
        analog.compensate_drift("colum")
