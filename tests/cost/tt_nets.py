"""Small networks with factors of a tensor train, traced with a training step."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from axbar.nn import LIF
from axbar.workload import Workload, trace


class Factored(nn.Module):
    """Convolution, neurons, four cores of rank r (1x1, 3x1 and 1x3, 1x1), neurons, classifier.

    Args:
        inputs, outputs, rank: I, O, r.
        parallel: both middle cores read the first one's output; else one follows the other.
        join: what becomes of the two, ``add`` or ``concat``.
        branches: middle cores side by side, where parallel.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rank: int,
        parallel: bool,
        steps: int = 2,
        join: str = "add",
        branches: int = 2,
    ) -> None:
        super().__init__()
        self.steps, self.parallel, self.join = steps, parallel, join
        self.stem, self.fire1 = nn.Conv2d(2, inputs, 1, bias=False), LIF(beta=0.25, threshold=0.2)
        self.first = nn.Conv2d(inputs, rank, 1, bias=False)
        kernels = [((3, 1), (1, 0)), ((1, 3), (0, 1)), ((3, 3), (1, 1))][:branches]
        self.middle = nn.ModuleList(nn.Conv2d(rank, rank, k, padding=p, bias=False) for k, p in kernels)
        wide = rank * branches if parallel and join == "concat" else rank
        self.last, self.fire2 = nn.Conv2d(wide, outputs, 1, bias=False), LIF(beta=0.25, threshold=0.1)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(outputs, 3, bias=False)

    def over_time(self, fire: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return fire(x.unflatten(0, (self.steps, -1))).flatten(0, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).unsqueeze(0).expand(self.steps, -1, -1, -1, -1)
        x = self.first(self.fire1(x).flatten(0, 1))
        if not self.parallel:
            for core in self.middle:
                x = core(x)
        elif self.join == "concat":
            x = torch.cat([core(x) for core in self.middle], dim=1)
        else:
            total = self.middle[0](x)
            for core in self.middle[1:]:
                total = total + core(x)
            x = total / 2
        x = self.over_time(self.fire2, self.last(x))
        return self.fc(self.pool(x).flatten(1)).unflatten(0, (self.steps, -1))


def factored(
    rank: int = 3,
    parallel: bool = True,
    size: int = 6,
    channels: tuple[int, int] = (4, 6),
    **options: Any,
) -> Workload:
    """Trace two samples of a training step."""
    torch.manual_seed(0)
    network = Factored(*channels, rank, parallel, **options)
    return trace(network, torch.rand(2, 2, size, size), labels=torch.tensor([0, 1]))
