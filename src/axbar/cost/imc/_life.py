"""The note on how long cells live that hold operands of run time, at the pace of the chip itself.

    life = device.endurance / (writes of a cell per image * images per second), see ``axbar.cost.wear``.

A design whose keys and values wear its cells out within days works, so this is no reason against it, but nobody should
read its energy without knowing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._engine import fill
from axbar.cost._types import Bools, Context, Floats, Rule
from axbar.cost._verify import mean_writes
from axbar.cost._wear import NO_WEAR, cell_life_s, duration
from axbar.units import format_number

__all__ = ["LIFE_RULE"]


def _wears_out(x: Context) -> Bools:
    if x.text("run_time.unit") != "nvm" or not x.n("rewrites").any():
        return np.zeros(1, dtype=np.bool_)
    return x.p("device.endurance") < NO_WEAR


def _life_and_pace(x: Context) -> tuple[Floats, Floats]:
    """Return the life of the cells that are written most often in s, and images per second, ``[P]`` each."""
    from axbar.cost.imc import KIND  # which lists this rule

    fill(KIND, x, ("area_m2", "leakage_W", "latency_s"))
    pace_Hz = 1.0 / x.interval_s()
    writes = x.n("rewrites").max(axis=0) * mean_writes(x)
    return np.broadcast_to(cell_life_s(x.p("device.endurance"), writes, pace_Hz), pace_Hz.shape), pace_Hz


def _short(value: float) -> float:
    return float(f"{value:.2g}")


def _depends(x: Context) -> Floats:
    """Both figures as the sentence shows them."""
    return np.array([[_short(value) for value in column] for column in _life_and_pace(x)])


def _sentence(x: Context) -> str:
    life_s, pace_Hz = (_short(column.item()) for column in _life_and_pace(x))
    return (
        f"operands written at run time (keys and values) wear the cells out after {duration(life_s)} at "
        f"{format_number(pace_Hz)} images/s"
    )


LIFE_RULE: Final = Rule(_wears_out, _sentence, fatal=False, depends=_depends)
