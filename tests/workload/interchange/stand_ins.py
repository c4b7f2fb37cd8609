"""Neurons named and made like those of other libraries, for tests where these are not installed.

Only what an import reads, and the recurrences of the documentation written anew; ``live_spikes.npz`` holds what the
real ones fired.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

_BASES = {
    "snntorch": "SpikingNeuron",
    "spikingjelly": "MemoryModule",
    "norse": "SNNCell",
    "sinabs": "StatefulLayer",
}


def named(module: str, name: str, cls: type) -> Any:
    """Return a class named like one of a library, below the base that its neurons have there."""
    root = type(_BASES[module.partition(".")[0]], (nn.Module,), {"__module__": module})
    return type(name, (cls, root), {"__module__": module})


def _fires(x: Tensor, strict: bool) -> Tensor:
    return (x > 0 if strict else x >= 0).to(x.dtype)


class _SnnTorch:
    def __init__(self, beta: float, reset_mechanism: str = "subtract", **given: Any) -> None:
        super().__init__()
        self.beta, self.threshold = torch.tensor(beta), torch.tensor(given.get("threshold", 1.0))
        self.reset_mechanism = reset_mechanism
        self.reset_delay = given.get("reset_delay", True)
        self.inhibition, self.state_quant, self.output = False, False, False
        self.graded_spikes_factor = torch.tensor(given.get("graded_spikes_factor", 1.0))
        self.init_hidden = given.get("init_hidden", False)
        self.mem = torch.zeros(0)

    def reset_mem(self) -> Tensor:
        self.mem = torch.zeros(0)
        return self.mem

    def forward(self, x: Tensor, mem: Tensor | None = None) -> Any:
        mem = self.mem if mem is None else mem
        mem = torch.zeros_like(x) if mem.shape != x.shape else mem
        late = _fires(mem - self.threshold, True)
        if self.reset_mechanism == "zero":
            mem = self.beta * (mem * (1 - late)) + x
        else:
            mem = self.beta * mem + x - late * self.threshold
        spikes = _fires(mem - self.threshold, True)
        if not self.reset_delay:
            mem = mem - (spikes - late) * (mem if self.reset_mechanism == "zero" else self.threshold)
        self.mem = mem
        return spikes if self.init_hidden else (spikes, mem)


class _LIFNode:
    def __init__(
        self, tau: float = 2.0, decay_input: bool = True, v_reset: float | None = 0.0, **given: Any
    ) -> None:
        super().__init__()
        self.tau, self.decay_input, self.v_reset = tau, decay_input, v_reset
        self.v_threshold, self.step_mode = given.get("v_threshold", 1.0), given.get("step_mode", "s")
        self.surrogate_function = SimpleNamespace(spiking=given.get("spiking", True))
        self.v: Any = 0.0

    def reset(self) -> None:
        self.v = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.one(x_t) for x_t in x]) if self.step_mode == "m" else self.one(x)

    def one(self, x: Tensor) -> Tensor:
        h = self.v + (x - self.v) / self.tau if self.decay_input else self.v - self.v / self.tau + x
        spikes = _fires(h - self.v_threshold, False)
        self.v = h - spikes * self.v_threshold if self.v_reset is None else (1 - spikes) * h
        return spikes


class _LIFBoxCell:
    def __init__(self, tau_mem_inv: float = 100.0, v_leak: float = 0.0) -> None:
        super().__init__()
        self.p = SimpleNamespace(
            tau_mem_inv=torch.tensor(tau_mem_inv), v_leak=torch.tensor(v_leak), v_th=torch.tensor(1.0),
            v_reset=torch.tensor(0.0),
        )  # fmt: skip
        self.dt = 0.001

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        v = torch.zeros_like(x) if state is None else state
        v = v + self.dt * self.p.tau_mem_inv * (x + self.p.v_leak - v)
        spikes = _fires(v - self.p.v_th, True)
        return spikes, (1 - spikes) * v


class MembraneSubtract:
    subtract_value = None


class MembraneReset:
    reset_value = 0.0


class SingleSpike:
    pass


class MultiSpike:
    pass


class _SinabsLIF:
    def __init__(
        self, tau_mem: float, reset_fn: Any, norm_input: bool = True, spike_fn: Any = SingleSpike
    ) -> None:
        super().__init__()
        self.alpha_mem_calculated = torch.exp(-1.0 / torch.tensor(tau_mem))
        self.alpha_syn_calculated = None
        self.spike_threshold, self.min_v_mem = torch.tensor(1.0), None
        self.spike_fn, self.reset_fn, self.norm_input = spike_fn, reset_fn, norm_input

    def reset_states(self) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        alpha, v, out = self.alpha_mem_calculated, torch.zeros_like(x[:, 0]), []
        for x_t in x.unbind(1):
            v = alpha * v + ((1 - alpha) * x_t if self.norm_input else x_t)
            out.append(_fires(v - self.spike_threshold, False))
            soft = isinstance(self.reset_fn, MembraneSubtract)
            v = v - out[-1] * self.spike_threshold if soft else v * (1 - out[-1])
        return torch.stack(out, 1)


Leaky: Any = named("snntorch._neurons.leaky", "Leaky", _SnnTorch)
LIFNode: Any = named("spikingjelly.activation_based.neuron", "LIFNode", _LIFNode)
LIFBoxCell: Any = named("norse.torch.module.lif_box", "LIFBoxCell", _LIFBoxCell)
SinabsLIF: Any = named("sinabs.layers.lif", "LIF", _SinabsLIF)
RLeaky: Any = named("snntorch._neurons.rleaky", "RLeaky", _SnnTorch)
