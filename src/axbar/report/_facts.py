"""Facts that the page and the terminal both tell: layers, the conventional estimate, what techniques cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from axbar._report import QUANTITIES
from axbar.report._scale import percent
from axbar.report._view import amount

if TYPE_CHECKING:
    from axbar.cost import Estimate
    from axbar.cost.fair import Fair

__all__ = [
    "Conventional",
    "LayerRow",
    "TwinRow",
    "conventional_of",
    "figure_text",
    "layer_rows",
    "mean_rate",
    "rate_rows",
    "shape_text",
    "technique_cost",
    "twin_rows",
]

NOT_RECORDED = "not recorded"
#: (name, unit, quantities that are multiplied) of the comparison with the ANN twin
_TWIN = (
    ("energy", "J", ("energy_J",)),
    ("latency", "s", ("latency_s",)),
    ("energy × delay", "Js", ("energy_J", "latency_s")),
)


@dataclass(frozen=True)
class LayerRow:
    """One layer that the chip runs: SI figures by quantity, its mapping, and its row of the trace."""

    name: str
    figures: Mapping[str, float]
    mapping: Mapping[str, float]
    trace: Mapping[str, Any]

    @property
    def arrays_text(self) -> str:
        """Arrays in use."""
        return _whole(self.mapping.get("arrays"))

    @property
    def tiles_text(self) -> str:
        """Tiles in use."""
        return _whole(self.mapping.get("tiles"))

    @property
    def grid_text(self) -> str:
        """Row tiles by column tiles of the unfolded weights."""
        rows, columns = self.mapping.get("row_tiles"), self.mapping.get("col_tiles")
        return NOT_RECORDED if rows is None or columns is None else f"{_whole(rows)} × {_whole(columns)}"

    @property
    def used(self) -> float | None:
        """Share of the cells in its arrays that hold a weight, 0..1."""
        return self.mapping.get("utilisation")

    @property
    def used_text(self) -> str:
        """The same in percent."""
        return NOT_RECORDED if self.used is None else percent(self.used, 0)

    @property
    def params_text(self) -> str:
        """Weights and biases."""
        return _whole(self.trace.get("params"))

    @property
    def rate(self) -> float | None:
        """Mean activity of the layer's input, 0..1."""
        rates = self.trace.get("spike_rate")
        return sum(rates) / len(rates) if rates else None

    @property
    def rate_text(self) -> str:
        """Mean activity of the layer's input."""
        return mean_rate(self.trace)


@dataclass(frozen=True)
class TwinRow:
    """One figure of a spiking network and of its ANN twin; the ratios are twin over spiking."""

    name: str
    spiking: str
    twin: str
    ratio: str
    behind_first: str


@dataclass(frozen=True)
class Conventional:
    """The estimate that counts arithmetic only, beside the modelled energy."""

    ac: float
    mac: float
    ac_J: float
    mac_J: float
    energy_J: float
    modelled_J: float
    int8_J: float | None = None

    @property
    def ratio(self) -> float:
        """Modelled energy over the conventional one."""
        return self.modelled_J / self.energy_J if self.energy_J else float("inf")

    @property
    def words(self) -> str:
        """One sentence: both figures, the ratio, and what the conventional one leaves out."""
        return (
            f"The conventional estimate, #AC·E_AC + #MAC·E_MAC, gives {amount(self.energy_J, 'J')}; "
            f"the modelled chip needs {amount(self.modelled_J, 'J')}, {self.ratio_text}."
        )

    @property
    def ratio_text(self) -> str:
        """The ratio in words."""
        if self.ratio == float("inf"):
            return "and a ratio can't be formed"
        if self.ratio >= 1:
            return f"{self.ratio:.3g} times as much"
        return f"{1 / self.ratio:.3g} times less"


