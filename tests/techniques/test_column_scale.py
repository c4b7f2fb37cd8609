"""column-scale: closed form, what it mends, what it leaves alone, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from bn_nets import blobs, chip
from torch import Tensor, nn

from axbar.crossbar import Effects, to_analog
from axbar.errors import UsageError
from axbar.nn import build_model
from axbar.techniques import parse_technique
from axbar.techniques.column_scale import _Sums

DATA = blobs()
IMAGES = torch.from_numpy(DATA.calibration.images())
TEST = torch.from_numpy(DATA.test.images(slice(0, 32)))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build_model(
        "vit-tiny", width=16, depth=2, patch=4, input_shape=(1, 8, 8), classes=4, seed=0
    ).eval()


def on(network: nn.Module, seed: int = 0, **changes: Any) -> Any:
    return to_analog(network, chip(**changes), seed, IMAGES)


def scaled(die: Any, text: str = "column-scale") -> Any:
    technique, config = parse_technique(text)
    return technique.apply(die, None, DATA.tuning(), config)


def output(die: nn.Module) -> Tensor:
    with torch.no_grad():
        return die(TEST)


def test_mean_and_spread_are_those_of_the_reference() -> None:
    rng = np.random.default_rng(0)
    u, t = rng.normal(1.0, 2.0, (50, 3)), rng.normal(size=(50, 3))
    t += u * [0.5, 2.0, 1.0] + [1.0, -1.0, 0.0]
    sums = _Sums()
    for part in (slice(0, 20), slice(20, 50)):
        sums.add(torch.from_numpy(u[part]), torch.from_numpy(t[part]))
    gain, offset = (each.numpy() for each in sums.fit(offset=True, limit=4.0))
    mended = gain * u + offset
    assert mended.mean(0) == pytest.approx(t.mean(0)) and mended.std(0) == pytest.approx(t.std(0))
    only, none = sums.fit(offset=False, limit=4.0)
    assert np.square(only.numpy() * u).sum(0) == pytest.approx(np.square(t).sum(0)) and not none.any()
    assert sums.fit(offset=True, limit=1.2)[0].tolist() == pytest.approx([1 / 1.2, 1.2, gain[2]])


def test_noise_does_not_shrink_the_gain() -> None:
    rng = np.random.default_rng(1)
    t = rng.normal(size=(4000, 1))
    sums = _Sums()
    sums.add(torch.from_numpy(t + rng.normal(size=t.shape)), torch.from_numpy(t))
    gain = float(sums.fit(offset=True, limit=4.0)[0])
    assert gain == pytest.approx(0.5**0.5, abs=0.02)  # that of least squares is 0.5


def test_a_column_that_delivers_nothing_or_should_not_vary_keeps_its_gain() -> None:
    sums = _Sums()
    sums.add(
        torch.tensor([[1.0, 0.0, 1.0], [2.0, 0.0, 2.0]]), torch.tensor([[2.0, 5.0, 3.0], [4.0, 6.0, 3.0]])
    )
    gain, offset = sums.fit(offset=True, limit=4.0)
    assert gain.tolist() == [2.0, 1.0, 1.0] and offset.tolist() == pytest.approx([0.0, 0.0, 0.0])


def test_wrong_gains_of_exact_arrays_are_undone(network: nn.Module) -> None:
    exact, die = on(network), on(network)
    for at, layer in enumerate(die.chip_layers.values()):
        layer.output_gain = np.random.default_rng(at).uniform(0.3, 3.0, len(layer.weight))
    assert (output(die) - output(exact)).abs().max() > 0.1
    assert torch.allclose(output(scaled(die).target), output(exact), atol=1e-5)


def test_what_wires_take_from_whole_columns_comes_back(network: nn.Module) -> None:
    exact = output(on(network))
    die = on(network, device="rram-generic", wires__r_row_ohm=30.0, wires__r_col_ohm=30.0, device__read_noise=0.0,
             device__program_noise=0.0)  # fmt: skip
    before, after = (float((output(each) - exact).square().mean()) for each in (die, scaled(die).target))
    assert after < 0.3 * before


def test_weights_cells_and_the_given_die_stay(network: nn.Module) -> None:
    die = on(network, device="rram-generic")
    done = scaled(die)
    for path, layer in done.target.chip_layers.items():
        old = die.chip_layers[path]
        assert torch.equal(layer.weight, old.weight) and layer.die == old.die
        assert layer.output_gain is not None and old.output_gain is None
        assert np.array_equal(layer.held_S(0), old.held_S(0), equal_nan=True)
    outputs = sum(len(layer.weight) for layer in die.chip_layers.values())
    assert done.cost["settings"] == 2 * outputs and done.cost["writes"] == 0 and done.cost["images"] == 16
    only = scaled(die, "column-scale:offset=false")
    assert only.cost["settings"] == outputs
    biases = [(layer.bias, die.chip_layers[path].bias) for path, layer in only.target.chip_layers.items()]
    assert all(torch.equal(new, old) for new, old in biases)


def test_spiking_networks_and_convolutions_are_fitted_too() -> None:
    network = build_model("spiking-cnn", width=4, steps=2, input_shape=(1, 8, 8), classes=4, seed=0).eval()
    die = on(network, device="rram-generic", wires__r_col_ohm=50.0)
    layers = scaled(die).target.chip_layers
    assert {len(layer.output_gain) for layer in layers.values()} == {
        len(layer.weight) for layer in layers.values()
    }
    assert any((layer.output_gain > 1.01).any() for layer in layers.values())  # wires take, gains give back


def test_what_is_on_no_arrays_is_refused(network: nn.Module) -> None:
    with pytest.raises(UsageError, match="is on no crossbar arrays; convert it with to_analog"):
        scaled(network)


def test_the_reference_has_no_flaw(network: nn.Module) -> None:
    quiet = on(network, device="rram-generic", device__program_noise=0.0, device__read_noise=0.0)
    quiet.set_effects(Effects.none())
    layers = scaled(quiet).target.chip_layers.values()
    assert all(layer.output_gain == pytest.approx(1.0, abs=1e-5) for layer in layers)
