"""Record spikes of the real libraries for tests that run without them.

The file holds inputs, weights, constants and spikes; run by ``make freeze-interop``.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "workload" / "interchange"))

from live_cases import CASES  # of this folder, and of the one added above
from live_nets import DATA, TwoLayers

from axbar.data import load_data

LIBRARIES = ("snntorch", "spikingjelly", "norse", "sinabs")


def inputs() -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return inputs ``[B, 49]`` (four random ones, four images) and the weights of two layers."""
    generator = torch.Generator().manual_seed(3)
    images = torch.from_numpy(load_data("fashion-mnist-small").test.x[:4]).float() / 255
    x = torch.cat([torch.rand(4, 49, generator=generator), F.avg_pool2d(images, 4).flatten(1)])
    first = torch.randn(24, 49, generator=generator) * 0.35
    second = torch.randn(10, 24, generator=generator) * 0.7 + 0.15
    return x, (first, second)


def arrays() -> dict[str, Any]:
    """Return what the file holds."""
    x, weights = inputs()
    found: dict[str, Any] = {"x": x.numpy(), "fc1": weights[0].numpy(), "fc2": weights[1].numpy()}
    constants: dict[str, Any] = {}
    for name, case in CASES.items():
        net = TwoLayers(case.make, case.way, weights, case.gain).eval()
        with torch.no_grad():
            both = net.layers(x)
        for layer, spikes in zip(("lif1", "lif2"), both, strict=True):
            found[f"{name}/{layer}"] = spikes.numpy().astype(np.uint8)
        constants[name] = {key: value for key, value in case._asdict().items() if key != "make"}
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    found["facts"] = np.array(json.dumps({"versions": versions, "constants": constants}))
    return found


def main() -> None:
    """Write the file."""
    DATA.parent.mkdir(exist_ok=True)
    np.savez_compressed(DATA, **arrays())


if __name__ == "__main__":
    main()
