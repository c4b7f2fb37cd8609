"""Published laws at points worked out by hand from the papers' numbers, in uS."""

from __future__ import annotations

import numpy as np
import pytest

from axbar import devices, registry

# sigma of programming: device, target in uS, sigma in uS, and the sum it comes from
PROGRAMMING = [
    ("pcm-mushroom", 0.0, 0.26348),
    ("pcm-mushroom", 12.5, 0.952705),  # 0.26348 + 0.9825 - 0.293275
    ("pcm-mushroom", 25.0, 1.05538),  # 0.26348 + 1.9650 - 1.1731
    ("pcm-joshi", 10.0, 0.8661914),  # 0.28638599 + 0.7585724 - 0.178767
    ("pcm-joshi", 25.0, 1.0655232),  # 0.28638599 + 1.896431 - 1.11729375
    ("pcm-hermes", 5.175, 0.8653128),  # 0.15781817 + 1.16221958 - 0.5407770975 + 0.0860522725
    ("pcm-hermes", 10.35, 1.00756712),  # 0.15781817 + 2.32443916 - 2.16310839 + 0.68841818
    ("pcm-hermes-msf", 20.7, 1.09269857),  # 0.16603222 + 4.71806468 - 8.48101252 + 4.68961419
    ("rram-neurram", 10.0, 2.4136),  # 1.053 + 2.374 - 1.167 + 0.1536
    ("rram-neurram", 30.0, 1.8192),  # 1.053 + 7.122 - 10.503 + 4.1472
    ("rram-hfo2", 50.0, 4.326971),  # 4.782321 - 0.45535
    ("rram-hfo2", 225.0, 2.733246),  # 4.782321 - 2.049075
    ("rram-cmo", 50.0, 0.4153912),  # sqrt(0.05425057^2 + 0.41183342^2)
    ("rram-cmo-coarse", 50.0, 0.7078661),  # sqrt(0.57573225^2 + 0.41183342^2)
    ("rram-clipformer", 0.1, 0.0),
    ("rram-clipformer", 10.0, 3.96),  # 4 * 0.1 * 9.9
    ("rram-clipformer-gap", 10.0, 0.0),
    ("rram-clipformer-gap", 5.05, 1.98),  # 4 * 0.1 * 4.95
    ("rram-generic", 10.0, 0.5),
    ("fefet-2bit", 5.0, 1.0),
    ("ideal", 50.0, 0.0),
    ("rram-bn", 50.0, 0.0),
]


@pytest.mark.parametrize(("name", "g_uS", "sigma_uS"), PROGRAMMING)
def test_sigma_of_programming(name: str, g_uS: float, sigma_uS: float) -> None:
    assert registry.get("devices", name).program_sigma(g_uS * 1e-6) == pytest.approx(
        sigma_uS * 1e-6, rel=1e-6
    )


