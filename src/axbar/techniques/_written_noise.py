"""What a value written at run time holds: its clipped magnitude, and the spread of its write errors.

A magnitude is cut into digits l_s of c bits, least significant first, each on the plus or minus cell of a pair, the
other one at level 0. With σ(l) the programming error of a cell in levels, the value read back has

    mean  = clipped code            (``axbar.devices.clipped_codes``)
    σ²    = Σ_s 4^(c s) (σ²(l_s) + σ²(0))

in squared codes. Errors of cells are independent; a mean error of a device's law, and writing again where a write
was verified to be off, are left out.

Of values v that occur with weights p, writing leaves a signal-to-noise ratio of

    SNR = Σ p v² / Σ p ((mean(v) - v)² + σ²(v)).

Clipping makes the first term of the sum below larger and the second one smaller. Where they balance it starts to pay.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar import devices
from axbar.spec.imc import ImcSpec

__all__ = ["WrittenValues", "written_sigma", "written_snr_dB"]

_SPREAD = (
    4.0  # standard deviations of a normal at the end of its range: the largest of some ten thousand values
)


def written_sigma(spec: ImcSpec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each magnitude code becomes when it is written, and its standard deviation, ``[2^bits]`` in codes.

    >>> from axbar.spec import load_hardware
    >>> codes, sigma = written_sigma(load_hardware("imc-rram-clipformer"))
    >>> float(sigma[0]), round(float(sigma[3]), 3)  # 0.4 · √(3 · 3)
    (0.0, 1.2)
    """
    run_time, device = (
        spec.run_time,
        spec.device.model_copy(update={"program_noise": spec.run_time.write_noise}),
    )
    codes = devices.clipped_codes(
        run_time.bits, run_time.clip_low, run_time.clip_high, device.g_off_S, device.g_on_S
    ).astype(np.int64)
    bits, top = run_time.cell_bits, 2**run_time.cell_bits - 1
    levels = np.arange(top + 1)
    targets = devices.level_conductance_S(levels, bits, device.g_on_S, device.g_off_S)
    step = (device.g_on_S - device.g_off_S) / top
    variance = (devices.preset_of(device).program_sigma(targets, device) / step) ** 2
    total = np.zeros(len(codes))
    for low in range(0, run_time.bits, bits):
        total += 4.0**low * (variance[(codes >> low) & top] + variance[0])
    return codes.astype(np.float64), np.sqrt(total)


def written_snr_dB(spec: ImcSpec, magnitudes: NDArray[np.float64] | None = None) -> float:
    """Return the signal-to-noise ratio of what a chip writes at run time, in dB; infinite where nothing is lost.

    Compared with and without ``run_time.clip_low`` and ``clip_high`` it says on which side of the crossover a chip is.
    Wires, converters and the softmax between two products are left out.

    Args:
        spec: a chip with ``run_time.unit`` nvm.
        magnitudes: how often each magnitude code occurs, ``[2^bits]``; normal values whose range ends at four
            standard deviations unless given.

    >>> from axbar.spec import load_hardware
    >>> for high in (1.0, 0.25):
    ...     quiet, loud = ({"run_time.clip_high": high, "run_time.write_noise": n} for n in (0.5, 1.5))
    ...     print([round(written_snr_dB(load_hardware("imc-rram-clipformer", c)), 1) for c in (quiet, loud)])
    [12.6, 3.1]
    [7.6, 5.3]
    """
    held, sigma = written_sigma(spec)
    codes = np.arange(len(held), dtype=np.float64)
    often = np.exp(-0.5 * (_SPREAD * codes / codes[-1]) ** 2) if magnitudes is None else magnitudes
    noise = float((often * ((held - codes) ** 2 + sigma**2)).sum())
    return math.inf if noise == 0.0 else 10.0 * math.log10(float((often * codes**2).sum()) / noise)


class WrittenValues:
    """Disturbs a tensor as writing it would; gradients pass straight through.

    The range is that of the tensor itself, as a calibration on it would find.

    Args:
        spec: a chip with ``run_time.unit`` nvm.
        noise: scale of the errors.
    """

    def __init__(self, spec: ImcSpec, noise: float = 1.0) -> None:
        codes, sigma = written_sigma(spec)
        self._codes, self._sigma = torch.from_numpy(codes), torch.from_numpy(noise * sigma)

    def __call__(self, x: Tensor) -> Tensor:
        """Return ``x``, any shape, as its cells hold it; draws are torch's global generator's."""
        own = x.detach()
        largest = own.abs().max()
        if not bool(largest > 0):
            return x
        scale = largest / (len(self._codes) - 1)
        at = (own.abs() / scale).round().long()
        codes, sigma = (table.to(own)[at] for table in (self._codes, self._sigma))
        held = (own.sign() * codes + sigma * torch.randn_like(own)) * scale
        return x + (held - own)
