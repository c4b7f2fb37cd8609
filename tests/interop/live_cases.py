"""Neurons of the real libraries at the settings that are tested, with the constants that an import must give.

Each row: factory, way of calling (``live_nets.TwoLayers``), expected constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import norse.torch as norse
import sinabs.activation as activation
import sinabs.layers as sinabs_layers
import snntorch
import torch
from norse.torch.functional.reset import reset_subtract
from norse.torch.module.iaf import IAFCell
from spikingjelly.activation_based import neuron as jelly
from torch import nn


class Case(NamedTuple):
    """One setting of one library."""

    make: Callable[[], nn.Module]
    way: str
    reset: str
    strict: bool
    beta: float
    threshold: float = 1.0
    input_scale: float = 1.0
    alpha: float = 0.0
    gain: float = 1.0  # on the weights, where the library's own input scale leaves the layers silent


def _box(tau_inv: float, **p: Any) -> Callable[[], nn.Module]:
    given = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(tau_inv), **p)
    return lambda: norse.LIFBoxCell(p=given)


def _sinabs(reset: Any, **given: Any) -> Callable[[], nn.Module]:
    return lambda: sinabs_layers.LIF(spike_fn=activation.SingleSpike, reset_fn=reset, **given)


_E3, _E5 = math.exp(-1 / 3), math.exp(-1 / 5)

CASES: dict[str, Case] = {
    "snntorch B default": Case(
        lambda: snntorch.Leaky(beta=0.9), "potential", "subtract_unleaked", True, 0.9
    ),
    "snntorch B threshold": Case(
        lambda: snntorch.Leaky(beta=0.6, threshold=0.7), "potential", "subtract_unleaked", True, 0.6, 0.7
    ),
    "snntorch A": Case(
        lambda: snntorch.Leaky(beta=0.5, reset_mechanism="subtract", reset_delay=False), "potential",
        "subtract", True, 0.5,
    ),
    "snntorch C": Case(
        lambda: snntorch.Leaky(beta=0.8, reset_mechanism="zero", threshold=1.25), "potential", "zero", True, 0.8, 1.25
    ),
    "snntorch hidden": Case(
        lambda: snntorch.Leaky(beta=0.5, init_hidden=True), "step", "subtract_unleaked", True, 0.5
    ),
    "snntorch synaptic": Case(
        lambda: snntorch.Synaptic(alpha=0.7, beta=0.6, init_hidden=True), "step", "subtract_unleaked", True, 0.6,
        alpha=0.7,
    ),
    "snntorch lapicque": Case(
        lambda: snntorch.Lapicque(R=2.0, C=4.0, reset_mechanism="subtract"), "potential", "subtract_unleaked", True,
        0.875, input_scale=0.25,
    ),
    "spikingjelly default": Case(lambda: jelly.LIFNode(), "step", "zero", False, 0.5, input_scale=0.5),
    "spikingjelly A": Case(
        lambda: jelly.LIFNode(tau=3.0, decay_input=False, v_reset=None, v_threshold=0.8), "step", "subtract", False,
        2 / 3, 0.8,
    ),
    "spikingjelly C": Case(
        lambda: jelly.LIFNode(tau=4.0, decay_input=False, v_reset=0.0, step_mode="m"), "sequence", "zero", False, 0.75
    ),
    "spikingjelly parametric": Case(
        lambda: jelly.ParametricLIFNode(init_tau=4.0, v_reset=None, v_threshold=0.5, step_mode="m"), "sequence",
        "subtract", False, 0.75, 0.5, 0.25,
    ),
    "spikingjelly IF": Case(lambda: jelly.IFNode(v_reset=None), "step", "subtract", False, 1.0),
    "norse default": Case(
        lambda: norse.LIFBoxCell(), "state", "zero", True, 0.9, input_scale=0.1, gain=4.0
    ),
    "norse C": Case(_box(500.0), "state", "zero", True, 0.5, input_scale=0.5),
    "norse A": Case(_box(250.0, reset_method=reset_subtract, v_th=torch.tensor(0.4)), "state", "subtract", True, 0.75,
                    0.4, 0.25),
    "norse LIF": Case(
        lambda: norse.LIF(p=norse.LIFParameters(tau_mem_inv=torch.tensor(400.0))), "sequence with state", "zero", True,
        0.6, input_scale=0.4, alpha=0.8,
    ),
    "norse IAF": Case(lambda: IAFCell(), "state", "zero", True, 1.0),
    "sinabs A": Case(
        _sinabs(activation.MembraneSubtract(), tau_mem=3.0, norm_input=False), "samples first", "subtract", False, _E3
    ),
    "sinabs A normed": Case(
        _sinabs(activation.MembraneSubtract(), tau_mem=3.0, spike_threshold=torch.tensor(0.5)), "samples first",
        "subtract", False, _E3, 0.5, 1 - _E3,
    ),
    "sinabs C": Case(
        _sinabs(activation.MembraneReset(), tau_mem=5.0, norm_input=False), "samples first", "zero", False, _E5
    ),
    "sinabs current": Case(
        _sinabs(activation.MembraneSubtract(), tau_mem=5.0, tau_syn=3.0, norm_input=False), "samples first", "subtract",
        False, _E5, input_scale=_E3, alpha=_E3,
    ),
    "sinabs IAF": Case(
        lambda: sinabs_layers.IAF(spike_fn=activation.SingleSpike), "samples first", "subtract", False, 1.0
    ),
}  # fmt: skip
