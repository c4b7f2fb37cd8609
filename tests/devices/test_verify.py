"""Mean writes of write-verify: against drawing, at its ends, and as a law."""

from __future__ import annotations

import numpy as np
import pytest
from device_cases import NAMES, preset, with_changes
from hypothesis import given
from hypothesis import strategies as st

from axbar import devices

NOISY = [name for name in NAMES if devices.is_noisy(preset(name).spec)]


def drawn(spec: devices.DevicePreset | object, bits: int, cells: int = 40_000) -> float:
    """Write cells of every level until they are on target, and count."""
    rng = np.random.default_rng(0)
    found = devices.preset_of(spec)
    counts = []
    for share in np.arange(2**bits) / (2**bits - 1):
        target = spec.g_off_S + share * (spec.g_on_S - spec.g_off_S)
        bias = found.bias_law(np.array(share)) * spec.g_on_S * spec.program_noise if found.bias_law else 0.0
        sigma = found.program_sigma(target, spec)
        left, writes = cells, 0
        for _ in range(int(spec.verify_writes)):
            writes += left
            g = np.maximum(target + bias + sigma * rng.normal(size=left), 0.0)
            left = int((np.abs(g - target) > spec.verify_tolerance * spec.g_on_S).sum())
        counts.append(writes / cells)
    return 0.5 * (np.mean(counts) + counts[0])


@pytest.mark.parametrize("name", NOISY)
def test_it_is_what_drawing_counts(name: str) -> None:
    bits = min(2, preset(name).max_cell_bits)
    sigma = float(np.median(preset(name).program_sigma(np.linspace(0.1, 1, 9) * preset(name).spec.g_on_S)))
    spec = with_changes(name, verify_tolerance=sigma / preset(name).spec.g_on_S, verify_writes=7)
    assert devices.expected_writes(spec, bits) == pytest.approx(drawn(spec, bits), rel=0.02)


def test_its_ends() -> None:
    spec = preset("rram-neurram").spec
    assert devices.expected_writes(spec, 3) == 1.0
    never = with_changes("rram-neurram", verify_tolerance=1e-12, verify_writes=10)
    assert devices.expected_writes(never, 3) == pytest.approx(10.0, rel=1e-6)
    always = with_changes("rram-neurram", verify_tolerance=1.0)
    assert devices.expected_writes(always, 3) == pytest.approx(1.0, abs=1e-9)
    assert devices.expected_writes(with_changes("ideal", verify_tolerance=0.01), 3) == 1.0


@given(st.floats(1e-4, 0.5), st.floats(1.0, 4.0), st.integers(1, 50), st.integers(0, 50))
def test_finer_targets_and_more_patience_take_more_writes(
    tolerance: float, factor: float, writes: int, more: int
) -> None:
    def mean(tolerance: float, writes: int) -> float:
        return devices.expected_writes(
            with_changes("pcm-mushroom", verify_tolerance=tolerance, verify_writes=writes), 3
        )

    here = mean(tolerance, writes)
    assert 1.0 <= here <= writes * (1 + 1e-12)
    assert (
        mean(min(1.0, tolerance * factor), writes)
        <= here * (1 + 1e-12)
        <= mean(tolerance, writes + more) * (1 + 2e-12)
    )
