"""Walking layers on calibration data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from axbar.calibration import CalibrationSource, RangeObserver, calibrate_adc, observe_inputs
from axbar.crossbar import to_analog
from axbar.errors import DataError, UsageError
from axbar.spec import load_hardware

BASE = {
    "crossbar.rows": 16,
    "crossbar.cols": 16,
    "crossbar.weight_bits": 4,
    "crossbar.cell_bits": 2,
    "adc.bits": 4,
}


def chip(**changes: object):
    return load_hardware("imc-rram-65nm").replace({**BASE, **changes})


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(40, 24), nn.ReLU(), nn.Linear(24, 5))


def batch(n: int = 32) -> Tensor:
    return torch.rand(n, 40, generator=torch.Generator().manual_seed(2))


def test_what_drives_each_layer_is_seen() -> None:
    x = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    model = nn.Sequential(nn.Identity(), nn.Hardtanh(), nn.Identity(), nn.Linear(2, 2))
    nn.init.constant_(model[3].weight, -3.0)
    layers = {str(i): m for i, m in enumerate(model)}
    stats = observe_inputs(model, layers, CalibrationSource(2 * x - 1))
    assert (stats["0"].coding, stats["0"].largest, stats["0"].calls) == ("signed", 1.0, 1)
    stats = observe_inputs(model, layers, CalibrationSource(x, batch_size=1))
    assert (stats["3"].coding, stats["3"].calls) == ("spikes", 2)
    stats = observe_inputs(model, layers, CalibrationSource(3 * x))
    assert (stats["0"].coding, stats["0"].largest) == ("real", 3.0)
    assert not model[0]._forward_pre_hooks


def test_observer_by_hand() -> None:
    # 2 row tiles, 1 bundle, 2 column tiles of 2 outputs; 3 outputs, one slice: plus 0 1 2, then minus 0 1 2
    observer = RangeObserver((2, 1, 2), outs_per_array=2, outs=3, full_scale=12, bits=4, method="max")
    sums = torch.tensor([[1.0, 2, 3, 4, 5, 6]]).reshape(1, 1, 6, 1)
    observer(0, sums)
    observer(1, 2 * sums)
    observer(1, torch.zeros(1, 1, 6, 1))
    assert observer.ranges().reshape(2, 2).tolist() == [[5, 6], [10, 12]]


def test_observer_percentile_per_array() -> None:
    observer = RangeObserver((1, 1, 1), 1, 1, full_scale=100, bits=4, method="percentile", percentile=90)
    observer(0, torch.arange(100.0).reshape(1, 1, 2, 50))
    assert observer.ranges().item() == 89


def test_wide_arrays_share_bins() -> None:
    observer = RangeObserver((1, 1, 1), 1, 1, full_scale=1e5, bits=4, method="percentile", percentile=50)
    observer(0, torch.linspace(0, 1e5, 2000).reshape(1, 1, 2, 1000))
    assert observer.ranges().item() == pytest.approx(5e4, rel=1e-3)


def test_a_maximum_range_clips_nothing_of_the_calibration_data() -> None:
    analog = to_analog(
        network(), chip(**{"adc.calibration": "max", "device.program_noise": 0.0}), data=batch()
    )
    layer = analog.chip_layers["0"]
    assert (layer.range_levels <= layer.full_scale()).all()
    assert (layer.range_levels < layer.full_scale()).any()
    tighter = calibrate_adc(analog, batch(), "percentile", 90).chip_layers["0"].range_levels
    assert (tighter <= layer.full_scale()).all()


def test_ranges_follow_the_method_and_come_back() -> None:
    analog = to_analog(network(), chip(**{"adc.calibration": "max"}), data=batch())
    first = [layer.range_levels.copy() for layer in analog.chip_layers.values()]
    calibrate_adc(analog, batch(), "percentile", 80.0)
    narrow = [layer.range_levels.copy() for layer in analog.chip_layers.values()]
    assert all((n <= f).all() for n, f in zip(narrow[:1], first[:1], strict=True))
    assert any((n < f).any() for n, f in zip(narrow, first, strict=True))


def test_fitted_ranges_err_less_than_the_worst_case() -> None:
    from axbar.crossbar import digital

    x, model = batch(), network()
    exact = digital(model, chip(), x)(x)
    spec = chip(**{"device": "ideal", "adc.calibration": "mse"})
    worst = to_analog(model, spec, data=x)
    for layer in worst.chip_layers.values():
        layer.set_ranges(layer.full_scale())
    fitted = to_analog(model, spec, data=x)
    assert (fitted(x) - exact).abs().mean() < 0.7 * (worst(x) - exact).abs().mean()


def test_nominal_ranges_do_not_depend_on_the_die() -> None:
    one, other = (to_analog(network(), chip(), seed=seed, data=batch()) for seed in (1, 2))
    for path, layer in one.chip_layers.items():
        assert np.array_equal(layer.range_levels, other.chip_layers[path].range_levels)


def test_batches_of_a_source() -> None:
    source = CalibrationSource(batch(10), batch_size=4)
    assert [len(b) for b in source] == [4, 4, 2] and len(source) == 10
    assert CalibrationSource.of(source) is source
    assert CalibrationSource.of(np.zeros((2, 3), dtype=np.float32)).x.shape == (2, 3)
    assert CalibrationSource.of(torch.zeros(2, 3, dtype=torch.uint8)).x.dtype == torch.float32


def test_many_batches_give_nearly_the_ranges_of_one() -> None:
    analog = to_analog(network(), chip(), data=batch())
    whole = calibrate_adc(analog, CalibrationSource(batch(), 32)).chip_layers["0"].range_levels.copy()
    parts = calibrate_adc(analog, CalibrationSource(batch(), 8)).chip_layers["0"].range_levels
    assert np.array_equal(whole, parts)  # the first layer sees the same values either way


def test_bad_data_and_bad_method() -> None:
    analog = to_analog(network(), chip(), data=batch())
    with pytest.raises(DataError, match="can't take calibration data"):
        calibrate_adc(analog, torch.rand(3, 7))
    with pytest.raises(UsageError, match="did you mean 'max'"):
        calibrate_adc(analog, batch(), "maxx")
    y = analog.rewind()(batch())
    assert torch.equal(analog.rewind()(batch()), y)  # recording has ended
