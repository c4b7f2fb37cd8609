"""What SpikeSim's energy-latency-area model is asked: a stack of convolutions and a chip, checked.

The six cases of ``CASES`` are those on which the published tool was run; VGG9 is the network that it ships, its seven
convolutions only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from axbar.errors import UsageError, unknown_name

__all__ = ["CASES", "DEVICES", "MAX_LAYERS", "SpikeSimDesign"]

DEVICES: Final = ("rram", "sram")
#: entries of the tool's list of overlaps; it stops with an IndexError beyond
MAX_LAYERS: Final = 12


@dataclass(frozen=True)
class SpikeSimDesign:
    """Arguments of ``axbar.published.spikesim_ela``, checked.

    Args:
        in_channels, out_channels: of each convolution.
        in_sizes, out_sizes: rows of its square maps.
        kernel: rows of all kernels.
        crossbar: rows and columns of an array.
        pes_per_tile: PEs of a tile.
        timesteps: T.
        clock_Hz: clock of the chip.
        device: ``rram`` or ``sram``.
    """

    in_channels: tuple[int, ...]
    out_channels: tuple[int, ...]
    in_sizes: tuple[int, ...]
    out_sizes: tuple[int, ...]
    kernel: int = 3
    crossbar: int = 64
    pes_per_tile: int = 8
    timesteps: int = 5
    clock_Hz: float = 250e6
    device: str = "rram"

    def __post_init__(self) -> None:
        lists = ("in_channels", "out_channels", "in_sizes", "out_sizes")
        lengths = {name: len(getattr(self, name)) for name in lists}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise UsageError(f"spikesim_ela: {told} entries; give each list one entry per convolution.")
        if not 1 <= len(self.in_channels) <= MAX_LAYERS:
            raise UsageError(
                f"spikesim_ela: {len(self.in_channels)} layers; SpikeSim runs on 1 to {MAX_LAYERS} and stops beyond, "
                "axbar.estimate takes any number."
            )
        for name in lists:
            for number, value in enumerate(getattr(self, name), start=1):
                _check_whole(f"{name} of layer {number}", value)
        for name in ("kernel", "crossbar", "pes_per_tile", "timesteps"):
            _check_whole(name, getattr(self, name))
        clock: Any = self.clock_Hz
        if isinstance(clock, bool) or not isinstance(clock, int | float) or not 0 < clock < math.inf:
            raise UsageError(
                f"spikesim_ela: clock_Hz is {clock!r}; allowed: a positive number, 250e6 by default."
            )
        if self.device not in DEVICES:
            raise UsageError(f"spikesim_ela: {unknown_name('device', self.device, DEVICES)}")

    @property
    def layer_pes(self) -> tuple[int, ...]:
        """PEs of each layer: array rows times array columns that its channels fill."""
        channels = zip(self.in_channels, self.out_channels, strict=True)
        return tuple(-(-i // self.crossbar) * -(-o // self.crossbar) for i, o in channels)


def _check_whole(what: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"spikesim_ela: {what} is {value!r}; allowed: whole numbers from 1.")


_VGG9 = SpikeSimDesign(
    in_channels=(3, 64, 64, 128, 128, 256, 256),
    out_channels=(64, 64, 128, 128, 256, 256, 256),
    in_sizes=(32, 32, 16, 16, 8, 8, 8),
    out_sizes=(32, 16, 16, 8, 8, 8, 4),
)
#: name -> design; out_sizes of the last are those of the convolutions, before any pool
CASES: Final = {
    "vgg9_default": _VGG9,
    "vgg9_x32": replace(_VGG9, crossbar=32),
    "vgg9_x128": replace(_VGG9, crossbar=128),
    "vgg9_T1": replace(_VGG9, timesteps=1),
    "vgg9_ppt4": replace(_VGG9, pes_per_tile=4),
    "vgg9_convdims": replace(_VGG9, out_sizes=_VGG9.in_sizes),
}
