"""The wires as an operator against the matrix of shared resistances, written out."""

from __future__ import annotations

import pytest
import torch

from axbar.crossbar._ladder import Wires
from axbar.crossbar._lines import Lines


def shared(cells: int, segment: float, end: float) -> torch.Tensor:
    """Segments that the currents of two cells of a line have in common, cell 0 next to the end."""
    return torch.tensor(
        [[segment * (min(j, k) + 1) + end for k in range(cells)] for j in range(cells)]
    ).double()


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 65), (66, 2), (96, 128), (67, 131), (100, 70)])
@pytest.mark.parametrize("wires", [Wires(1.5, 0.5, 10.0, 20.0), Wires(0.0, 2.0), Wires(0.0, 0.0, 3.0, 0.0)])
def test_loss_is_that_of_the_shared_segments(rows: int, cols: int, wires: Wires) -> None:
    currents = torch.randn(2, 3, rows, cols, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    along = currents @ shared(cols, wires.row, wires.driver)
    exact = along + shared(rows, wires.col, wires.sense).flip(0, 1) @ currents
    lines = Lines(wires, currents)
    torch.testing.assert_close(lines.lost(currents), exact, rtol=1e-12, atol=1e-11)
    torch.testing.assert_close(lines.lost(currents.mT.contiguous().mT), lines.lost(currents), rtol=0, atol=0)
    voltages = torch.ones_like(currents)
    assert lines.add_lost(voltages, currents) is voltages
    torch.testing.assert_close(voltages - 1.0, exact, rtol=1e-12, atol=1e-11)
