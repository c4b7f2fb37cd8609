"""Technology scaling: what a figure at one node and supply becomes at another.

Source: A. Stillmaker and B. Baas, "Scaling equations for the accurate prediction of CMOS device performance
from 180 nm to 7 nm", Integration 58 (2017) 74-81, Tables 2, 4 and 5 (HP rows at 45 nm and below, bulk above).

Energy. The paper's polynomials in V_DD exaggerate the gain at new nodes (45 -> 7 nm at nominal supply:
1/16.0; its own simulated inverter of Table 2: 1/9.5; a published 7 nm accelerator: 1/3.6). The default is
therefore the inverter. With ``E_inv(n)`` its energy at the nominal supply ``V_nom(n)``, a gate at node n
behaves as the capacitance

    C(n) = E_inv(n) / V_nom(n)^2,     E(n, V) = E_0 * C(n) / C(n_0) * (V / V_0)^2,

so that energy falls with the node and with the supply, always. Table 2 starts at 45 nm; the bulk nodes are
chained to it by the ratio of the polynomials at nominal supply. Between nodes ``C``, area and delay are
interpolated in log-log. ``energy_interval`` returns both readings of the paper, for statements that cross
more than two nodes.

Area is the paper's ITRS factor (Table 1), delay the polynomial at nominal supply (Table 4); ITRS areas
overstate the shrink at the newest nodes. All functions broadcast.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CONFIDENCE",
    "SOURCE",
    "area_ratio",
    "delay_ratio",
    "energy_interval",
    "energy_ratio",
    "nodes_crossed",
]

Floats = NDArray[np.float64]

SOURCE: Final = "Stillmaker & Baas, Integration 58 (2017) 74-81, Tables 1-5, via wromaszkan/nodeScale (MIT)"
CONFIDENCE: Final = "code"

#: node (nm), nominal supply (V), polynomial energy and delay factors at nominal supply, area against 7 nm
_TABLE: Final = np.array(
    [
        (7, 0.80, 0.06536, 2.873, 1.0),
        (10, 0.83, 0.08893, 3.560, 1.7),
        (14, 0.86, 0.1140, 4.306, 2.9),
        (16, 0.86, 0.1423, 6.345, 3.2),
        (20, 0.90, 0.2008, 9.467, 3.6),
        (32, 0.97, 0.5363, 10.61, 7.8),
        (45, 1.10, 1.044, 13.64, 17.0),
        (65, 1.10, 1.681, 19.15, 25.0),
        (90, 1.20, 3.212, 23.59, 48.0),
        (130, 1.30, 6.301, 31.96, 110.0),
        (180, 1.80, 26.37, 79.01, 320.0),
    ]
)
#: energy of the simulated inverter (fJ) at nominal supply, Table 2; the paper gives no 20 nm value
_INVERTER_fJ: Final = {7: 0.111, 10: 0.122, 14: 0.144, 16: 0.179, 32: 0.51, 45: 1.05}


def _capacitance_table() -> tuple[Floats, Floats]:
    node, supply, factor = _TABLE[:, 0], _TABLE[:, 1], _TABLE[:, 2]
    at_45 = factor[node == 45][0]
    chained = _INVERTER_fJ[45] * factor / at_45
    energy = np.array([_INVERTER_fJ.get(int(n), e) for n, e in zip(node, chained, strict=True)])
    known = np.array([int(n) in _INVERTER_fJ or n > 45 for n in node])
    return np.log(node[known]), np.log(energy[known] / (supply[known] * supply[known]))


_LOG_NODE: Final = np.log(_TABLE[:, 0])
_LOG_NODE_C, _LOG_C = _capacitance_table()
_LOG_AREA: Final = np.log(_TABLE[:, 4])
_LOG_DELAY: Final = np.log(_TABLE[:, 3])
_LOG_POLYNOMIAL_C: Final = np.log(_TABLE[:, 2] / (_TABLE[:, 1] * _TABLE[:, 1]))


def _ratio(from_node_m: ArrayLike, to_node_m: ArrayLike, log_node: Floats, log_value: Floats) -> Floats:
    start = np.log(np.asarray(from_node_m, dtype=np.float64) * 1e9)
    end = np.log(np.asarray(to_node_m, dtype=np.float64) * 1e9)
    return np.exp(np.interp(end, log_node, log_value) - np.interp(start, log_node, log_value))


def energy_ratio(
    from_node_m: ArrayLike, from_vdd_V: ArrayLike, to_node_m: ArrayLike, to_vdd_V: ArrayLike
) -> Floats:
    """Return the factor on dynamic energy of digital logic.

    Args:
        from_node_m, to_node_m: nodes in m, 7 nm to 180 nm.
        from_vdd_V, to_vdd_V: supplies in V.

    >>> round(float(energy_ratio(45e-9, 1.1, 7e-9, 0.8)), 4)
    0.1057
    """
    supply = np.asarray(to_vdd_V, dtype=np.float64) / np.asarray(from_vdd_V, dtype=np.float64)
    return _ratio(from_node_m, to_node_m, _LOG_NODE_C, _LOG_C) * (supply * supply)


def area_ratio(from_node_m: ArrayLike, to_node_m: ArrayLike) -> Floats:
    """Return the factor on the area of digital logic (ITRS)."""
    return _ratio(from_node_m, to_node_m, _LOG_NODE, _LOG_AREA)


def delay_ratio(from_node_m: ArrayLike, to_node_m: ArrayLike) -> Floats:
    """Return the factor on gate delay at the nominal supply of each node."""
    return _ratio(from_node_m, to_node_m, _LOG_NODE, _LOG_DELAY)


def energy_interval(from_node_m: float, to_node_m: float) -> tuple[float, float]:
    """Return the paper's two readings for energy at equal supply, inverter and polynomial, sorted."""
    inverter = float(_ratio(from_node_m, to_node_m, _LOG_NODE_C, _LOG_C))
    polynomial = float(_ratio(from_node_m, to_node_m, _LOG_NODE, _LOG_POLYNOMIAL_C))
    return min(inverter, polynomial), max(inverter, polynomial)


def nodes_crossed(from_node_m: float, to_node_m: float) -> int:
    """Return how many nodes of the paper's table lie between two nodes, the end included."""
    low, high = sorted((from_node_m * 1e9, to_node_m * 1e9))
    nodes = _TABLE[:, 0]
    return int(np.sum((nodes > low * (1 + 1e-9)) & (nodes <= high * (1 + 1e-9))))
