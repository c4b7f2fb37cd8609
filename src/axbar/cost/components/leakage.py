"""Leakage as energy: power that flows whether or not anything is computed.

``leakage_W`` lists the power by component; this component turns it into energy, so that energies add up. With
P_l the power of layer l's tiles, C_l the part of it that flows in volatile cells, t_l the layer's time and t the
time of the inference:

    none:   E_l = P_l t                         every tile stays on
    tile:   E_l = (P_l - C_l) t_l + C_l t       a tile is on while its layer works; cells that would forget stay on

Gating is possible because layers never share a tile and run all their steps before the next one starts, so that
membranes need not outlive their layer. Energy and time of waking a tile are not modelled. Spread: x/÷ 4.
"""

from __future__ import annotations

from axbar.cost._types import LEAKAGE_SPREAD, Component, Context, Floats, Parts, Quantity, Term

__all__ = ["LEAKAGE"]


def _always_on(x: Context) -> Floats:
    return x.by_layer("leakage_W") * x.total("latency_s")


def _gated(x: Context) -> Floats:
    retained = x.results["leakage_W"]["cells"]
    gated = x.by_layer("leakage_W") - retained
    return gated * x.by_layer("latency_s") + retained * x.total("latency_s")


_USES: tuple[tuple[str, Quantity], ...] = (("*", "leakage_W"), ("*", "latency_s"))

LEAKAGE = Component(
    name="leakage",
    group="leakage",
    summary="leakage power of all components over the time they are on",
    parts={
        "none": Parts(
            energy_J=Term("leakage power of the layer · latency of the inference", _always_on, uses=_USES)
        ),
        "tile": Parts(
            energy_J=Term(
                "(leakage power of the layer − of its volatile cells) · latency of the layer "
                "+ leakage power of its volatile cells · latency of the inference",
                _gated,
                uses=_USES,
            )
        ),
    },
    choose="chip.power_gating",
    event=None,
    turn=None,
    instance=None,
    spread=LEAKAGE_SPREAD,
)
