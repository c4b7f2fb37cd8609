"""What every hardware kind asks of a workload before it counts: products, their bits, and activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from axbar.errors import UsageError
from axbar.workload import Workload

__all__ = ["MEMBRANE_PATH", "WEIGHT_PATHS", "check_countable", "check_fixed_bits"]

#: where kinds keep the bits of a weight and of a membrane
WEIGHT_PATHS: Final = ("crossbar.weight_bits", "weight_bits")
MEMBRANE_PATH: Final = "neuron.membrane_bits"

#: what was looked up once, because a sweep counts one workload thousands of times: layer, bits and path of all that a
#: technique fixed; workloads of which every product was recorded
_fixed: WeakKeyDictionary[Workload, tuple[tuple[str, int, str], ...]] = WeakKeyDictionary()
_recorded: WeakKeyDictionary[Workload, bool] = WeakKeyDictionary()


def check_countable(workload: Workload, weight_bits: int, path: str, run_time: bool = False) -> None:
    """Refuse a workload that nothing can be counted of.

    Args:
        workload: traced, or built from shapes and rates.
        weight_bits: of the chip, at ``path`` of its spec.
        run_time: this kind of chip computes products of two operands that are both computed at run time.

    Raises:
        UsageError: no layer multiplies, a layer's weights were fixed to other bits, an operand was not recorded, or the
            kind of chip does not compute a product of run-time operands.
    """
    if not _recorded.get(workload) and not workload.matmuls:
        raise UsageError(
            f"workload '{workload.name}' has no layer with stored weights (conv2d, linear), so the chip has nothing "
            "to multiply; trace a network that has one."
        )
    at_run_time = () if run_time else [layer.name for layer in workload.matmuls if layer.at_run_time]
    if at_run_time:
        raise UsageError(
            f"layer '{at_run_time[0]}' multiplies two operands that are both computed at run time, and this kind of "
            "chip does not compute such products; estimate it on another kind, or take attention out of the network."
        )
    check_fixed_bits(workload, [("", {path: weight_bits})])
    if _recorded.get(workload):
        return
    for layer in workload.matmuls:
        read = layer.operands if layer.at_run_time else layer.operands[:1]
        if any(operand.words is None and operand.rate is None for operand in read):
            raise UsageError(
                f"layer '{layer.name}' has neither recorded spikes nor a rate; trace the network with a batch or give "
                "a rate."
            )
    _recorded[workload] = True


def check_fixed_bits(workload: Workload, chips: Sequence[tuple[str, Mapping[str, ArrayLike]]]) -> None:
    """Refuse chips whose weights or membranes have other bits than a technique fixed; one sentence for all of them.

    Args:
        workload: whose layers and neurons may say their bits.
        chips: name of each chip (empty: it has none), and path of its spec -> its value, or those of a sweep.

    Raises:
        UsageError: with the settings that fit all chips.
    """
    fixed = _fixed_in(workload)
    found = [
        _Conflict(layer, bits, path, int(others[0]), chip)
        for chip, values in chips
        for layer, bits, path in fixed
        if (others := [v for v in np.atleast_1d(values.get(path, ())) if v != bits])
    ]
    if found:
        wanted = {c.path: {bits for _, bits, path in fixed if path == c.path} for c in found}
        raise UsageError(_sentence(found, wanted, len(chips)))


def _fixed_in(workload: Workload) -> tuple[tuple[str, int, str], ...]:
    if workload not in _fixed:
        found = [(layer.name, layer.bits, path) for layer in workload.matmuls for path in WEIGHT_PATHS]
        found += [
            (at.name, at.neuron.bits, MEMBRANE_PATH) for at in workload.neurons if at.neuron is not None
        ]
        _fixed[workload] = tuple((name, bits, path) for name, bits, path in found if bits is not None)
    return _fixed[workload]


@dataclass(frozen=True)
class _Conflict:
    """A layer fixed to ``bits`` where a chip has ``value`` at ``path``."""

    layer: str
    bits: int
    path: str
    value: int
    chip: str


def _sentence(found: Sequence[_Conflict], wanted: Mapping[str, set[int]], chips: int) -> str:
    """Say what was fixed, which chips differ, and one set of changes that fits all.

    Args:
        found: at least one.
        wanted: path -> all bits that layers were fixed to there.
        chips: how many were looked at.
    """
    first = found[0]
    what = "membranes" if first.path == MEMBRANE_PATH else "weights"
    each = dict.fromkeys((c.path, c.value, f" on {c.chip}" if c.chip else "") for c in found)
    others = ", ".join(f"{path} is {value}{where}" for path, value, where in each)
    fixed = f"layer '{first.layer}' was fixed to {first.bits}-bit {what} by a technique, but {others}"
    odd = next((path for path, bits in wanted.items() if len(bits) > 1), None)
    if odd is not None:
        several = " and ".join(map(str, sorted(wanted[odd])))
        return (
            f"{fixed}; no one {odd} fits, because layers were fixed to {several} bits: fix all to the same bits, or "
            "drop the technique."
        )
    settings = " ".join(f"--set {path}={min(bits)}" for path, bits in wanted.items())
    where = "" if chips == 1 else ", which fits all chips"
    return f"{fixed}; give {settings}{where}, or drop the technique."
