"""From continuous time to steps of length dt: the constants of NIR neurons as ``axbar.nn`` takes them.

With the forward Euler method, which the NIR paper uses to compare platforms and snnTorch implies,

    LIF, LI     τ dv/dt = (v_leak − v) + R I        β = 1 − dt/τ        k = R dt/τ
    IF, I         dv/dt = R I                       β = 1               k = R dt
    CubaLIF, CubaLI     τ_syn dI/dt = −I + w S      α = 1 − dt/τ_syn    k = (w dt/τ_syn)(R dt/τ_mem)
                        τ_mem dv/dt = (v_leak − v) + R I                β = 1 − dt/τ_mem

in v[t] = β v[t−1] + k i[t], i[t] = α i[t−1] + x[t] (``axbar.nn._recurrence``). ``decay="exponential"`` solves the
leak exactly instead, with the input held over the step: β = exp(−dt/τ), k = R (1 − β), and the same for α. A k within
1e-6 of 1, the rounding of programs that write R = τ/dt in single precision, is 1.

Files written here hold β, α and k themselves as metadata, because 1 − dt/(dt/(1 − β)) is not β to the last bit.
Only v_leak = v_reset = 0 is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from axbar.errors import ModelError, UsageError, unknown_name
from axbar.workload.interchange._nir_types import SPIKING, NirNode, Value

__all__ = ["RESETS", "Constants", "Decay", "Settings", "constants_of", "delay_steps", "resolve_dt"]

Decay = Literal["euler", "exponential"]
RESETS = ("subtract", "subtract_unleaked", "zero")
#: relative difference up to which single-precision writers may miss a constant
_ROUNDING = 1e-6

Number = float | NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """What the caller says beside the file; None where the file must say it."""

    dt: float | None = None
    reset: str | None = None
    strict: bool | None = None
    decay: Decay = "euler"

    def __post_init__(self) -> None:
        if self.dt is not None:
            _check_dt(self.dt, "dt =")
        if self.reset is not None and self.reset not in RESETS:
            raise UsageError(unknown_name("reset", str(self.reset), RESETS))
        if self.strict is not None and not isinstance(self.strict, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"strict = {self.strict!r} is neither true nor false.")
        if self.decay not in get_args(Decay):
            raise UsageError(unknown_name("decay", str(self.decay), get_args(Decay)))


@dataclass(frozen=True, eq=False)
class Constants:
    """Of one neuron node in discrete time; arrays where neurons differ. None: the node has no such constant."""

    beta: Number
    input_scale: Number
    alpha: Number | None = None
    threshold: Number | None = None
    reset: str | None = None
    strict: bool | None = None


def _check_dt(dt: Any, what: str) -> float:
    if isinstance(dt, bool) or not isinstance(dt, int | float) or not (math.isfinite(dt) and dt > 0):
        raise UsageError(f"{what} {dt!r} is no length of a time step; give a finite number above 0.")
    return float(dt)


def resolve_dt(noted: Iterable[tuple[str, Mapping[str, Value]]], given: float | None) -> float | None:
    """Return the time step that the caller or the metadata say.

    Args:
        noted: (where, metadata) of the graph and its nodes.
        given: by the caller.

    Raises:
        ModelError: metadata hold no such number, or contradict each other or the caller.
    """
    found: dict[float, str] = {}
    for where, metadata in noted:
        if "dt" in metadata:
            found.setdefault(float(_number_in(metadata, "dt", where)), where)
    for dt, where in found.items():
        if not dt > 0:
            raise ModelError(
                f"the metadata of {where} say dt = {dt:g}, which is no time step; write the file anew."
            )
    if len(found) > 1:
        told = " and ".join(f"dt = {dt:g} ({where})" for dt, where in list(found.items())[:2])
        raise ModelError(f"the metadata contradict each other: {told}; a network runs on one time step.")
    noted_dt = next(iter(found), None)
    if given is not None and noted_dt is not None and not math.isclose(given, noted_dt, rel_tol=1e-9):
        raise ModelError(
            f"the file was written for dt = {noted_dt:g}, not {given:g}; leave dt out, or remove the metadata."
        )
    return given if noted_dt is None else noted_dt


def _number_in(metadata: Mapping[str, Value], key: str, where: str) -> NDArray[np.float64]:
    value = metadata[key]
    if (
        isinstance(value, str)
        or value.dtype.kind not in "fiub"
        or not np.isfinite(value).all()
        or not value.size
    ):
        shown = value if isinstance(value, str) else value.tolist()
        raise ModelError(
            f"the metadata of {where} say {key} = {shown!r}, which is no finite number; remove that entry."
        )
    array = np.asarray(value, dtype=np.float64)
    return array.reshape(()) if array.size == 1 else array


def constants_of(node: NirNode, dt: float | None, settings: Settings) -> Constants:
    """Return the discrete constants of a neuron node.

    Raises:
        UsageError: dt or reset must be given.
        ModelError: a constant is out of range or asks for what can't be run, or the metadata contradict it.
    """
    if node.type == "Threshold":
        strict = _strict(node, settings)
        return Constants(0.0, 1.0, None, _threshold(node, "threshold"), "zero", strict is None or strict)
    if dt is None:
        raise UsageError(
            f"{node.label} lives in continuous time, and the file does not say how long a step is: pass dt=, in the "
            "unit of its time constants (snnTorch writes for dt=1e-4, sinabs for dt=1)."
        )
    _check_rest(node)
    leaks = _leaks(node, dt, settings.decay)
    spiking = node.type in SPIKING
    return Constants(
        **{key: _noted(node, key, computed, dt, settings.decay) for key, computed in leaks.items()},
        threshold=_threshold(node, "v_threshold") if spiking else None,
        reset=_reset(node, settings) if spiking else None,
        strict=_strict(node, settings) if spiking else None,
    )


def _threshold(node: NirNode, key: str) -> Number:
    value = node.numbers(key)
    if not (value > 0).all():
        raise ModelError(f"{node.label} has a {key} of {value.min():g}; give it one above 0.")
    return _single(value)


def _check_rest(node: NirNode) -> None:
    for key in ("v_leak", "v_reset"):
        if key in node.values and node.numbers(key).any():
            worst = node.numbers(key).reshape(-1)[np.abs(node.numbers(key)).argmax()]
            raise ModelError(
                f"{node.label} has {key} = {worst:g}; only neurons that rest at and return to 0 can be run: shift the "
                "potential (v' = v - v_leak) before export."
            )


def _leaks(node: NirNode, dt: float, decay: Decay) -> dict[str, Number]:
    """Return β and k, and α of neurons with a synapse, by the names of ``Constants``."""
    r = node.numbers("r")
    if node.type in ("IF", "I"):
        return {"beta": 1.0, "input_scale": _gain(node, r * dt)}
    if node.type in ("LIF", "LI"):
        beta, share = _leak(node, "tau", dt, decay)
        return {"beta": beta, "input_scale": _gain(node, r * share)}
    alpha, entering = _leak(node, "tau_syn", dt, decay)
    beta, share = _leak(node, "tau_mem", dt, decay)
    w_in = node.numbers("w_in") if "w_in" in node.values else np.ones(())
    gain = _gain(node, _near_one(w_in * entering) * _near_one(r * share))
    return {"beta": beta, "input_scale": gain, "alpha": alpha}


def _leak(node: NirNode, key: str, dt: float, decay: Decay) -> tuple[Number, NDArray[np.float64]]:
    """Return what is left after a step, and the share of the input that comes in."""
    tau = node.numbers(key)
    if not (tau > 0).all():
        raise ModelError(f"{node.label} has a {key} of {tau.min():g}; give it one above 0.")
    if decay == "exponential":
        kept = np.exp(-dt / tau)
        return _single(kept), 1.0 - kept
    if dt > tau.min() * (1.0 + _ROUNDING):
        raise ModelError(
            f"dt = {dt:g} is longer than {key} = {tau.min():g} of {node.label}, so its potential would swing; pass a "
            "dt of at most that, or decay='exponential'."
        )
    return _single(np.maximum(1.0 - dt / tau, 0.0)), dt / tau


def _near_one(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(value - 1.0) <= _ROUNDING, 1.0, value)


def _gain(node: NirNode, value: NDArray[np.float64]) -> Number:
    if not (value > 0).all():
        raise ModelError(
            f"{node.label} multiplies its input by {value.min():g}; a gain (r, w_in) above 0 can be run, so move the "
            "factor into the weights before it."
        )
    return _single(_near_one(value))


def _single(value: NDArray[np.float64]) -> Number:
    """Return one number where all neurons have the same."""
    first = value.reshape(-1)[0]
    return float(first) if (value == first).all() else value


def _noted(node: NirNode, key: str, computed: Number, dt: float, decay: Decay) -> Number:
    """Return the constant that the metadata hold, which has all its bits, after a check against the node."""
    if key not in node.metadata:
        return computed
    noted = _number_in(node.metadata, key, node.label)
    if not _agree(noted, computed):
        other: Decay = "euler" if decay == "exponential" else "exponential"
        if _gives(node, key, noted, dt, other):
            raise ModelError(
                f"the metadata of {node.label} say {key} = {np.ravel(noted)[0]:g}, which its time constants and dt "
                f"give with decay='{other}', and with '{decay}' {np.ravel(computed)[0]:g}; pass decay='{other}'"
                f"{', which is what holds without decay=' if other == 'euler' else ''}."
            )
        raise ModelError(
            f"the metadata of {node.label} say {key} = {np.ravel(noted)[0]:g}, but its time constants and dt give "
            f"{np.ravel(computed)[0]:g}; the file was changed by a program that did not know them: remove the metadata "
            "and pass dt= and reset=."
        )
    return _single(noted)


def _agree(noted: NDArray[np.float64], computed: Number) -> bool:
    same = noted.ndim == 0 or noted.shape == np.shape(computed)
    return same and np.allclose(noted, computed, rtol=_ROUNDING, atol=_ROUNDING)


def _gives(node: NirNode, key: str, noted: NDArray[np.float64], dt: float, decay: Decay) -> bool:
    try:
        return _agree(noted, _leaks(node, dt, decay)[key])
    except ModelError:  # as where Euler steps are longer than a time constant
        return False


def _reset(node: NirNode, settings: Settings) -> str:
    noted = node.metadata.get("reset")
    if noted is None:
        if settings.reset is None:
            raise UsageError(
                f"the file does not say what {node.label} does after a spike, and programs differ: pass "
                "reset='subtract' (threshold taken off, then leak), 'subtract_unleaked' (taken off one step later, as "
                "snnTorch does by default) or 'zero'."
            )
        return settings.reset
    if not isinstance(noted, str) or noted not in RESETS:
        shown = noted if isinstance(noted, str) else noted.tolist()
        raise ModelError(
            f"the metadata of {node.label} name a reset {shown!r}; known are {', '.join(RESETS)}: remove that "
            "entry and pass reset=."
        )
    if settings.reset not in (None, noted):
        raise ModelError(
            f"{node.label} was written with reset = '{noted}', not '{settings.reset}'; leave reset out, or remove the "
            "metadata."
        )
    return noted


def _strict(node: NirNode, settings: Settings) -> bool | None:
    """Return whether neurons fire above (True) or at the threshold; None leaves it to the kind of reset."""
    noted = node.metadata.get("compare")
    if noted is None:
        return settings.strict
    if noted not in (">", ">="):
        shown = noted if isinstance(noted, str) else noted.tolist()
        raise ModelError(f"the metadata of {node.label} say compare = {shown!r}; known are '>' and '>='.")
    if settings.strict not in (None, noted == ">"):
        raise ModelError(f"{node.label} was written for spikes at v {noted} threshold; leave strict out.")
    return noted == ">"


def delay_steps(node: NirNode, dt: float | None) -> NDArray[np.int64]:
    """Return the steps that a ``Delay`` waits, one number or one per element.

    Raises:
        UsageError: dt must be given.
        ModelError: a delay is negative or no whole number of steps.
    """
    delay = node.numbers("delay")
    if dt is None:
        if not delay.any():
            return np.zeros((), dtype=np.int64)
        raise UsageError(
            f"{node.label} waits {delay.max():g} units of time, and the file has no dt: pass dt=."
        )
    steps = np.rint(delay / dt)
    if (delay < 0).any() or np.abs(delay / dt - steps).max() > 1e-3:
        odd = delay.reshape(-1)[np.abs(delay / dt - steps).argmax()]
        raise ModelError(
            f"{node.label} waits {odd:g}, which is {odd / dt:g} steps of dt = {dt:g}; delays must be whole steps from "
            "0: pass a dt that divides it."
        )
    counts = steps.astype(np.int64)
    return counts.reshape(-1)[:1].reshape(()) if (counts == counts.reshape(-1)[0]).all() else counts
