"""What neurons in closed form cost beside a plain convolution of the same shape: time, and memory at its peak.

3x3 layers on 14x14 maps, batch 64, of which ``silent`` inputs never fire; weights that fire most neurons. A step is
forward and backward to inputs and weights. One thread, CPU time, medians; memory is what the peak of the process rises
by during one step at that shape, in a process of its own (Linux).

    python benchmarks/ttfs.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from axbar.nn.ttfs.exact import exact_conv2d

CASES = ((32, 0.6), (32, 0.0), (64, 0.6))
WINDOW, SIDE, BATCH = 6.0, 14, 64


def inputs(channels: int, silent: float, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return spike times, weights, and plain values of the same shape as the times."""
    random = torch.Generator().manual_seed(0)
    times = torch.rand(batch, channels, SIDE, SIDE, generator=random) * WINDOW
    times[torch.rand(times.shape, generator=random) < silent] = torch.inf
    weight = torch.rand(channels, channels, 3, 3, generator=random) * 10 / (9 * channels)
    values = torch.rand(times.shape, generator=random)
    return times.requires_grad_(), weight.requires_grad_(), values.requires_grad_()


def steps(channels: int, silent: float, batch: int) -> dict[str, Callable[[], None]]:
    """Return one step of each kind of layer."""
    times, weight, values = inputs(channels, silent, batch)

    def clear() -> None:
        times.grad = weight.grad = values.grad = None

    def exact() -> None:
        clear()
        exact_conv2d(times, weight, WINDOW, 1, 1).clamp(max=WINDOW).sum().backward()

    def plain() -> None:
        clear()
        torch.conv2d(values, weight, padding=1).clamp(min=0).sum().backward()

    return {"plain": plain, "exact": exact}


def cpu_s(work: Callable[[], None], rounds: int) -> float:
    """Return the median CPU time of one call."""
    work()
    seen: list[float] = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seen.append(time.process_time() - start)
    return statistics.median(seen)


def rise_MiB(kind: str, channels: int, silent: float) -> float:
    """Return how far one step lifts this process's peak above what it holds now."""
    steps(channels, silent, 1)[kind]()  # compiles, and takes what a first call takes
    work = steps(channels, silent, BATCH)[kind]
    with Path("/proc/self/statm").open() as file:
        held = int(file.read().split()[1]) * resource.getpagesize()
    work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - held) / 2**20


def in_a_process(kind: str, channels: int, silent: float) -> float:
    """Return ``rise_MiB`` of a process of its own."""
    call = [sys.executable, __file__, "--memory-of", kind, str(channels), str(silent)]
    return float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.memory_of:
        kind, channels, silent = args.memory_of
        print(rise_MiB(kind, int(channels), float(silent)))
        return
    for channels, silent in CASES:
        plain, exact = (cpu_s(work, args.rounds) for work in steps(channels, silent, BATCH).values())
        memory = {kind: in_a_process(kind, channels, silent) for kind in ("plain", "exact")}
        print(
            f"{channels:3} -> {channels:3} channels, {silent:3.0%} silent: step {1e3 * exact:6.1f} ms, "
            f"{exact / plain:4.1f} x plain; memory {memory['exact']:6.1f} MiB, "
            f"{memory['exact'] / memory['plain']:4.1f} x plain"
        )


if __name__ == "__main__":
    main()
