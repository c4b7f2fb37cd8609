"""Scaling against the paper's own table and the laws that a scaling must keep."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.cost import technology

NODES = np.array([7, 10, 14, 16, 20, 22, 28, 32, 40, 45, 65, 90, 130, 180]) * 1e-9


def test_nominal_energies_are_those_of_the_simulated_inverter() -> None:
    # Table 2: 45 nm 1.05 fJ at 1.1 V, 32 nm 0.51 fJ at 0.97 V, 7 nm 0.111 fJ at 0.8 V
    assert float(technology.energy_ratio(45e-9, 1.1, 7e-9, 0.8)) == pytest.approx(0.111 / 1.05, rel=1e-12)
    assert float(technology.energy_ratio(32e-9, 0.97, 45e-9, 1.1)) == pytest.approx(1.05 / 0.51, rel=1e-12)


def test_bulk_nodes_are_chained_by_the_polynomials() -> None:
    assert float(technology.energy_ratio(45e-9, 1.1, 65e-9, 1.1)) == pytest.approx(1.681 / 1.044, rel=1e-12)


def test_energy_goes_with_the_square_of_the_supply() -> None:
    assert float(technology.energy_ratio(65e-9, 1.0, 65e-9, 0.5)) == 0.25


def test_smaller_nodes_never_cost_more() -> None:
    for ratio in (technology.energy_ratio(65e-9, 1.0, NODES, 1.0), technology.area_ratio(65e-9, NODES),
                  technology.delay_ratio(65e-9, NODES)):  # fmt: skip
        assert (np.diff(ratio) > 0).all()


def test_area_and_delay_are_the_published_factors() -> None:
    assert float(technology.area_ratio(32e-9, 65e-9)) == pytest.approx(25 / 7.8, rel=1e-12)
    assert float(technology.delay_ratio(7e-9, 45e-9)) == pytest.approx(13.64 / 2.873, rel=1e-12)
    # 28 nm lies on the line between 20 and 32 nm on log axes, as in the fact table: 10.27
    assert float(technology.delay_ratio(7e-9, 28e-9) * 2.873) == pytest.approx(10.27, rel=1e-3)


def test_the_interval_holds_both_readings() -> None:
    low, high = technology.energy_interval(45e-9, 7e-9)
    at_equal_supply = float(technology.energy_ratio(45e-9, 1.0, 7e-9, 1.0))
    assert low < high
    assert high == pytest.approx(at_equal_supply, rel=1e-12)
    # at nominal supplies the polynomial says 1/16.0
    assert low * (0.8 / 1.1) ** 2 == pytest.approx(1 / 16.0, rel=2e-3)


@pytest.mark.parametrize(
    ("start", "end", "crossed"), [(65e-9, 65e-9, 0), (65e-9, 45e-9, 1), (45e-9, 7e-9, 6), (28e-9, 32e-9, 1)]
)
def test_nodes_crossed(start: float, end: float, crossed: int) -> None:
    assert technology.nodes_crossed(start, end) == crossed
