"""Recurrences as people write them: states that start as zeros, as None, or with the first input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from workload_nets import seen_inputs

from axbar.errors import TraceError
from axbar.workload import trace, unpack

STEPS, SAMPLES = 5, 3


class Recurrent(nn.Module):
    """One layer that reads its own spikes of the step before, from ``rest`` on."""

    def __init__(self, rest: float = 0.0) -> None:
        super().__init__()
        self.rest = rest
        self.fc, self.back, self.out = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        spikes, out = torch.full((len(x), 6), self.rest), []
        for t in range(STEPS):
            spikes = (self.fc(x[:, t]) + self.back(spikes) > 0).float()
            out.append(self.out(spikes))
        return torch.stack(out)


class Integrator(nn.Module):
    """A leaky sum that begins with the first input: neither product nor sum runs on the first step."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        potential, out = None, []
        for t in range(STEPS):
            charge = self.fc(x[:, t])
            potential = charge if potential is None else 0.5 * potential + charge
            out.append(self.out(torch.relu(potential)))
        return torch.stack(out)


def batch() -> Tensor:
    return torch.rand(SAMPLES, STEPS, 4, generator=torch.Generator().manual_seed(0))


def test_a_layer_reads_zeros_before_the_first_step() -> None:
    torch.manual_seed(0)
    net = Recurrent()
    workload = trace(net, batch())
    back = workload.layer("back")
    assert (workload.steps, back.steps) == (STEPS, tuple(range(STEPS)))
    assert back.inputs == ("gt_1",)  # its own spikes, one step later
    words = back.operands[0].words
    assert words is not None
    spikes = unpack(words, STEPS)
    np.testing.assert_array_equal(spikes, torch.stack(seen_inputs(net, batch(), ["back"])["back"]).numpy())
    assert not spikes[0].any() and spikes[1:].any()


def test_a_constant_that_is_not_at_rest_is_refused() -> None:
    with pytest.raises(TraceError, match="'back' was not made from the batch"):
        trace(Recurrent(rest=1.0), batch())


def test_a_state_that_begins_with_the_first_input_is_one_sum_and_one_product() -> None:
    workload = trace(Integrator(), batch())
    assert {layer.name: len(layer.steps) for layer in workload.layers} == {
        "fc": STEPS, "relu_1": STEPS, "out": STEPS, "mul_1": STEPS - 1, "add_1": STEPS - 1,
    }  # fmt: skip
    assert workload.layer("add_1").steps == (1, 2, 3, 4)
    assert workload.layer("mul_1").inputs == ("fc", "add_1")
