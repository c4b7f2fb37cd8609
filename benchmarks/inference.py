"""How long a network on arrays takes: programming all of them, and one image.

Spiking VGG9 (seven convolutions, two linear layers) on 32x32 images, T = 5, 4-bit weights in two 2-bit cells per sign
on 64x64 arrays, wires of 1 ohm a segment, one converter range per array, batch 1. Weights are random, scaled so that
neurons fire. One thread, CPU time, best and median.

    python benchmarks/inference.py [--images 8] [--width 64]
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn

from axbar import load_hardware, to_analog
from axbar.crossbar import AnalogModel, Effects
from axbar.nn import build_model

CHIP = {"crossbar.cell_bits": 2, "crossbar.weight_bits": 4, "wires.r_row_ohm": 1.0, "wires.r_col_ohm": 1.0}


def network(width: int) -> nn.Module:
    """A spiking VGG9 whose neurons fire."""
    made = build_model("spiking-vgg9", width=width, steps=5, seed=0).eval()
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight.mul_(2)
    return made


def cpu_s(work: object) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - start


def per_image(analog: AnalogModel, images: torch.Tensor) -> str:
    """Return best and median CPU time of an image."""
    analog(images[:1])
    spent = [cpu_s(lambda i=i: analog(images[i : i + 1])) for i in range(len(images))]
    return f"{min(spent):.3f} s (median {statistics.median(spent):.3f} s)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--width", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    images = torch.rand(given.images, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        analog = to_analog(
            network(given.width), load_hardware("imc-rram-65nm", CHIP), seed=1, data=images[:2]
        )
        assert isinstance(analog, AnalogModel)
        analog.set_effects(Effects().without("read_noise"))
        first = cpu_s(lambda: analog.program(2)(images[:1]))
        quiet = per_image(analog, images)
        analog.set_effects(Effects())
        loud = per_image(analog, images[:3])
    print(f"{analog.n_arrays} arrays: programmed and one image {first:.1f} s")
    print(f"an image, without read noise  {quiet}")
    print(f"an image, with read noise     {loud}")


if __name__ == "__main__":
    main()
