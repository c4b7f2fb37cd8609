"""The differentiable way through the arrays: equal to what the die holds, with the slope of the circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from chips import IDEAL, chip

from axbar.crossbar import to_analog
from axbar.crossbar._through import weight_through_arrays

HARSH = {
    "wires.r_row_ohm": 20.0,
    "wires.r_col_ohm": 30.0,
    "wires.r_driver_ohm": 500.0,
    "wires.r_sense_ohm": 300.0,
}


def layer_of(changes: dict[str, Any], model: torch.nn.Module | None = None) -> Any:
    torch.manual_seed(0)
    made = model or torch.nn.Linear(30, 5)
    return to_analog(made, chip({"crossbar.rows": 16, "crossbar.cols": 12, **changes}), seed=3).chip_layers[
        "root"
    ]


@pytest.mark.parametrize("changes", [{}, HARSH, {**HARSH, "device": "rram-hfo2", "read.v_read_V": 0.3}])
def test_at_the_written_weights_it_is_what_the_die_holds(changes: dict[str, Any]) -> None:
    layer = layer_of(changes)
    through = weight_through_arrays(layer, layer.weight.detach())
    exact = layer.effective_weight()
    assert np.abs(through.double().numpy() - exact).max() < 2e-3 * np.abs(exact).max()


def test_grouped_convolutions_find_their_cells() -> None:
    layer = layer_of(HARSH, torch.nn.Conv2d(4, 8, 3, groups=2))
    through = weight_through_arrays(layer, layer.weight.detach()).flatten(1)
    assert np.abs(through.double().numpy() - layer.effective_weight()).max() < 2e-3


def test_without_flaws_a_weight_moves_as_it_is() -> None:
    layer = layer_of(IDEAL)
    moved = layer.weight.detach() + 0.01 * torch.randn_like(layer.weight)
    through = weight_through_arrays(layer, moved).double().numpy()
    expected = layer.ideal_weight() + (moved - layer.weight.detach()).double().numpy()
    crossed = np.sign(expected) * np.sign(layer.ideal_weight()) < 0  # a conductance is never below zero
    assert np.allclose(through, np.where(crossed, 0.0, expected), atol=1e-6) and crossed.mean() < 0.1


def test_the_slope_is_that_of_the_circuit() -> None:
    layer = layer_of({**HARSH, "crossbar.rows": 8, "device.program_noise": 0.0})
    torch.manual_seed(1)
    weight = (
        (layer.weight.detach() + 0.01 * torch.randn(5, 30)).double().requires_grad_()
    )  # off the kinks at 0
    probe, direction = torch.randn(5, 30, dtype=torch.float64), torch.randn(5, 30, dtype=torch.float64)
    (probe * weight_through_arrays(layer, weight)).sum().backward()
    slope = float((weight.grad * direction).sum())
    h = 1e-5
    ends = [
        float((probe * weight_through_arrays(layer, weight.detach() + s * h * direction)).sum())
        for s in (1, -1)
    ]
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5)
