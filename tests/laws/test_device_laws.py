"""Laws of quantising, slicing and programming."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from axbar import devices, registry

FLOATS = st.floats(-1e3, 1e3, allow_subnormal=False)
WEIGHTS = arrays(np.float64, st.integers(1, 30), elements=FLOATS)
BITS = st.integers(2, 8)
NAMES = st.sampled_from(registry.names("devices"))


@given(WEIGHTS, BITS)
def test_quantised_weights_are_within_half_a_step(w: np.ndarray, bits: int) -> None:
    codes, scale = devices.quantise(w, bits)
    assert np.abs(codes).max() <= 2 ** (bits - 1) - 1
    assert np.all(np.abs(codes * scale - w) <= scale * 0.5 * (1 + 1e-9))


@given(WEIGHTS, BITS)
def test_quantising_twice_changes_nothing(w: np.ndarray, bits: int) -> None:
    codes, scale = devices.quantise(w, bits)
    assert np.array_equal(devices.quantise(codes * scale, bits, scale)[0], codes)


@given(WEIGHTS, BITS, st.integers(1, 7))
def test_slices_add_up_to_the_code(w: np.ndarray, bits: int, cell_bits: int) -> None:
    codes, _ = devices.quantise(w, bits)
    plus, minus = devices.slice_codes(codes, bits, cell_bits)
    weight = (2 ** (cell_bits * np.arange(len(plus))))[:, None]
    joined = ((plus.astype(int) - minus.astype(int)) * weight).sum(0)
    assert np.array_equal(joined, codes)
    assert max(plus.max(), minus.max()) < 2**cell_bits
    assert not np.any((plus > 0) & (minus > 0))
    assert len(plus) == devices.n_slices(bits, cell_bits)


@given(st.integers(1, 7), st.floats(1e-7, 1e-3), st.floats(0, 0.99))
def test_levels_span_the_range_evenly(cell_bits: int, g_on: float, ratio: float) -> None:
    levels = np.arange(2**cell_bits)
    g = devices.level_conductance_S(levels, cell_bits, g_on, ratio * g_on)
    assert np.isclose(g[0], ratio * g_on) and np.isclose(g[-1], g_on)
    assert np.allclose(np.diff(g), (g_on - ratio * g_on) / levels[-1])


@given(
    NAMES, arrays(np.float64, 8, elements=st.floats(0, 1)), arrays(np.float64, 8, elements=st.floats(-6, 6))
)
def test_programmed_cells_are_non_negative_and_follow_the_draw(
    name: str, share: np.ndarray, normal: np.ndarray
) -> None:
    spec = registry.get("devices", name).spec
    target = share * spec.g_on_S
    g = devices.program(target, spec, normal)
    assert np.all(g >= 0)
    assert np.all(devices.program(target, spec, normal + 0.5) >= g)
    assert np.array_equal(devices.program(target, spec, np.zeros(8)), target)