def test_sonos_spreads_by_the_published_currents() -> None:
    sonos = registry.get("devices", "sonos")
    # 19.88665 (1 - exp(-176.3115 / 176.3115)) nA at 0.1 V
    assert sonos.program_sigma(1.763115e-6) == pytest.approx(19.88665 * 0.6321206e-8, rel=1e-6)
    # 12.58037 (1 - exp(-1600 / 215.36557)) nA
    assert devices.read_sigma(np.array(16e-6), sonos.spec) == pytest.approx(12.572906e-8, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "share", "nu", "spread"),
    [
        ("pcm-mushroom", 1.0, 0.049, 0.008),  # 0.0244 and -0.0059 are clipped from below
        ("pcm-mushroom", 0.1, 0.0600901, 0.0228823),  # 0.0155 * 2.302585 + 0.0244, 0.0125 * 2.302585 - 0.0059
        ("pcm-mushroom", 0.001, 0.1, 0.045),
        ("pcm-hermes", 1.0, 0.0174, 0.0055),  # 0.0736 - 0.0126 - 0.0436, 0.0104 + 0.0116 - 0.0165
        ("pcm-hermes", 0.05, 0.0977348, 0.0336488),  # 0.0387 * 2.995732 - 0.0182, 0.0120 * 2.995732 - 0.0023
        ("pcm-hermes-msf", 1.0, 0.0174, 0.0048),  # 0.0073 + 0.0093 - 0.0118
        (
            "pcm-hermes-msf",
            0.2,
            0.069336,
            0.0131304,
        ),  # 0.0736 - 0.00252 - 0.001744, 0.0117 * 1.6094379 - 0.0057
    ],
)
def test_drift_exponents(name: str, share: float, nu: float, spread: float) -> None:
    law = registry.get("devices", name).drift
    assert law.mean(np.array(share)) == pytest.approx(nu, rel=1e-5)
    assert law.sigma(np.array(share)) == pytest.approx(spread, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "share", "q"),
    [
        ("pcm-mushroom", 1.0, 0.0088),
        ("pcm-mushroom", 0.25, 0.0216681),  # 0.0088 * 4^0.65
        ("pcm-mushroom", 1e-6, 0.2),
        ("pcm-hermes", 1.0, 0.0168),  # 0.0088 + 0.0768 - 0.1352 + 0.0664
        ("pcm-hermes", 0.1, 0.0217602),  # 0.0078 * 2.302585 + 0.0038
        ("pcm-hermes-msf", 1.0, 0.0123),  # 0.0123 + 0.0211 - 0.0280 + 0.0069
    ],
)
def test_coefficient_of_flicker_noise(name: str, share: float, q: float) -> None:
    assert registry.get("devices", name).flicker.q(np.array(share)) == pytest.approx(q, rel=1e-5)


def test_flicker_noise_of_mushroom_cells_at_the_first_read() -> None:
    """sqrt(ln(20.00000025 / 5e-7)) = sqrt(17.50439) = 4.183825, times Q = 0.0088."""
    law = registry.get("devices", "pcm-mushroom").flicker
    assert law.sigma(np.array(1.0), 20.0) == pytest.approx(0.0368177, rel=1e-5)


def test_flicker_noise_of_cmo_cells() -> None:
    """0.0277316483 log10(50) = 0.0471152 uS, times sqrt(ln((1 + 1e-6) / 2e-6)) = 3.622510: 0.170675 uS."""
    law = registry.get("devices", "rram-cmo").flicker
    assert law.sigma(np.array(50 / 88.19), 1.0) * 88.19 == pytest.approx(0.170675, rel=1e-5)


def test_relaxation_of_neurram_cells_after_a_day() -> None:
    """x = 0.5: 1 s 2.0229375 uS, 1 day 3.909 uS: sqrt(15.280281 - 4.092276) = 3.344848 uS."""
    law = registry.get("devices", "rram-neurram").retention
    assert law.sigma(np.array(0.5), 86_400.0) * 40 == pytest.approx(3.344848, rel=1e-5)


def test_relaxation_of_cmo_cells_after_a_day() -> None:
    """ln 86400 = 11.366743: shift -1.0116635 uS, sigma 0.8893658 uS, less 0.41183342 uS: 0.7882670 uS."""
    law = registry.get("devices", "rram-cmo").retention
    assert law.mean(np.array(0.5), 86_400.0) * 88.19 == pytest.approx(-1.0116635, rel=1e-6)
    assert law.sigma(np.array(0.5), 86_400.0) * 88.19 == pytest.approx(0.7882670, rel=1e-6)


def test_current_of_milos_cell() -> None:
    """100 uS: L = -4, N2 = -8.2e-6 A/V^2, N3 = -6e-7 A/V^3; at 0.5 V 50 - 2.05 - 0.075 = 47.875 uA."""
    spec = registry.get("devices", "rram-hfo2").spec
    assert devices.current(np.array(100e-6), 0.5, spec) == pytest.approx(47.875e-6, rel=1e-9)
