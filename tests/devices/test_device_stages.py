"""How the stages behave: verifying, clipping, purity, scales, which draws they ask for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from device_cases import NAMES, SPECS, Fixed, cells, own_device, preset, seeded, silent, with_changes

from axbar import devices

NOISY = [name for name in NAMES if devices.is_noisy(SPECS[name])]
IN_TIME = [name for name in NAMES if devices.has_time_law(SPECS[name])]


def test_conductance_never_falls_below_zero() -> None:
    spec = preset("pcm-mushroom").spec
    g = devices.program(np.zeros(3), spec, Fixed(np.array([-3.0, 0.0, 3.0])))
    assert g.tolist() == pytest.approx([0.0, 0.0, 3 * 0.26348e-6])
    worn = own_device(retention_c0=0.5)
    assert devices.age(cells(0.1, worn, 1), 1e4, worn, Fixed(-3.0)).tolist() == [0.0]


@pytest.mark.parametrize("name", NOISY)
def test_noise_scales_with_the_range_and_the_setting(name: str) -> None:
    published, spec = devices.preset_of(SPECS[name]), SPECS[name]
    x = np.linspace(0, 1, 5)
    wider = spec.model_copy(update={"g_on_S": 2 * spec.g_on_S})
    louder = spec.model_copy(update={"program_noise": 3.0})
    base = published.program_sigma(x * spec.g_on_S, spec)
    assert published.program_sigma(x * wider.g_on_S, wider) == pytest.approx(2 * base)
    assert published.program_sigma(x * louder.g_on_S, louder) == pytest.approx(3 * base)


def test_a_bias_moves_the_mean() -> None:
    spec = own_device(bias_c0=0.02, bias_c1=-0.05)
    g = devices.program(np.array([0.2, 0.8]) * spec.g_on_S, spec, Fixed(0.0, 2))
    assert g / spec.g_on_S == pytest.approx([0.2 + 0.02 - 0.01, 0.8 + 0.02 - 0.04])


@pytest.mark.parametrize("name", NOISY)
def test_verified_cells_end_within_the_tolerance(name: str) -> None:
    spec = SPECS[name].model_copy(update={"verify_tolerance": 0.01, "verify_writes": 1000})
    target = np.linspace(0.2, 1, 400) * spec.g_on_S
    g = devices.program(target, spec, seeded(400))
    assert np.abs(g - target).max() <= 0.01 * spec.g_on_S
    assert g.std() > 0 and not np.array_equal(g, target)


def test_cells_are_written_only_so_often() -> None:
    spec = with_changes("rram-generic", verify_tolerance=0.01, verify_writes=4)
    draws = Fixed(3.0, 2)  # never within the tolerance
    g = devices.program(np.array([5e-6, 8e-6]), spec, draws)
    assert draws.asked == ["program", "program#2", "program#3", "program#4"]
    assert g == pytest.approx([5e-6 + 1.5e-6, 8e-6 + 1.5e-6])


def test_a_good_write_is_kept() -> None:
    once, verified = with_changes("rram-generic"), with_changes("rram-generic", verify_tolerance=0.05)
    target = cells(0.5, once, 1000)
    first, g = (devices.program(target, spec, seeded(1000)) for spec in (once, verified))
    good = np.abs(first - target) <= 0.05 * once.g_on_S
    assert 0.6 < good.mean() < 0.75  # one sigma
    assert np.array_equal(g[good], first[good]) and not np.any(g[~good] == first[~good])


@pytest.mark.parametrize("name", NAMES)
def test_scale_zero_is_the_identity_bit_for_bit(name: str) -> None:
    spec = silent(SPECS[name])
    g = np.linspace(0, 1.3, 77) * spec.g_on_S
    assert np.array_equal(devices.program(g, spec, seeded(77)), g)
    assert np.array_equal(devices.faults(g, spec, seeded(77)), g)
    assert np.array_equal(devices.age(g, 1e7, spec, seeded(77)), g)
    assert np.array_equal(devices.secant(g, 0.4, spec), g)
    assert not devices.read_sigma(g, spec).any()
    assert not devices.is_noisy(spec) and not devices.has_time_law(spec) and not devices.has_read_noise(spec)


@pytest.mark.parametrize(
    ("name", "scale"),
    [("pcm-mushroom", "program_noise"), ("pcm-mushroom", "flicker_noise"), ("rram-neurram", "drift"),
     ("custom", "program_noise"), ("custom", "drift"), ("rram-cmo", "flicker_noise")],
)  # fmt: skip
def test_larger_scales_leave_larger_errors(name: str, scale: str) -> None:
    errors: list[np.ndarray] = []
    for factor in (0.0, 0.5, 1.0, 1.5):
        spec = silent(SPECS[name], scale).model_copy(update={scale: factor})
        g = cells(0.8, spec, 500)
        written = devices.program(g, spec, seeded(500))
        errors.append(np.abs(devices.age(written, 1e4, spec, seeded(500)) - g))
    assert not errors[0].any()
    assert all(np.mean(larger) > np.mean(smaller) for smaller, larger in pairwise(errors))


@pytest.mark.parametrize("name", IN_TIME)
def test_at_the_first_read_only_flicker_noise_is_new(name: str) -> None:
    spec = SPECS[name]
    g = np.linspace(0.1, 1, 9) * spec.g_on_S
    quiet = spec.model_copy(update={"flicker_noise": 0.0})
    t0_s = devices.first_read_s(spec)
    assert np.array_equal(devices.age(g, t0_s, quiet, seeded(9)), g)
    assert np.array_equal(devices.age(g, t0_s, spec, seeded(9)), g) == (preset(name).flicker is None)


@pytest.mark.parametrize("name", IN_TIME)
def test_age_is_a_pure_function_of_time(name: str) -> None:
    spec = SPECS[name]
    g = np.linspace(0.1, 1, 9) * spec.g_on_S
    draws = seeded(9)
    early = devices.age(g, 1e3, spec, draws)
    late = devices.age(g, 1e6, spec, draws)
    assert np.array_equal(devices.age(g, 1e3, spec, draws), early)
    assert not np.array_equal(early, late)
    assert np.array_equal(devices.age(g, 1000, spec, draws), early), "an int is the same time"


def test_draws_of_the_cell_stay_and_flicker_is_new_at_every_time() -> None:
    draws = Fixed(0.5, 2)
    spec = preset("pcm-mushroom").spec
    for t_s in (20.0, 100.0, 1e4):
        devices.age(cells(0.5, spec, 2), t_s, spec, draws)
    assert draws.asked == ["flicker@20.0", "nu", "flicker@100.0", "nu", "flicker@10000.0"]


@pytest.mark.parametrize("name", ["pcm-mushroom", "pcm-hermes", "rram-bn"])
def test_drifting_cells_lose_more_with_time_and_scale(name: str) -> None:
    spec = silent(preset(name).spec, "drift")
    g = cells(0.5, spec, 300)
    draws = seeded(300)
    ages = [devices.age(g, t * devices.first_read_s(spec), spec, draws) for t in (1, 10, 1e3, 1e6)]
    assert all(np.all(later < sooner) for sooner, later in pairwise(ages))
    double = devices.age(g, 1e6, spec.model_copy(update={"drift": 2.0}), draws)
    assert np.allclose(double / g, (devices.age(g, 1e6, spec, draws) / g) ** 2)


@pytest.mark.parametrize("name", ["rram-neurram", "rram-cmo", "sonos", "custom"])
def test_relaxation_widens_with_time_until_the_law_ends(name: str) -> None:
    law = devices.preset_of(SPECS[name]).retention
    assert law is not None
    x = np.linspace(0.5, 0.9, 5)
    t0_s = devices.first_read_s(SPECS[name])
    sigmas = [law.sigma(x, t0_s + t) for t in (0, 60, 3600, 86_400, 172_800, 400_000)]
    assert not sigmas[0].any() and not law.mean(x, t0_s).any()
    assert all(np.all(later > sooner * 0.99) for sooner, later in pairwise(sigmas))


def test_sonos_holds_day_five() -> None:
    law = preset("sonos").retention
    assert law is not None
    x = np.linspace(0, 1, 11)
    for moment in (law.mean, law.sigma):
        assert np.array_equal(moment(x, 1e9), moment(x, 5 * 86_400.0))
    assert np.abs(law.mean(np.linspace(0, 2, 50), 86_400.0)).max() < 0.06, "the polynomial must not explode"


def test_cells_stuck_at_a_low_rate_stay_stuck_at_a_higher_one() -> None:
    g = cells(0.5, preset("rram-neurram").spec, 2000)
    few, many = (
        devices.faults(g, with_changes("rram-neurram", stuck_on=rate), seeded(2000)) == 40e-6
        for rate in (0.05, 0.1)
    )
    assert np.all(many[few]) and many.sum() > few.sum()


def test_a_bent_curve_is_ohms_law_near_zero_and_odd() -> None:
    spec = preset("rram-hfo2").spec
    g = np.array([0.0, 20e-6, 50e-6, 80e-6, 150e-6, 225e-6, 260e-6])
    assert devices.secant(g, 1e-9, spec) == pytest.approx(g, rel=1e-6)
    v = np.linspace(-0.5, 0.5, 41)[:, None]
    current = devices.current(g, v, spec)
    assert np.all(np.diff(current, axis=0) >= 0)
    assert np.array_equal(devices.current(g, -v, spec), -current)
    assert np.allclose(current, devices.secant(g, v, spec) * v)
    assert not current[:, 0].any(), "no conductance, no current"
    straight = devices.current(g, v, spec.model_copy(update={"nonlinearity": 0.0}))
    assert np.array_equal(straight, g * v)
    half = devices.current(g, v, spec.model_copy(update={"nonlinearity": 0.5}))
    assert np.allclose(half, (current + straight) / 2)
