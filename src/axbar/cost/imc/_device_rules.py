"""What the laws of a device do not cover: a chip that ``evaluate`` refuses does not fit here either.

``axbar.devices.check`` knows one spec; these rules know many points at once. They test the same conditions on
columns (range of conductances, age before the first read, read voltage beyond the I-V curve, more stuck cells than
cells, laws that the device does not read) and take the sentence from ``check`` itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar import devices, registry
from axbar.cost._device import device_of
from axbar.cost._types import Bools, Context, Floats, Rule
from axbar.devices import DevicePreset
from axbar.errors import SpecError
from axbar.spec.imc import CustomLaws

__all__ = ["DEVICE_RULE"]

_SLACK: Final = 1e-9  # as devices.check: a number that went through a unit prefix may be off by an ulp
_CUSTOM: Final = {name: field.get_default() for name, field in CustomLaws.model_fields.items()}
_DRIFTS: Final = ("drift_nu0", "drift_nu1", "drift_nu_sigma")
_RELAXES: Final = ("retention_c0", "retention_c1")


def _preset(x: Context) -> DevicePreset:
    found: DevicePreset = registry.get("devices", x.text("device.name"))
    return found


def _custom(x: Context, *names: str) -> Bools:
    """Where any of these laws of a device of one's own differs from its default."""
    found = np.zeros(1, dtype=np.bool_)
    for name in names:
        column = x.p(f"device.custom.{name}")
        if len(column) > 1 or column[0] != _CUSTOM[name]:  # nearly always the default, and not swept
            found = found | (column != _CUSTOM[name])
    return found


def _too_young(x: Context, preset: DevicePreset) -> Bools:
    own = preset.from_spec is not None
    drifts = (
        _custom(x, *_DRIFTS, *_RELAXES) if own else preset.drift is not None or preset.retention is not None
    )
    ages = drifts & (x.p("device.drift") > 0)
    if preset.flicker is not None:
        ages = ages | (x.p("device.flicker_noise") > 0)
    first_s: Floats | float = x.p("device.custom.t0_s") if own else preset.t0_s
    return ages & (x.p("device.age_s") < first_s)


def _not_covered(x: Context) -> Bools:
    preset = _preset(x)
    validity = preset.validity
    broken = _too_young(x, preset)
    broken = broken | (x.p("device.stuck_on") + x.p("device.stuck_off") > 1.0 + _SLACK)
    if np.isfinite(validity.g_max_S):
        broken = broken | (x.p("device.g_on_S") > validity.g_max_S * (1.0 + _SLACK))
    if validity.strict_g_min:
        broken = broken | (x.p("device.g_off_S") < validity.g_min_S * (1.0 - _SLACK))
    if preset.curve is not None:
        beyond = x.p("read.v_read_V") > preset.curve.v_max_V * (1.0 + _SLACK)
        broken = broken | (beyond & (x.p("device.nonlinearity") > 0))
    return broken if preset.from_spec is not None else broken | _custom(x, *_CUSTOM)


def _reason(x: Context) -> str:
    """Return what ``evaluate`` says to a chip like this one, a context of one point."""
    spec = device_of(x)
    try:
        devices.check(spec, x.p("read.v_read_V").item())
    except SpecError as refused:
        return str(refused)
    raise AssertionError(f"the rule and devices.check disagree on {spec}")


DEVICE_RULE: Final = Rule(_not_covered, _reason)
