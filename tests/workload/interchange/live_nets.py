"""Two layers of neurons of any library, and where their spikes are seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

DATA = Path(__file__).parent / "data" / "live_spikes.npz"
STEPS = 8


class TwoLayers(nn.Module):
    """fc-neurons-fc-neurons on ``[B, 49]``, each step the same input; ``way`` says how the library is called."""

    def __init__(
        self, neuron: Callable[[], nn.Module], way: str, weights: tuple[Tensor, Tensor], gain: float = 1.0
    ) -> None:
        super().__init__()
        self.way = way
        self.fc1, self.fc2 = nn.Linear(49, 24, bias=False), nn.Linear(24, 10, bias=False)
        self.fc1.weight.data, self.fc2.weight.data = weights[0] * gain, weights[1] * gain
        self.lif1, self.lif2 = neuron(), neuron()

    def forward(self, x: Tensor) -> Tensor:
        """Return spikes ``[T, B, 10]``."""
        return self.layers(x)[1]

    def layers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spikes of both layers ``[T, B, ...]``."""
        y = self.run(self.lif1, self.fc1(x).expand(STEPS, -1, -1))
        return y, self.run(self.lif2, self.fc2(y))

    def run(self, neuron: Any, x: Tensor) -> Tensor:
        """Return the spikes of ``x[T, B, ...]``."""
        if self.way == "sequence":
            return neuron(x)
        if self.way == "sequence with state":
            return neuron(x)[0]
        if self.way == "samples first":
            return neuron(x.transpose(0, 1)).transpose(0, 1)
        out: list[Tensor] = []
        state: Any = neuron.reset_mem() if self.way == "potential" else None
        for x_t in x.unbind(0):
            if self.way == "step":
                spikes = neuron(x_t)
            else:
                spikes, state = neuron(x_t, state)
            out.append(spikes)
        return torch.stack(out)


def spikes_of(model: nn.Module, names: tuple[str, ...], run: Callable[[], Any]) -> dict[str, Tensor]:
    """Run and return the outputs of modules by name, all calls joined."""
    seen: dict[str, list[Tensor]] = {name: [] for name in names}

    def hook(name: str) -> Callable[..., None]:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            seen[name].append((output[0] if isinstance(output, tuple) else output).detach().clone())

        return note

    handles = [model.get_submodule(name).register_forward_hook(hook(name)) for name in names]
    with torch.no_grad():
        run()
    for handle in handles:
        handle.remove()
    return {name: torch.stack(calls) if len(calls) > 1 else calls[0] for name, calls in seen.items()}
