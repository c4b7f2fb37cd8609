"""Presets, changed copies and draws for the tests of devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from axbar import devices, registry
from axbar.spec.imc import CustomLaws, Device

NAMES = registry.names("devices")
N = 20_000


def preset(name: str) -> devices.DevicePreset:
    return registry.get("devices", name)


def with_changes(name: str, **changes: Any) -> Device:
    return Device(**{**preset(name).spec.model_dump(), **changes})


def own_device(**laws: float) -> Device:
    return with_changes("custom", custom=CustomLaws(**laws), age_s=laws.get("t0_s", 1.0))


#: specs whose laws are tested: every preset and a custom device with every law
SPECS = {name: preset(name).spec for name in NAMES} | {
    "custom": own_device(
        program_c0=0.02, program_c1=0.03, bias_c0=0.01, bias_c1=-0.02, read_c0=0.004, read_c1=0.006, t0_s=10.0,
        drift_nu0=0.03, drift_nu1=0.004, drift_nu_sigma=0.01, retention_c0=0.003, retention_c1=0.002,
    )
}  # fmt: skip


def silent(spec: Device, *but: str) -> Device:
    """Return a spec with all effects off but those named."""
    scales = {"program_noise", "drift", "flicker_noise", "read_noise", "nonlinearity"} - set(but)
    return spec.model_copy(update=dict.fromkeys(scales, 0.0))


def seeded(*shape: int, seed: int = 0) -> devices.SeededDraws:
    return devices.SeededDraws(shape or (N,), seed, "cells")


def cells(share: float, spec: Device, n: int = N) -> np.ndarray:
    return np.full(n, share * spec.g_on_S)


class Fixed:
    """The same draw for every cell, whatever the effect."""

    def __init__(self, value: float | np.ndarray, n: int = 1) -> None:
        self.value = np.broadcast_to(value, (n,)) if np.isscalar(value) else np.asarray(value)
        self.asked: list[str] = []

    def normal(self, effect: str) -> np.ndarray:
        self.asked.append(effect)
        return self.value

    uniform = normal


def assert_moments(values: np.ndarray, mean: float, sigma: float) -> None:
    """Mean and standard deviation within 3 standard errors of a normal population."""
    n = values.size
    assert abs(values.mean() - mean) < 3 * sigma / np.sqrt(n)
    assert abs(values.std() - sigma) < 3 * sigma / np.sqrt(2 * n)
