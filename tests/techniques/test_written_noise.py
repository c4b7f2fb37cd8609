"""What written values hold: the closed form against cells that are drawn, and where clipping starts to pay."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest

import axbar
from axbar import devices
from axbar.spec.imc import ImcSpec
from axbar.techniques import written_snr_dB
from axbar.techniques._written_noise import written_sigma

CLIPPED = {"run_time.clip_low": 2.0, "run_time.clip_high": 0.5}
QUARTER = {"run_time.clip_low": 2.0, "run_time.clip_high": 0.25}


def chip(gamma_sigma: float, **changes: Any) -> ImcSpec:
    settings = {"run_time.write_noise": gamma_sigma / 0.4, **changes}
    return cast("ImcSpec", axbar.load_hardware("imc-rram-clipformer", settings))


def on(device: str, gamma_sigma: float, changes: dict[str, float]) -> float:
    return written_snr_dB(chip(gamma_sigma, device=device, **changes))


def test_the_spread_of_a_code_is_that_of_drawn_cells() -> None:
    """Digits 3, 1, 0, 2 of 2 bits, highest first: code 210."""
    spec, code = chip(0.1), 0b11010010
    codes, sigma = written_sigma(spec)
    loud = spec.device.model_copy(update={"program_noise": 0.25})
    step = (loud.g_on_S - loud.g_off_S) / 3
    digits = np.array([[(code >> low) & 3 for low in (0, 2, 4, 6)]] * 20_000)
    target = devices.level_conductance_S(digits, 2, loud.g_on_S, loud.g_off_S)
    rng = np.random.default_rng(0)
    written = target + devices.preset_of(loud).program_sigma(target, loud) * rng.normal(size=target.shape)
    values = ((written - loud.g_off_S) / step) @ np.array([1, 4, 16, 64])
    assert codes[code] == code and values.mean() == pytest.approx(code, abs=0.5)
    assert values.std() == pytest.approx(sigma[code], rel=0.02)


def test_without_errors_only_clipping_is_lost() -> None:
    assert written_snr_dB(chip(0.0)) == math.inf
    share = {"run_time.clip_high": 0.5}
    often = np.zeros(256)
    often[[64, 255]] = 1.0
    half = written_snr_dB(chip(0.0, **share), often)
    codes, _ = written_sigma(chip(0.0, **share))
    assert codes[64] == 64 and codes[255] < 130
    assert half == pytest.approx(10 * math.log10((64**2 + 255**2) / (255 - codes[255]) ** 2))


@pytest.mark.parametrize(("device", "start"), [("rram-clipformer", 0.3), ("rram-clipformer-gap", 0.5)])
def test_clipping_starts_to_pay_later_where_errors_vanish_at_both_ends(device: str, start: float) -> None:
    def gain(level: float) -> float:
        return on(device, level, CLIPPED) - on(device, level, {})

    assert gain(start - 0.1) < -0.1 < 0.1 <= gain(start + 0.1)


def test_a_quarter_pays_at_much_noise_only() -> None:
    device = "rram-clipformer"
    gains = [on(device, level, QUARTER) - on(device, level, {}) for level in (0.1, 0.3, 0.5, 1.0)]
    assert gains == sorted(gains) and gains[1] < -1 and gains[2] > 1 and gains[3] > 4
