"""20,000 cells of every device have the mean and the spread of its law, at every stage."""

from __future__ import annotations

import numpy as np
import pytest
from device_cases import NAMES, SPECS, N, assert_moments, cells, own_device, preset, seeded, silent

from axbar import devices
from axbar.spec.imc import Device

DAY_s = 86_400.0
DRIFTING = [name for name in NAMES if devices.preset_of(SPECS[name]).drift]
RELAXING = [name for name in NAMES if devices.preset_of(SPECS[name]).retention]
FLICKERING = [name for name in NAMES if preset(name).flicker]
READ_NOISY = [name for name in NAMES if devices.has_read_noise(SPECS[name])]


def law_of(law: devices.Law, share: float) -> float:
    return float(law(np.array(share)))


@pytest.mark.parametrize("name", [name for name in NAMES if devices.is_noisy(SPECS[name])])
@pytest.mark.parametrize("share", [0.5, 0.75, 1.0])
def test_programming(name: str, share: float) -> None:
    # ClipFormer's cells as assumed are so noisy that 0 S clips them.
    spec = SPECS[name].model_copy(update={"program_noise": 0.25 if "clipformer" in name else 1.0})
    found = devices.preset_of(spec)
    bias = law_of(found.bias_law, share) if found.bias_law else 0.0
    sigma = float(found.program_sigma(share * spec.g_on_S, spec))
    assert sigma < share * spec.g_on_S / 4, "else clipping at 0 S shows"
    g = devices.program(cells(share, spec), spec, seeded())
    if sigma == 0.0:  # at an end of the range where a law vanishes
        assert g == pytest.approx((share + bias) * spec.g_on_S)
    else:
        assert_moments(g, (share + bias) * spec.g_on_S, sigma)


@pytest.mark.parametrize("name", DRIFTING)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.6, 1.0])
def test_drift_exponents(name: str, share: float) -> None:
    spec, found = silent(SPECS[name], "drift"), devices.preset_of(SPECS[name])
    assert found.drift is not None
    spec = spec.model_copy(
        update={"custom": spec.custom.model_copy(update={"retention_c0": 0.0, "retention_c1": 0.0})}
    )
    g = devices.age(cells(share, spec), 1e4 * found.t0_s, spec, seeded())
    nu = -np.log(g / (share * spec.g_on_S)) / np.log(1e4)
    mean, sigma = law_of(found.drift.mean, share), law_of(found.drift.sigma, share)
    if mean > 4 * sigma or not found.drift.folded:  # where folding at 0 changes nothing
        assert_moments(nu, mean, sigma)
    else:
        folded = np.abs(mean + sigma * np.random.Generator(np.random.Philox(key=3)).standard_normal(10 * N))
        assert_moments(nu, folded.mean(), folded.std())


@pytest.mark.parametrize("name", RELAXING)
@pytest.mark.parametrize("hours", [1, 24, 40, 120])
@pytest.mark.parametrize("share", [0.5, 0.85])
def test_relaxation(name: str, hours: float, share: float) -> None:
    laws = SPECS[name].custom.model_copy(update={"drift_nu0": 0.0, "drift_nu1": 0.0, "drift_nu_sigma": 0.0})
    spec = silent(SPECS[name], "drift").model_copy(update={"custom": laws})
    found = devices.preset_of(spec)
    assert found.retention is not None
    x, t_s = np.array(share), hours * 3600.0
    g = devices.age(cells(share, spec), t_s, spec, seeded()) / spec.g_on_S
    assert_moments(g, share + float(found.retention.mean(x, t_s)), float(found.retention.sigma(x, t_s)))


@pytest.mark.parametrize("name", ["rram-neurram", "rram-cmo", "sonos"])
def test_relaxed_cells_have_the_spread_published_for_their_time(name: str) -> None:
    """Programming and relaxation together: sigma(t) of the fit, less what the two fits of NeuRRAM differ at 1 s."""
    spec = preset(name).spec
    g0 = devices.program(cells(0.6, spec), spec, seeded(seed=1))
    g = devices.age(g0, DAY_s, silent(spec, "drift"), seeded(seed=2)) / spec.g_on_S
    x = 0.6
    total = {
        "rram-neurram": np.sqrt(
            (np.polyval([1.536e-4, -1.167e-2, 0.2374, 1.053], 24.0) / 40) ** 2
            + (np.polyval([-16.458, 47.095, -50.773, 22.086, 0.701], x) / 40) ** 2
            - (np.polyval([-16.815, 45.393, -43.853, 16.030, 0.348], x) / 40) ** 2
        ),
        "rram-cmo": np.hypot(0.04201137 * np.log(DAY_s) + 0.41183342, 0.00081107 + 0.00106879 * 88.19 * x)
        / 88.19,
        "sonos": 25.59102 * (1 - np.exp(-960 / 186.85544)) / 1600,
    }[name]
    assert abs(g.std() - total) < 3 * total / np.sqrt(2 * N) + 2e-3 * total  # s of each cell at its own x


@pytest.mark.parametrize("name", FLICKERING)
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_flicker_noise(name: str, share: float) -> None:
    spec, law = silent(preset(name).spec, "flicker_noise"), preset(name).flicker
    assert law is not None
    t_s = 100 * preset(name).t0_s
    g = devices.age(cells(share, spec), t_s, spec, seeded()) / spec.g_on_S
    of = 1.0 if law.of_range else share
    sigma = of * law_of(law.q, share) * np.sqrt(np.log((t_s + law.t_read_s) / (2 * law.t_read_s)))
    assert_moments(g, share, sigma)


@pytest.mark.parametrize("name", READ_NOISY)
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_read_noise(name: str, share: float) -> None:
    spec, law = SPECS[name], devices.preset_of(SPECS[name]).read_law
    assert law is not None
    g = cells(share, spec)
    reads = g + devices.read_sigma(g, spec) * seeded().normal("read")
    assert_moments(reads, share * spec.g_on_S, law_of(law, share) * spec.g_on_S)


def test_devices_without_a_law_are_exact() -> None:
    for name in ("ideal", "sram", "stt-mram", "custom"):
        spec = preset(name).spec
        g = cells(0.4, spec, 50)
        assert devices.program(g, spec, seeded(50)) is g
        assert devices.age(g, 1e6, spec, seeded(50)) is g
        assert not devices.read_sigma(g, spec).any()
        assert devices.secant(g, 0.4, spec) is g


@pytest.mark.parametrize(("on", "off"), [(0.01, 0.0), (0.0, 0.1), (0.05, 0.2), (0.3, 0.7)])
def test_stuck_cells(on: float, off: float) -> None:
    spec = preset("rram-neurram").spec.model_copy(update={"stuck_on": on, "stuck_off": off})
    g = devices.faults(cells(0.5, spec), spec, seeded())
    for share, value in ((on, spec.g_on_S), (off, spec.g_off_S), (1 - on - off, 0.5 * spec.g_on_S)):
        assert abs((g == value).mean() - share) <= 3 * np.sqrt(share * (1 - share) / N)


def upward(nu: float) -> Device:
    return own_device(drift_nu0=nu, drift_nu_sigma=0.002)


def test_own_cells_may_drift_upwards() -> None:
    spec = upward(-0.02)
    g = devices.age(cells(0.5, spec), 1e3, spec, seeded())
    assert_moments(-np.log(g / (0.5 * spec.g_on_S)) / np.log(1e3), -0.02, 0.002)
