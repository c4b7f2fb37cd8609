"""Diagnostics of a die: PC2, gain and offset per output, and the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from chips import chip, images, spiking_net
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from axbar.crossbar import Effects, to_analog
from axbar.crossbar._diagnose import ChannelFit, diagnose, diagnosis_table, pc2
from axbar.errors import UsageError

EXACT = {"device": "ideal", "adc.bits": 12, "wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0}


def weights(seed: int, n: int = 500) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


class TestPc2:
    @given(seed=st.integers(0, 1000), gain=st.floats(-2, 2), offset=st.floats(-1, 1))
    def test_a_line_has_none_and_noise_adds_its_variance(self, seed: int, gain: float, offset: float) -> None:
        w, noise = weights(seed), weights(seed + 1)
        assert pc2(w, gain * w + offset) < 1e-25
        assert pc2(w, w + 0.1 * noise) > 1e-4

    def test_is_the_smaller_eigenvalue_in_units_of_the_largest_weight(self) -> None:
        w, actual = weights(0), 0.5 * weights(0) + 0.2 * weights(1)
        pairs = np.stack([w, actual]) / np.abs(w).max()
        assert pc2(w, actual) == pytest.approx(np.linalg.eigvalsh(np.cov(pairs, bias=True))[0], rel=1e-9)
        assert pc2(7 * w, 7 * actual) == pytest.approx(pc2(w, actual), rel=1e-12)

    def test_edges(self) -> None:
        assert pc2(np.zeros(3), np.arange(3)) == 0.0
        with pytest.raises(UsageError, match=r"shapes \(2,\) and \(3,\)"):
            pc2([1, 2], [1, 2, 3])
        with pytest.raises(UsageError, match="pair by pair"):
            pc2([], [])


class TestFit:
    @settings(deadline=None)
    @given(seed=st.integers(0, 1000), cuts=st.sets(st.integers(0, 200), max_size=4))
    def test_finds_gain_and_offset_whatever_the_parts(self, seed: int, cuts: set[int]) -> None:
        rng = np.random.default_rng(seed)
        z, a, b = rng.normal(50, 2, (3, 200)), rng.uniform(0.1, 2, 3), rng.normal(0, 9, 3)
        fit = ChannelFit()
        for part in np.split(z, sorted(cuts), axis=1):
            fit.add(part, a[:, None] * part + b[:, None])
        gain, offset, error, residual = fit.result()
        assert np.allclose(gain, a, rtol=1e-10) and np.allclose(offset, b, atol=1e-8)
        assert residual < 1e-6
        off = a[:, None] * z + b[:, None] - z
        assert error == pytest.approx(math.sqrt((off**2).mean(1).sum() / z.var(1).sum()))

    def test_residual_is_what_a_perfect_norm_leaves(self) -> None:
        rng = np.random.default_rng(0)
        z = rng.normal(size=(2, 5000))
        actual = 0.3 * z + 0.1 * rng.normal(size=z.shape) + 2
        fit = ChannelFit()
        fit.add(z, actual)
        left = [np.polyfit(y, x, 1, full=True)[1][0] for x, y in zip(z, actual, strict=True)]
        assert fit.result()[3] == pytest.approx(math.sqrt(sum(left) / 5000 / z.var(1).sum()), rel=1e-9)

    def test_outputs_that_never_vary(self) -> None:
        fit = ChannelFit()
        fit.add(np.ones((1, 4)), np.full((1, 4), 3.0))
        gain, offset, error, residual = fit.result()
        assert (gain, offset, error, residual) == (1.0, 2.0, math.inf, 0.0)
        with pytest.raises(UsageError, match="no image reached"):
            ChannelFit().result()


class TestDiagnose:
    def test_ideal_arrays_have_no_error(self) -> None:
        analog = to_analog(spiking_net(), chip(EXACT), seed=1, data=images())
        found = diagnose(analog, images())
        assert [d.layer for d in found] == ["first", "second", "last"]
        for d, outputs in zip(found, (6, 8, 4), strict=True):
            assert d.gain.shape == d.offset.shape == (outputs,)
            assert d.error == 0.0 and d.residual < 1e-6 and d.pc2 < 1e-30 and d.repairable_by_bn
            assert np.allclose(d.gain, 1) and np.allclose(d.offset, 0, atol=1e-6)

    def test_wires_are_mostly_a_gain(self) -> None:
        wires = {"wires.r_row_ohm": 5.0, "wires.r_col_ohm": 10.0, "wires.r_driver_ohm": 1000.0}
        analog = to_analog(spiking_net(), chip({**EXACT, **wires}), seed=1, data=images())
        for d in diagnose(analog.set_effects(Effects.only("wires")), images()):
            assert (d.gain < 0.98).all() and d.residual < 0.25 * d.error and d.repairable_by_bn

    def test_noise_of_cells_is_none_and_its_size_shows_in_pc2(self) -> None:
        size: list[float] = []
        for noise in (0.5, 6.0):
            spec = chip({"device": "rram-generic", "device.program_noise": noise})
            analog = to_analog(spiking_net(), spec, seed=1, data=images()).set_effects(
                Effects.only("programming")
            )
            second = diagnose(analog, images())[1]
            assert second.residual > 0.3 * second.error
            size.append(second.pc2)
            assert second.repairable_by_bn == (noise < 1)
        assert size[1] > 20 * size[0]

    def test_agrees_with_the_weights_of_the_die(self) -> None:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(16, 3))
        analog = to_analog(
            model, chip({"device": "rram-generic"}), seed=2, effects=Effects.only("programming")
        )
        x = torch.eye(16).repeat(2, 1)
        (found,) = diagnose(analog, x)
        ideal, actual = (
            getattr(analog.chip_layers["0"], name)() for name in ("ideal_weight", "effective_weight")
        )
        for row in range(3):
            slope, intercept = np.polyfit(ideal[row], actual[row], 1)
            assert found.gain[row] == pytest.approx(slope, rel=1e-4)
            assert found.offset[row] == pytest.approx(intercept, abs=1e-5)
        assert found.pc2 == pc2(ideal, actual)

    def test_leaves_the_die_alone_and_uses_as_many_images_as_told(self) -> None:
        analog = to_analog(spiking_net(), chip(), seed=1, data=images())
        twin = to_analog(spiking_net(), chip(), seed=1, data=images())
        first = diagnose(analog, images(40), images=8)
        assert torch.equal(analog(images()), twin(images()))
        assert not any(layer._forward_hooks for layer in analog.modules())
        again = diagnose(twin.rewind(), images(40)[:8])
        assert [d.error for d in first] == [d.error for d in again]

    def test_table(self) -> None:
        found = diagnose(to_analog(spiking_net(), chip(), seed=1, data=images()), images())
        lines = diagnosis_table(found).splitlines()
        assert len(lines) == 4 and lines[1].startswith("first") and lines[1].endswith(("yes", "no"))
        assert {len(line.rstrip("yesno ")) for line in lines[1:]} and lines[0].endswith("by BN")

    def test_refuses(self) -> None:
        with pytest.raises(UsageError, match="needs a network from to_analog, got SpikingNet"):
            diagnose(spiking_net(), images())
        with pytest.raises(UsageError, match="images = 0"):
            diagnose(to_analog(spiking_net(), chip(), data=images()), images(), images=0)


def test_read_noise_counts_as_the_spread_of_one_read() -> None:
    w = np.random.default_rng(0).normal(size=200_000)
    sigma = 0.2 * np.abs(w)
    one_read = 0.6 * w + sigma * np.random.default_rng(1).normal(size=w.size)
    assert pc2(w, 0.6 * w, sigma) == pytest.approx(pc2(w, one_read), rel=0.02)
    assert pc2(w, 0.6 * w) < 1e-15
