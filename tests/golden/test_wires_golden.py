"""A small array with wires, drivers and sense resistances: numbers of a sparse LU solution of its 2 m n nodes.

The input is given as integers; the currents and G_eff were computed by ``tests/crossbar/nodal.py`` (Kirchhoff's law
at every node, refined in extended precision) and agree with an independent sparse-LU solution to 4e-13.
"""

from __future__ import annotations

import numpy as np
import pytest

from axbar.crossbar import effective_conductance, read_currents

OHM = (2.0, 3.0, 1000.0, 1000.0)  # row, column, driver, sense
G_S = 1e-6 * np.array(
    [
        [14, 13, 79, 50, 59, 60],
        [71, 3, 49, 15, 40, 92],
        [55, 7, 54, 13, 75, 94],
        [97, 62, 86, 37, 15, 51],
        [44, 66, 99, 28, 85, 14],
        [35, 79, 25, 67, 46, 51],
        [94, 81, 84, 55, 98, 98],
        [14, 21, 31, 55, 82, 48],
    ]
)
V = 0.01 * np.array([[20, -6, 18, 4, 9, -11, 4, 12], [16, 15, 19, -15, 11, -1, 8, -9]])
EFFECTIVE_S = np.array(
    [
        [
            9.7879706732523e-06,
            9.400279332049798e-06,
            4.325985474521225e-05,
            3.126007776103741e-05,
            3.304638128575498e-05,
            3.336603182377527e-05,
        ],
        [
            4.135236341359848e-05,
            3.500054758804269e-06,
            2.786358128359713e-05,
            1.0532880803816095e-05,
            2.3217382881958535e-05,
            5.02264832868408e-05,
        ],
        [
            3.203596521121225e-05,
            5.91879197264057e-06,
            3.006978016417378e-05,
            9.341096059721242e-06,
            4.089802368312769e-05,
            5.0415010492508396e-05,
        ],
        [
            5.295791842931621e-05,
            3.660228614261341e-05,
            4.492663414606219e-05,
            2.2620214977461834e-05,
            9.998305489990778e-06,
            2.766448501469965e-05,
        ],
        [
            2.551208117167318e-05,
            3.91495984060065e-05,
            5.174945203287056e-05,
            1.7748969933365585e-05,
            4.492543911802371e-05,
            9.519242634720744e-06,
        ],
        [
            2.095154721808052e-05,
            4.732571260480605e-05,
            1.5031767446401326e-05,
            4.057181697478197e-05,
            2.5774147858408383e-05,
            2.8161934573576433e-05,
        ],
        [
            4.699257878463884e-05,
            4.300152923282602e-05,
            4.0460596478209566e-05,
            3.0059018300409468e-05,
            4.667565967078448e-05,
            4.649056624152774e-05,
        ],
        [
            9.718533997747597e-06,
            1.4213633487162781e-05,
            1.855312110672721e-05,
            3.4805670287013695e-05,
            4.581621182048592e-05,
            2.754663200549504e-05,
        ],
    ]
)
CURRENTS_A = np.array(
    [
        [
            1.0398587147602398e-05,
            5.942859239446036e-06,
            2.1038536523210243e-05,
            1.0719797187061723e-05,
            2.1550914828283e-05,
            1.6765036181136076e-05,
        ],
        [
            1.1393627145170105e-05,
            3.6573744837523904e-06,
            1.7184565928860286e-05,
            5.782200228190081e-06,
            1.9335557648527775e-05,
            2.030726258911299e-05,
        ],
    ]
)


# Largest output of 64x64 cells, default_rng(20261121 + 64): G uniform(1e-6, 1e-4), then V uniform(0, 0.2), 4 inputs;
# row and column segments of that resistance, no drivers or sense resistances.
@pytest.mark.parametrize(
    ("ohm", "largest_A", "last_A"),
    [
        (0.1, 0.0003778509992639526, 0.000294510326534087),
        (1.0, 0.000342485407804818, 0.00025404150166021396),
        (5.0, 0.00025973135100806715, 0.0001568829079522263),
    ],
)
def test_64_by_64(ohm: float, largest_A: float, last_A: float) -> None:
    rng = np.random.default_rng(20261121 + 64)
    G = rng.uniform(1e-6, 1e-4, (64, 64))
    V = rng.uniform(0, 0.2, (64, 64))[:4]
    for method in ("ladder", "cg"):
        currents = read_currents(G, V, ohm, ohm, method=method)
        assert currents.max() == pytest.approx(largest_A, rel=1e-12)
        assert currents[-1, -1] == pytest.approx(last_A, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_small_array(dtype: type) -> None:
    exact = dtype is np.float64
    seen = effective_conductance(G_S.astype(dtype), *OHM)
    np.testing.assert_allclose(seen, EFFECTIVE_S, rtol=1e-12 if exact else 2e-6)
    for method in ("ladder", "cg"):
        currents = read_currents(G_S.astype(dtype), V.astype(dtype), *OHM, method=method)
        largest = np.abs(CURRENTS_A).max()
        np.testing.assert_allclose(currents, CURRENTS_A, rtol=0, atol=(1e-12 if exact else 1e-6) * largest)
