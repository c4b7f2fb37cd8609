"""The layers on which LoAS and its baselines were published: shapes and exact non-zero counts.

CIFAR-10, batch 1, T = 4, 8-bit weights; the first convolution and the linear layers are left out. M: output
positions (im2col rows), K: inputs of an output, N: outputs. ``spikes``: of all neurons and steps; ``firing``:
neurons that fire at least once; ``firing_twice``: at least twice, what is left when neurons with a single spike
are masked and the network fine-tuned (LoAS-FT); ``weights``: non-zero. Counts are those of the authors' tensors
(LoAS, Yin et al., MICRO 2024); seeds and check sums belong to the synthetic tensors of
``axbar.published.loas_tensors`` that have the same counts. AlexNet's conv3 reads a map that is not pooled (M = 64):
a slip of the original that we keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["ALEXNET", "NETWORKS", "RESNET19", "LoasLayer"]


@dataclass(frozen=True)
class LoasLayer:
    """One layer: shape, non-zero counts, and the seed and check sums of its synthetic tensors."""

    name: str
    T: int
    M: int
    K: int
    N: int
    spikes: int
    firing: int
    firing_twice: int
    weights: int
    seed: int
    x_checksum: str
    w_checksum: str


ALEXNET: Final = (
    LoasLayer("conv2", 4, 64, 576, 192, 16551, 4282, 4249, 10489, 1000, "de3732aa66994c0d", "bd4c2dc93313df91"),
    LoasLayer("conv3", 4, 64, 1728, 384, 30843, 10276, 9090, 14631, 1001, "fad3ca7f067890be", "f46af12e32057cee"),
    LoasLayer("conv4", 4, 64, 3456, 256, 213844, 81413, 67081, 9992, 1002, "06e3765c9b0e8281", "75df8c30b7b16048"),
    LoasLayer("conv5", 4, 64, 2304, 256, 126970, 52376, 39916, 3936, 1003, "e5f9399ce64cb501", "89d6a80d2e334c27"),
)  # fmt: skip

RESNET19: Final = (
    LoasLayer("l1b1c1", 4, 256, 576, 128, 96824, 29519, 27329, 18015, 3000, "16f8f77d6a68ab2c", "4bd55751b2da6fed"),
    LoasLayer("l1b1c2", 4, 256, 1152, 128, 169615, 62806, 52187, 25763, 3001, "c2ef2dbce17f5a24", "ec5db01c29b5f5f0"),
    LoasLayer("l1b1sc", 4, 256, 64, 128, 11250, 3431, 3207, 3259, 3002, "aa47d7217a86f71b", "4c4385fb2eb94923"),
    LoasLayer("l1b2c1", 4, 256, 1152, 128, 196861, 78814, 59928, 31756, 3003, "927c04f2fd7c489f", "86a33606d17990e1"),
    LoasLayer("l1b2c2", 4, 256, 1152, 128, 141527, 63866, 41954, 27795, 3004, "e2aaf262d8db6ec7", "12bee462a983ccee"),
    LoasLayer("l1b3c1", 4, 256, 1152, 128, 240341, 101873, 69162, 26695, 3005, "db87d8bd5091ac96", "3251e39d00436c69"),
    LoasLayer("l1b3c2", 4, 256, 1152, 128, 201661, 88434, 56701, 20414, 3006, "4c71b416821df76e", "a4a48977f61c4b0a"),
    LoasLayer("l2b1c1", 4, 64, 1152, 256, 85447, 33826, 24173, 17665, 3007, "4912a5e18b86c0aa", "93c7aa146c2c5172"),
    LoasLayer("l2b1c2", 4, 64, 2304, 256, 149919, 59295, 42032, 23487, 3008, "f83717b95ef6c7a3", "75679bc13a34c7e0"),
    LoasLayer("l2b1sc", 4, 64, 128, 256, 11431, 4371, 3214, 5494, 3009, "fc0a3b8418ffb366", "dd6065d5c10a5305"),
    LoasLayer("l2b2c1", 4, 64, 2304, 256, 301353, 92527, 81063, 24132, 3010, "e197cf7cc78d2745", "de9581a7075adafd"),
    LoasLayer("l2b2c2", 4, 64, 2304, 256, 394823, 106387, 101367, 31026, 3011, "73dd79f179aeef30", "313fcab80dfe2c6c"),
    LoasLayer("l2b3c1", 4, 64, 2304, 256, 410767, 108531, 104753, 15168, 3012, "247eda280074ea2c", "4e4f954bc4dcbf63"),
    LoasLayer("l2b3c2", 4, 64, 2304, 256, 477976, 120743, 119892, 73608, 3013, "7994fcfd8b4c4961", "1d96600ac05fe5be"),
    LoasLayer("l3b1c1", 4, 16, 2304, 512, 103189, 27089, 26245, 10029, 3014, "47f6c2ec295364f2", "001f769034a6580d"),
    LoasLayer("l3b1c2", 4, 16, 4608, 512, 117539, 34407, 31395, 5984, 3015, "9ce1a2d6f206b956", "fd1416ce96016712"),
    LoasLayer("l3b1sc", 4, 16, 256, 512, 13656, 3603, 3487, 4740, 3016, "81bf83a2c3d79577", "5aae879f1134b8fa"),
    LoasLayer("l3b2c1", 4, 16, 4608, 512, 124297, 35825, 32700, 7691, 3017, "2e6c70322aae1b1e", "983e4c386ae7e0f1"),
    LoasLayer("l3b2c2", 4, 16, 4608, 512, 160263, 43606, 41718, 12550, 3018, "559c3bbcaf374e2a", "432ab70e87a513a5"),
)  # fmt: skip

#: name -> layers in order
NETWORKS: Final[Mapping[str, tuple[LoasLayer, ...]]] = MappingProxyType(
    {"alexnet": ALEXNET, "resnet19": RESNET19}
)
