"""Leakage as energy: power that flows whether or not anything is computed.

``leakage_W`` lists the power by component; this component turns it into energy, so that energies add up. With
P_l the power of layer l's tiles, t_l the time in which the layer works, t the time from one inference to the next
(that of the inference, where nothing overlaps), and

    C_l   what must stay on all the time: volatile cells, the global buffer, and membranes where layers take turns
          step by step (``outliving``), which have to last until the layer's next step; not cells that are written anew
          whenever their layer runs (operands of run time), which nothing is lost of
    O_l   the array-level parts (cells, drivers, converters, shift-adders, accumulators) of arrays that hold no
          weights

    none        E_l = P_l t                                   everything stays on
    tile        E_l = (P_l - C_l) (t_l + n_l t_w) + C_l t     a tile is on while its layer works
    pe, array   as tile, with P_l - O_l for P_l               and PEs, or single arrays, without weights are always off

A tile is woken n_l times per inference (once, or once per step: event ``wakes``). Each time takes
t_w = ``chip.wake_s``, in which its layer waits, leaking; charging the supply rail is counted as the leakage of
another t_w (a break-even time equal to the wake time: assumed, no figure for such tiles was read). Finer switches
take area and drop voltage, which is not modelled. Spread: x/÷ 4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from axbar.cost._types import LEAKAGE_SPREAD, Component, Context, Floats, Parts, Quantity, Term

__all__ = ["ARRAY_PARTS", "LEAKAGE"]

#: built once per array (or so many times): can be off where the array is never used
ARRAY_PARTS = ("cells", "row_drivers", "dac", "time_drivers", "mux", "adc", "shift_add", "accumulators")


def _always_on(x: Context) -> Floats:
    return x.by_layer("leakage_W") * x.interval_s()


def _waking(x: Context) -> Floats:
    return x.n("wakes") * x.p("chip.wake_s")


def _gated(x: Context, used: Floats | None = None) -> Floats:
    """Energy of tiles of which the share ``used`` of all arrays (None: all) has power at all."""
    power, parts = x.by_layer("leakage_W"), x.results["leakage_W"]
    cells = parts["cells"] if used is None else parts["cells"] * used
    anew, runs = x.n("rewrites"), x.n("runs")
    if anew.any():
        cells = np.where((anew > 0.0) & (anew >= runs), 0.0, cells)
    kept = cells + parts["global_buffer"] + x.n("outliving") * parts["membrane"]
    if used is not None:
        built = parts[ARRAY_PARTS[0]].copy()
        for name in ARRAY_PARTS[1:]:
            built += parts[name]
        power = power - (1.0 - used) * built
    on = x.busy_s() + _waking(x)
    return (power - kept) * on + kept * x.interval_s()


def _pe(x: Context) -> Floats:
    return _gated(x, x.n("powered_arrays") / np.maximum(x.n("arrays_built"), 1.0))


def _array(x: Context) -> Floats:
    return _gated(x, x.n("used_arrays") / np.maximum(x.n("arrays_built"), 1.0))


_USES: tuple[tuple[str, Quantity], ...] = (("*", "leakage_W"), ("*", "latency_s"))
_WAKING = Term("wakes · wake_s", _waking, ("wakes",), ("chip.wake_s",))
_KEPT = "of its volatile cells (unless rewrites ≥ runs), the global buffer and outliving · its membranes"


def _switched(value: Term) -> Parts:
    return Parts(latency_s=_WAKING, energy_J=value)


def _term(function: Callable[[Context], Floats], unpowered: str, *events: str) -> Term:
    return Term(
        f"(leakage power of the layer{unpowered} − {_KEPT}) · (time of the layer + wakes · wake_s) + leakage "
        f"power {_KEPT} · time of the inference",
        function,
        ("wakes", "outliving", "rewrites", "runs", *events),
        ("chip.wake_s",),
        uses=_USES,
    )


LEAKAGE = Component(
    name="leakage",
    group="leakage",
    summary="leakage power of all components over the time they are on, and waking them",
    parts={
        "none": Parts(
            energy_J=Term("leakage power of the layer · time of the inference", _always_on, uses=_USES)
        ),
        "tile": _switched(_term(_gated, "")),
        "pe": _switched(_term(_pe, " − of arrays in PEs without weights", "powered_arrays", "arrays_built")),
        "array": _switched(_term(_array, " − of arrays without weights", "used_arrays", "arrays_built")),
    },
    choose="chip.power_gating",
    event=None,
    turn=None,
    instance=None,
    spread=LEAKAGE_SPREAD,
)
