"""Which effects a device block has, where it leaves what its laws cover, and what to say about it."""

from __future__ import annotations

import math

from axbar.devices._preset import preset_of
from axbar.errors import SpecError
from axbar.spec.imc import CustomLaws, Device
from axbar.units import format_quantity

__all__ = ["check", "check_shares", "check_time", "first_read_s", "has_read_noise", "has_time_law", "is_linear",
           "is_noisy", "notes"]  # fmt: skip

_SLACK = 1e-9  # relative; a number that went through a unit prefix may be off by an ulp


def is_noisy(spec: Device) -> bool:
    """Whether programming leaves any error."""
    return preset_of(spec).is_noisy(spec)


def has_time_law(spec: Device) -> bool:
    """Whether conductances depend on the time since programming."""
    preset = preset_of(spec)
    drifts = preset.drift is not None or preset.retention is not None
    return (drifts and spec.drift > 0) or (preset.flicker is not None and spec.flicker_noise > 0)


def has_read_noise(spec: Device) -> bool:
    """Whether every read draws new noise."""
    return preset_of(spec).read_law is not None and spec.read_noise > 0


def is_linear(spec: Device) -> bool:
    """Whether cells follow Ohm's law."""
    return preset_of(spec).curve is None or spec.nonlinearity == 0


def first_read_s(spec: Device) -> float:
    """Return the time of the first read after programming, from which the laws hold; 0 without a law in time."""
    return preset_of(spec).t0_s if has_time_law(spec) else 0.0


def check(spec: Device, v_read_V: float | None = None) -> None:
    """Refuse what the laws of the device do not cover.

    Args:
        spec: device block.
        v_read_V: read voltage, if known.

    Raises:
        SpecError: the age lies before the first read, the range leaves the device's, the read voltage leaves its
            measured I-V curve, the shares of stuck cells exceed 1, or laws are given that the device does not use.
    """
    preset = preset_of(spec)
    check_time(spec.age_s, spec, first_read_s(spec))
    check_shares(spec)
    _check_range(spec)
    if preset.curve is not None and v_read_V is not None and not is_linear(spec):
        top = preset.curve.v_max_V
        if abs(v_read_V) > top * (1 + _SLACK):
            raise SpecError(
                f"read.v_read_V = {format_quantity(v_read_V, 'V')} is beyond the I-V curve of '{spec.name}', measured "
                f"to {format_quantity(top, 'V')}; lower it or set device.nonlinearity=0."
            )
    if preset.from_spec is None and spec.custom != CustomLaws():
        raise SpecError(
            f"device.custom.* holds laws, but the device is '{spec.name}', which has its own; set device.name=custom "
            "or remove them."
        )


def _check_range(spec: Device) -> None:
    validity = preset_of(spec).validity
    low, high = (format_quantity(g, "S") for g in (validity.g_min_S, validity.g_max_S))
    if spec.g_on_S > validity.g_max_S * (1 + _SLACK):
        raise SpecError(
            f"device.g_on_S = {format_quantity(spec.g_on_S, 'S')} is beyond the device's range: the laws of "
            f"'{spec.name}' hold from {low} to {high}; lower device.g_on_S or choose another device."
        )
    if validity.strict_g_min and spec.g_off_S < validity.g_min_S * (1 - _SLACK):
        raise SpecError(
            f"device.g_off_S = {format_quantity(spec.g_off_S, 'S')} is beyond the device's range: the laws of "
            f"'{spec.name}' hold from {low} to {high}; raise device.g_off_S or choose another device."
        )


def check_shares(spec: Device) -> None:
    """Refuse more stuck cells than there are.

    Raises:
        SpecError: stuck_on + stuck_off > 1.
    """
    if spec.stuck_on + spec.stuck_off > 1 + _SLACK:
        raise SpecError(
            f"device.stuck_on = {spec.stuck_on:g} and device.stuck_off = {spec.stuck_off:g} add up to more than 1; "
            "they are shares of all cells: lower one of them."
        )


def check_time(t_s: float, spec: Device, t0_s: float) -> None:
    """Refuse times at which the laws say nothing.

    Raises:
        SpecError: the time is no number or lies before the first read.
    """
    if not math.isfinite(t_s) or t_s < 0:
        raise SpecError(f"time since programming is {t_s!r} s; give a finite number of seconds >= 0.")
    if t_s < t0_s:
        raise SpecError(
            f"time since programming is {t_s:g} s, before the first read of '{spec.name}' at {t0_s:g} s; its laws hold "
            f"from {t0_s:g} s on: raise device.age_s to that or more."
        )


def notes(spec: Device, t_s: float | None = None) -> tuple[str, ...]:
    """Return sentences on where results rest on more than the published law.

    Args:
        spec: device block.
        t_s: time since programming; ``spec.age_s`` if None.
    """
    preset = preset_of(spec)
    t_s, said = spec.age_s if t_s is None else t_s, list[str]()
    if not preset.measured:
        said.append(
            f"The numbers of '{spec.name}' are from literature, not measured by us or by a published fit."
        )
    if has_time_law(spec) and t_s > preset.validity.t_max_s * (1 + _SLACK):
        said.append(
            f"'{spec.name}' was measured to {preset.validity.t_max_s:g} s after programming; {t_s:g} s extrapolates."
        )
    if not preset.validity.strict_g_min and spec.g_off_S < preset.validity.g_min_S * (1 - _SLACK):
        said.append(
            f"'{spec.name}' was measured from {format_quantity(preset.validity.g_min_S, 'S')} on; device.g_off_S = "
            f"{format_quantity(spec.g_off_S, 'S')} extrapolates."
        )
    return tuple(said)
