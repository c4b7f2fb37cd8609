"""Every shipped device: sourced, inside its law, with the published noise."""

from __future__ import annotations

import numpy as np
import pytest

from axbar import devices, registry
from axbar.errors import SpecError, UsageError
from axbar.spec.imc import Device

NAMES = ("ideal", "pcm-mushroom", "rram-generic", "rram-neurram", "sram")
NOISY = ("pcm-mushroom", "rram-generic", "rram-neurram")


def preset(name: str) -> devices.DevicePreset:
    return registry.get("devices", name)


def with_changes(name: str, **changes: float) -> Device:
    return Device(**{**preset(name).spec.model_dump(), **changes})


@pytest.mark.parametrize("name", NAMES)
def test_preset_is_named_and_sourced(name: str) -> None:
    found = preset(name)
    assert found.name == found.spec.name == name
    assert set(found.sources) == set(Device.model_fields) - {"name"}
    assert found.validity.g_max_S <= found.spec.g_on_S * (1 + 1e-12)


@pytest.mark.parametrize(
    ("name", "g_uS", "sigma_uS"),
    [
        ("pcm-mushroom", 0.0, 0.26348),
        ("pcm-mushroom", 25.0, 0.26348 + 1.9650 - 1.1731),
        ("pcm-mushroom", 12.5, 0.26348 + 0.9825 - 0.293275),
        ("rram-neurram", 10.0, 1.053 + 2.374 - 1.167 + 0.1536),
        ("rram-neurram", 30.0, 1.053 + 7.122 - 10.503 + 4.1472),
        ("rram-generic", 1.0, 0.5),
        ("rram-generic", 10.0, 0.5),
        ("ideal", 50.0, 0.0),
    ],
)
def test_sigma_is_the_published_polynomial(name: str, g_uS: float, sigma_uS: float) -> None:
    assert preset(name).program_sigma(g_uS * 1e-6) == pytest.approx(sigma_uS * 1e-6, rel=1e-12)


@pytest.mark.parametrize("name", NOISY)
@pytest.mark.parametrize("share", [0.4, 1.0])
def test_moments_of_programming(name: str, share: float) -> None:
    n, spec = 20_000, preset(name).spec
    target = share * spec.g_on_S
    draws = np.random.Generator(np.random.Philox(key=7)).standard_normal(n)
    g = devices.program(np.full(n, target), spec, draws)
    sigma = float(preset(name).program_sigma(target))
    assert abs(g.mean() - target) < 3 * sigma / np.sqrt(n)
    assert abs(g.std() - sigma) < 3 * sigma / np.sqrt(2 * n)


def test_conductance_never_falls_below_zero() -> None:
    spec = preset("pcm-mushroom").spec
    g = devices.program(np.zeros(3), spec, [-3.0, 0.0, 3.0])
    assert g.tolist() == pytest.approx([0.0, 0.0, 3 * 0.26348e-6])


@pytest.mark.parametrize("name", NOISY)
def test_noise_scales_with_the_range_and_the_setting(name: str) -> None:
    published = preset(name)
    x = np.linspace(0, 1, 5)
    wider = with_changes(name, g_on_S=2 * published.spec.g_on_S)
    louder = with_changes(name, program_noise=3.0)
    base = published.program_sigma(x * published.spec.g_on_S)
    assert published.program_sigma(x * wider.g_on_S, wider) == pytest.approx(2 * base)
    assert published.program_sigma(x * louder.g_on_S, louder) == pytest.approx(3 * base)
    silent = with_changes(name, program_noise=0.0)
    assert not published.is_noisy(silent)
    assert devices.program([1e-6], silent, [5.0]).tolist() == [1e-6]


@pytest.mark.parametrize("name", NAMES)
def test_later_stages_are_identities(name: str) -> None:
    g, spec = np.array([0.0, 1e-6]), preset(name).spec
    assert devices.faults(g, spec) is g
    assert devices.age(g, 1e6, spec) is g


@pytest.mark.parametrize("t_s", [-1.0, float("nan"), float("inf")])
def test_a_time_that_can_not_be_is_refused(t_s: float) -> None:
    with pytest.raises(SpecError, match="finite number of seconds"):
        devices.age(np.zeros(1), t_s, preset("ideal").spec)


def test_sram_holds_one_bit() -> None:
    preset("sram").check_cell_bits(1)
    with pytest.raises(SpecError, match=r"cell_bits = 2, but a 'sram' cell holds 1 bit"):
        preset("sram").check_cell_bits(2)


def test_misspelt_device() -> None:
    with pytest.raises(UsageError, match="did you mean 'pcm-mushroom'"):
        devices.preset_of(preset("ideal").spec.model_copy(update={"name": "pcm-mushrom"}))
