"""How long attention on arrays takes: one estimate of DeiT-S, and one image through vit-tiny on noisy cells.

Estimate: DeiT-S at 224x224 from shapes (12 blocks, 197 tokens) on imc-rram-clipformer; ``fresh``: nothing was counted
before. Inference: vit-tiny as shipped for Fashion-MNIST (50 tokens, 6 blocks of 4 heads), all arrays behind wires,
keys and values written anew for every image, read noise off and on; inputs fed bit by bit and as whole numbers.
One thread, CPU time, best and median.

    python benchmarks/attention.py [--images 8] [--runs 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from axbar import load_data, load_hardware, to_analog
from axbar.cost import estimate
from axbar.nn import load_network
from axbar.workload import shapes

CHIP = "imc-rram-clipformer"


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def told(seconds: list[float], per: int = 1) -> str:
    """Return best and median."""
    return f"best {min(seconds) / per:6.3f} s  median {statistics.median(seconds) / per:6.3f} s"


def estimates(runs: int) -> None:
    """Measure DeiT-S."""
    spec = load_hardware(CHIP)
    estimate(shapes.vgg9(steps=2), spec)  # imports and registry
    fresh, again = [], []
    for _ in range(runs):
        workload = shapes.deit_s()
        fresh.append(cpu_s(lambda w=workload: estimate(w, spec)))
        again.append(cpu_s(lambda w=workload: estimate(w, spec)))
    print(f"DeiT-S, fresh                  {told(fresh)}")
    print(f"DeiT-S, again                  {told(again)}")


def inference(images: int, runs: int) -> None:
    """Measure vit-tiny, batches of ``images``."""
    data = load_data("fashion-mnist-small")
    network = load_network("vit-tiny-fashion-mnist")
    shown = torch.from_numpy(data.test.images(slice(0, images)))
    fitted = torch.from_numpy(data.calibration.images(slice(0, 16)))
    for name, dac_bits in (("bit by bit", 1), ("8-bit DAC", 8)):
        die = to_analog(network, load_hardware(CHIP, {"input.dac_bits": dac_bits}), 0, fitted)
        with torch.no_grad():
            die(shown)
            spent = [cpu_s(lambda die=die: die(shown)) for _ in range(runs)]
        print(f"vit-tiny, {name:10}, an image {told(spent, images)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    estimates(given.runs)
    inference(given.images, given.runs)


if __name__ == "__main__":
    main()