def conventional_of(estimate: Estimate) -> Conventional | None:
    """Return the conventional estimate of the first point; None if it was not made."""
    found: Mapping[str, Any] = estimate.conventional or {}
    if found.get("energy_J") is None:
        return None
    return Conventional(
        ac=float(found["ac"]),
        mac=float(found["mac"]),
        ac_J=float(found["E_AC_J"]),
        mac_J=float(found["E_MAC_J"]),
        energy_J=float(found["energy_J"]),
        int8_J=(found.get("int8") or {}).get("energy_J"),
        modelled_J=float(estimate.total("energy_J")[0]),
    )


def twin_rows(twin: Fair) -> list[TwinRow]:
    """Return energy, latency and their product of both networks, first point."""
    rows: list[TwinRow] = []
    for name, unit, factors in _TWIN:
        snn, ann = (math.prod(float(of.total(q)[0]) for q in factors) for of in (twin.snn, twin.ann))
        behind = math.prod(float(twin.ratio_behind_first(q)[0]) for q in factors)
        ratio = math.prod(float(twin.ratio(q)[0]) for q in factors)
        if len(factors) > 1 and snn > 0:  # with early exit the mean of a product is no product of means
            apart = float(twin.snn.edp_Js[0]) / snn
            snn, behind, ratio = snn * apart, behind / apart, ratio / apart
        rows.append(TwinRow(name, amount(snn, unit), amount(ann, unit), f"{ratio:.3f}", f"{behind:.3f}"))
    return rows


def layer_rows(estimate: Estimate, workload: Sequence[Mapping[str, Any]]) -> list[LayerRow]:
    """Return one row per layer of the estimate, joined by name with the rows of ``Workload.summary()``."""
    sums = {key: estimate.by_layer(key)[0] for key in QUANTITIES}
    traces = {str(row.get("name")): row for row in workload}
    mapping: Mapping[str, Any] = getattr(estimate, "mapping", None) or {}
    return [
        LayerRow(
            name,
            {key: float(sums[key][i]) for key in QUANTITIES},
            {key: float(values[i]) for key, values in mapping.items()},
            traces.get(name, {}),
        )
        for i, name in enumerate(estimate.layers)
    ]


def rate_rows(workload: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[float]]]:
    """Return (layer, spike rate at each step) of what spikes: neurons, else the spiking inputs of layers."""
    neurons = [row for row in workload if row.get("op") == "neuron" and row.get("spike_rate")]
    spiking = [row for row in workload if row.get("coding") in ("spikes", "signed") and row.get("spike_rate")]
    return [(str(row["name"]), [float(r) for r in row["spike_rate"]]) for row in neurons or spiking]


def mean_rate(row: Mapping[str, Any]) -> str:
    """Return the mean activity of a row of ``Workload.summary()`` in percent."""
    rates = row.get("spike_rate")
    return percent(sum(rates) / len(rates)) if rates else NOT_RECORDED


def shape_text(shape: Sequence[int] | None) -> str:
    """Write a shape as ``64×32×32``.

    >>> shape_text([64, 32, 32]), shape_text(None)
    ('64×32×32', 'not recorded')
    """
    return "×".join(str(int(n)) for n in shape) if shape else NOT_RECORDED


def technique_cost(row: Mapping[str, Any]) -> str:
    """Write what a technique cost: ``images 128, seconds 1.2``; zeros and what is empty are left out."""
    if row.get("cost") is None:
        return NOT_RECORDED
    parts = [f"{key.replace('_', ' ')} {figure_text(value)}" for key, value in row["cost"].items() if value]
    return ", ".join(parts) or "nothing"


def figure_text(value: Any) -> str:
    """Write a number with separators or three digits, a table as ``(name: value; ...)``, anything else as text.

    >>> figure_text({"α 0": 0.65625, "α 1": 0.5})
    '(α 0: 0.656; α 1: 0.5)'
    """
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return "(" + "; ".join(f"{name}: {figure_text(each)}" for name, each in table.items()) + ")"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    for factor, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{word}"
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    )


def _whole(value: float | None) -> str:
    return NOT_RECORDED if value is None else f"{round(value):,}"
