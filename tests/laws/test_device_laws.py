"""Laws of quantising, slicing and programming."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Given:
    """The same given draws for every effect."""

    normals: np.ndarray
    uniforms: np.ndarray

    def normal(self, effect: str) -> np.ndarray:
        return self.normals

    def uniform(self, effect: str) -> np.ndarray:
        return self.uniforms


SHARES = arrays(np.float64, 8, elements=st.floats(0, 1))
NORMALS = arrays(np.float64, 8, elements=st.floats(-6, 6))
UNIFORMS = arrays(np.float64, 8, elements=st.floats(0, 1, exclude_max=True))


@given(NAMES, SHARES, NORMALS, UNIFORMS)
def test_programmed_cells_are_non_negative_and_follow_the_draw(
    name: str, share: np.ndarray, normal: np.ndarray, uniform: np.ndarray
) -> None:
    spec = registry.get("devices", name).spec
    target = share * spec.g_on_S
    g = devices.program(target, spec, Given(normal, uniform))
    assert np.all(g >= 0)
    assert np.all(devices.program(target, spec, Given(normal + 0.5, uniform)) >= g)
    assert np.array_equal(devices.program(target, spec, Given(np.zeros(8), uniform)), target)


@given(NAMES, SHARES, NORMALS, UNIFORMS, st.floats(0, 12))
def test_aged_cells_are_finite_and_non_negative(
    name: str, share: np.ndarray, normal: np.ndarray, uniform: np.ndarray, decades: float
) -> None:
    spec = registry.get("devices", name).spec
    t_s = max(devices.first_read_s(spec), 10.0**decades)
    g = devices.age(share * spec.g_on_S, t_s, spec, Given(normal, uniform))
    assert np.all(np.isfinite(g)) and np.all(g >= 0)
    sigma = devices.read_sigma(g, spec)
    assert np.all(np.isfinite(sigma)) and np.all(sigma >= 0)


@given(NAMES, st.integers(0, 2**40), st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32))
def test_an_arrays_cells_do_not_depend_on_what_is_computed_beside_it(
    name: str, seed: int, rows: int, cols: int, place: int
) -> None:
    spec = registry.get("devices", name).spec.model_copy(update={"stuck_on": 0.1, "verify_tolerance": 0.02})
    t_s = 1e4

    def die(places: tuple[int, ...]) -> np.ndarray:
        return np.stack([through(devices.SeededDraws((rows, cols), seed, "conv", p)) for p in places])

    def through(draws: devices.SeededDraws) -> np.ndarray:
        g = np.full((rows, cols), 0.6 * spec.g_on_S)
        return devices.age(devices.faults(devices.program(g, spec, draws), spec, draws), t_s, spec, draws)

    both, swapped = die((place, place + 1)), die((place + 1, place))
    assert np.array_equal(both, swapped[::-1])
    assert np.array_equal(both[:1], die((place,)))


@given(SHARES, UNIFORMS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_stuck_cells_stand_at_the_ends_of_the_range(
    share: np.ndarray, uniform: np.ndarray, on: float, off: float
) -> None:
    spec = registry.get("devices", "rram-neurram").spec.model_copy(update={"stuck_on": on, "stuck_off": off})
    g = share * spec.g_on_S
    stuck = devices.faults(g, spec, Given(np.zeros(8), uniform))
    assert np.all(stuck[uniform < on] == spec.g_on_S)
    assert np.all(stuck[(uniform >= on) & (uniform < on + off)] == spec.g_off_S)
    assert np.array_equal(stuck[uniform >= on + off], g[uniform >= on + off])


@given(NAMES, SHARES, st.floats(-0.5, 0.5))
def test_a_cells_current_has_the_sign_of_its_voltage(name: str, share: np.ndarray, v_V: float) -> None:
    spec = registry.get("devices", name).spec
    g = share * spec.g_on_S
    current = devices.current(g, v_V, spec)
    assert np.all(current * v_V >= 0)
    assert np.all(devices.secant(g, v_V, spec) >= 0)
