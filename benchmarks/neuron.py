"""What spiking neurons cost beside the network they sit in.

Network: conv(1→32)-N-pool-conv(32→64)-N-pool-fc(128)-N-fc(10) on 28×28 images, batch 64, T = 4 steps, forward
and backward on one thread. The baseline has the identity for N, its layers folded over T·B and its first
convolution run once per image like the others'. Printed: median over interleaved pairs of the ratio of
process CPU times.

    python benchmarks/neuron.py [--pairs 30] [--steps 4]
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.nn import LIF

BATCH = 64


class Net(nn.Module):
    """The network with ``neuron()`` in the three places; the neurons take ``[T, B, ...]``."""

    def __init__(self, neuron: Callable[[], nn.Module], steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(64 * 7 * 7, 128), nn.Linear(128, 10)
        self.neurons = [neuron() for _ in range(3)]  # without weights: no need to register them

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)
        y = self.neurons[0](y.expand(self.steps, *y.shape)).flatten(0, 1)
        y = self._fire(1, self.conv2(F.max_pool2d(y, 2)))
        y = self._fire(2, self.fc1(F.max_pool2d(y, 2).flatten(1)))
        return self.fc2(y).unflatten(0, (self.steps, -1))

    def _fire(self, i: int, y: Tensor) -> Tensor:
        return self.neurons[i](y.unflatten(0, (self.steps, -1))).flatten(0, 1)


class Stepwise(nn.Module):
    """A stateful neuron of another library, called step by step from rest."""

    def __init__(self, neuron: nn.Module, forget: Callable[[nn.Module], object]) -> None:
        super().__init__()
        self.neuron = neuron
        self.forget: Callable[[nn.Module], object] = forget

    def forward(self, x: Tensor) -> Tensor:
        self.forget(self.neuron)
        return torch.stack([self.neuron(x_t) for x_t in x.unbind(0)])


class Multistep(Stepwise):
    """The same for a neuron that takes the whole sequence."""

    def forward(self, x: Tensor) -> Tensor:
        self.forget(self.neuron)
        return self.neuron(x)


def _snntorch() -> nn.Module:
    snn = importlib.import_module("snntorch")
    leaky = snn.Leaky(beta=0.5, reset_mechanism="subtract", reset_delay=False, init_hidden=True)
    return Stepwise(leaky, _reset_mem)


def _reset_mem(neuron: Any) -> None:
    neuron.reset_mem()


def _spikingjelly(multi: bool) -> nn.Module:
    neuron = importlib.import_module("spikingjelly.activation_based.neuron")
    functional = importlib.import_module("spikingjelly.activation_based.functional")
    node = neuron.LIFNode(
        tau=2.0, decay_input=False, v_reset=None, detach_reset=True, step_mode="m" if multi else "s"
    )
    return (Multistep if multi else Stepwise)(node, functional.reset_net)


def contenders() -> dict[str, Callable[[], nn.Module]]:
    """Return label -> neuron factory; the first is the baseline."""
    return {
        "without neurons": nn.Identity,
        "ReLU": nn.ReLU,
        "axbar LIF, fused": LIF,
        "axbar LIF, fused, triangle": lambda: LIF(surrogate="triangle"),
        "axbar LIF, fused, zero reset": lambda: LIF(reset="zero"),
        "axbar LIF, step loop": lambda: LIF(fused=False),
        "snnTorch Leaky": _snntorch,
        "SpikingJelly LIFNode, single-step": lambda: _spikingjelly(multi=False),
        "SpikingJelly LIFNode, multi-step": lambda: _spikingjelly(multi=True),
    }


#: what the others are compared with
OURS = "axbar LIF, fused"
OTHERS = ("snnTorch Leaky", "SpikingJelly LIFNode, single-step", "SpikingJelly LIFNode, multi-step")


def build(steps: int, only: Sequence[str] = ()) -> tuple[dict[str, Net], list[str]]:
    """Return the networks that can be built here, with equal weights, and the labels that can't."""
    nets: dict[str, Net] = {}
    missing: list[str] = []
    for label, neuron in contenders().items():
        if nets and only and not any(word in label for word in only):
            continue
        try:
            nets[label] = Net(neuron, steps)
        except ImportError:
            missing.append(label)
    first = next(iter(nets.values()))
    for net in nets.values():
        for mine, shared in zip(_layers(net), _layers(first), strict=True):
            mine.load_state_dict(shared.state_dict())
    return nets, missing


def _layers(net: Net) -> tuple[nn.Module, ...]:
    return net.conv1, net.conv2, net.fc1, net.fc2


def cpu_seconds(net: Net, x: Tensor, y: Tensor) -> float:
    """Process CPU time of one forward and backward pass."""
    net.zero_grad(set_to_none=True)
    start = time.process_time()
    F.cross_entropy(net(x).mean(0), y).backward()
    return time.process_time() - start


def ratios(pairs: int, steps: int, only: Sequence[str] = ()) -> tuple[dict[str, float], float, list[str]]:
    """Return median ratio per label, median seconds of the baseline, and what is not installed."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(BATCH, 1, 28, 28, generator=generator)
    y = torch.randint(0, 10, (BATCH,), generator=generator)
    nets, missing = build(steps, only)
    base = next(iter(nets))
    found: dict[str, list[float]] = {label: [] for label in nets}
    spent: list[float] = []
    for net in nets.values():
        for _ in range(2):
            cpu_seconds(net, x, y)
    for _ in range(pairs):
        for label, net in nets.items():
            spent.append(cpu_seconds(nets[base], x, y))
            found[label].append(cpu_seconds(net, x, y) / spent[-1])
    return (
        {label: statistics.median(values) for label, values in found.items()},
        statistics.median(spent),
        missing,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description="CPU time of spiking neurons relative to the network without them."
    )
    parser.add_argument("--pairs", type=int, default=30, help="interleaved pairs per neuron")
    parser.add_argument("--steps", type=int, default=4, help="time steps T")
    parser.add_argument(
        "--only", nargs="*", default=(), help="only contenders whose label contains one of these"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    found, seconds, missing = ratios(args.pairs, args.steps, args.only)
    print(f"without neurons: {1e3 * seconds:.0f} ms CPU (T = {args.steps}, batch {BATCH}, one thread)")
    for label, ratio in found.items():
        print(f"{label:<36} {ratio:.2f}x")
    for label in missing:
        print(f"{label:<36} not installed")
    for label in OTHERS:
        if label in found and OURS in found:
            print(f"{label:<36} takes {found[label] / found[OURS]:.2f} times as long as {OURS}")


if __name__ == "__main__":
    main()
