"""A die keeps what was done to it as long as it is the same die, and forgets it when it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from chips import IDEAL, chip, images, spiking_net

from axbar.crossbar import AnalogModel, Effects, diagnose, to_analog
from axbar.errors import DataError, UsageError

PCM = {"device": "pcm-mushroom", "device.read_noise": 0.0}


def made(changes: dict[str, object] | None = None, **settings: object) -> AnalogModel:
    analog = to_analog(spiking_net(), chip({**PCM, **(changes or {})}), seed=3, data=images(), **settings)  # type: ignore[arg-type]
    assert isinstance(analog, AnalogModel)
    return analog


def layer_of(analog: AnalogModel) -> object:
    return analog.chip_layers["second"]


def test_moving_or_casting_keeps_read_backs_and_compensation(tmp_path: Path) -> None:
    other = made()
    other.program(9).export_conductances(tmp_path / "die.npz", "held")
    analog = made().load_conductances(tmp_path / "die.npz")
    y = analog(images())
    assert torch.equal(analog.double().float()(images()), y)
    analog = made().at_time(1e6).compensate_drift()
    y = analog(images())
    assert torch.equal(analog.double().float()(images()), y)


def test_new_weights_forget_them() -> None:
    analog = made().at_time(1e6).compensate_drift()
    layer = layer_of(analog)
    with torch.no_grad():
        layer.weight.mul_(-1)
    layer.refresh()
    assert layer.output_gain is None


def test_a_die_and_a_time_are_what_they_are_called() -> None:
    analog = made({"device.age_s": 1e6})
    y = analog(images())
    analog.compensate_drift()
    compensated = analog(images())
    assert not torch.equal(compensated, y)
    assert torch.equal(analog.set_effects(Effects().without("read_noise"))(images()), compensated)
    assert torch.equal(analog.set_effects(Effects()).at_time(1e6)(images()), y)
    assert torch.equal(analog.compensate_drift().program(3)(images()), y)


def test_compensation_needs_the_fresh_die(tmp_path: Path) -> None:
    analog = made()
    analog.export_conductances(tmp_path / "die.npz", "held")
    with pytest.raises(UsageError, match="fresh die"):
        analog.load_conductances(tmp_path / "die.npz").compensate_drift()


def test_diagnosis_compares_read_backs_with_targets(tmp_path: Path) -> None:
    analog = made(effects=Effects.none())
    analog.export_conductances(tmp_path / "die.npz", "held")
    with np.load(tmp_path / "die.npz") as file:
        weaker = {k: file[k] * 0.3 for k in file.files if k != "about"}
    np.savez(tmp_path / "weaker.npz", **weaker)
    rows = diagnose(analog.load_conductances(tmp_path / "weaker.npz"), images())
    assert all(np.allclose(row.gain, 0.3, atol=0.01) for row in rows[:1])


def test_ranges_are_fitted_even_if_converters_are_off_at_first() -> None:
    on, later = made(), made(effects=Effects().without("adc"))
    assert torch.equal(later.set_effects(Effects()).program(3)(images()), on(images()))


def test_epochs_share_no_draw_and_calls_by_keyword_count() -> None:
    class Net(torch.nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x)

    torch.manual_seed(0)
    noisy = chip({"device.read_noise": 3.0})
    x = (torch.rand(12, 20) < 0.5).float()
    analog = to_analog(Net(torch.nn.Linear(20, 5)), noisy, seed=1, data=x)
    y = analog(x)
    assert not torch.equal(analog.rewind(epoch=1)(x), y)
    assert torch.equal(analog.rewind()(x=x), y)
    analog.rewind()
    assert torch.equal(torch.cat([analog(x=x[:5]), analog(x=x[5:])]), y)


def test_nothing_in_nothing_out() -> None:
    layer = to_analog(
        torch.nn.Linear(20, 5), chip({"device.read_noise": 1.0}), effects=Effects().without("adc")
    )
    assert layer(torch.empty(0, 20)).shape == (0, 5)


def test_signed_spikes_are_one_pulse_whatever_the_dac() -> None:
    x = torch.randint(-1, 2, (16, 20)).float()
    one, four = (
        to_analog(torch.nn.Linear(20, 5), chip({**IDEAL, "input.dac_bits": d}), data=x).chip_layers["root"]
        for d in (1, 4)
    )
    assert np.array_equal(one.full_scale(), four.full_scale())


def test_bad_times_layers_and_files(tmp_path: Path) -> None:
    analog = made()
    with pytest.raises(UsageError, match="at_time got '1 day'"):
        analog.at_time("1 day")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="layer"):
        analog.set_effects(Effects.none(), ["first", "nowhere"])
    assert analog.effects["first"] == Effects()
    analog.export_conductances(tmp_path / "die.npz", "held")
    with np.load(tmp_path / "die.npz") as file:
        micro = {k: file[k] * 1e6 for k in file.files if k != "about"}
    np.savez(tmp_path / "micro.npz", **micro)
    with pytest.raises(DataError, match="beyond the range of 'pcm-mushroom'"):
        analog.load_conductances(tmp_path / "micro.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("one.npy", "empty.npz"):
        with pytest.raises(DataError, match="can't be read"):
            analog.load_conductances(tmp_path / name)
