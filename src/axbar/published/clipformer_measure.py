"""What write noise does to attention on arrays, with and without clipping: accuracy, signal-to-noise ratio, cells.

Levels of noise are given as γσ of ``G' = G + γσ √((G - g_off)(g_on - g_off)) n``; the device of the chip has 0.4 at
``run_time.write_noise`` 1. All else is as on the chip as shipped: wires, converters, weights written with care.

The signal-to-noise ratio is that of attention as a whole, block by block: each block of a die is given what the same
block of the integer network without clipping is given, so that errors of earlier blocks do not count.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from axbar import devices
from axbar.crossbar import digital, product_snr_dB, to_analog
from axbar.data import Dataset, Split
from axbar.nn import accuracy
from axbar.nn.attention import Attention
from axbar.published.clipformer_networks import CHIP
from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec
from axbar.techniques import parse_technique, written_snr_dB
from axbar.techniques.clipformer import CHOICES

__all__ = ["PUBLISHED", "chip_at", "empty_slices", "on_dies", "snr_table"]

#: (α, β) of the paper
PUBLISHED = (2.0, 0.25)
NONE = (0.0, 1.0)
_GAMMA_SIGMA = 0.4  # of the device as shipped
_BATCH = 4  # images at a time, whose cells stay in the cache: a fifth less time than 64
_LOW, _HIGH = "run_time.clip_low", "run_time.clip_high"


def chip_at(gamma_sigma: float, changes: Mapping[str, Any] | None = None) -> ImcSpec:
    """Return the chip with a level of write noise; ``changes`` come after it."""
    spec = load_hardware(CHIP, {"run_time.write_noise": gamma_sigma / _GAMMA_SIGMA, **(changes or {})})
    assert isinstance(spec, ImcSpec)
    return spec


def on_dies(
    network: nn.Module,
    spec: ImcSpec,
    data: Dataset,
    tests: int,
    seeds: Sequence[int],
    held_out: int,
    calibrated: int,
) -> dict[str, Any]:
    """Return accuracies on dies without clipping, at the published point and with α and β chosen on held-out images.

    Args:
        network: with its products as modules.
        spec: chip, not clipping.
        data: test images are balanced over classes.
        tests: test images on each die.
        seeds: of dies, write noise included.
        held_out: calibration images on which α and β are chosen.
        calibrated: calibration images on which ranges are fitted.

    Returns:
        ``accuracy`` by arm (``none``, ``published``, ``chosen``) and seed, ``chosen`` (α, β), mean cross-entropies
        ``held_out``, ``tests``.
    """
    test, images = data.test.balanced(tests), torch.from_numpy(data.calibration.images(slice(0, calibrated)))
    technique, config = parse_technique(f"clipformer:images={held_out}")
    settings, cost = technique.choose_settings(network, spec, data.tuning(), config)  # type: ignore[attr-defined]
    chosen = (settings[_LOW], settings[_HIGH])
    runs: dict[tuple[float, float], list[float]] = {}
    for low, high in dict.fromkeys((NONE, PUBLISHED, chosen)):
        die = to_analog(network, spec.replace({_LOW: low, _HIGH: high}), seeds[0], images)
        runs[low, high] = [_accuracy(die, seed, test) for seed in seeds]
    return {
        "accuracy": {"none": runs[NONE], "published": runs[PUBLISHED], "chosen": runs[chosen]},
        "chosen": chosen, "held_out": cost["held_out_cross_entropy"], "tests": len(test),
    }  # fmt: skip


def _accuracy(die: Any, seed: int, test: Split) -> float:
    return accuracy(die.program(seed).rewind(epoch=1), test, batch_size=_BATCH)


def snr_table(
    network: nn.Module, spec: ImcSpec, images: Tensor, calibration: Tensor, seed: int = 0
) -> list[dict[str, Any]]:
    """Return the signal-to-noise ratio of attention for each (α, β), mean over blocks, beside that of written values.

    Args:
        network: with ``axbar.nn.attention.Attention``.
        spec: chip, not clipping.
        images: ``[N, ...]``.
        calibration: on which ranges are fitted.
        seed: of the die.

    Returns:
        A row per choice: ``clip``, ``snr_dB``, ``written_dB``, ``empty_slices``.
    """
    integer = digital(network, spec, calibration)
    given, wanted = _inside(integer, images)
    rows: list[dict[str, Any]] = []
    for low, high in CHOICES:
        clipped: Any = spec.replace({_LOW: low, _HIGH: high})
        die = to_analog(network, clipped, seed, calibration)
        blocks = _attentions(die)
        with torch.no_grad():
            each = [product_snr_dB(wanted[path], blocks[path](given[path])) for path in wanted]
        rows.append(
            {
                "clip": [low, high], "snr_dB": statistics.fmean(each), "written_dB": _finite(written_snr_dB(clipped)),
                "empty_slices": empty_slices(clipped),
            }
        )  # fmt: skip
    return rows


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def empty_slices(spec: ImcSpec) -> float:
    """Return the share of digit slices of a key or value that clipping leaves empty, 0..1."""
    run_time, device = spec.run_time, spec.device
    codes = devices.clipped_codes(
        run_time.bits, run_time.clip_low, run_time.clip_high, device.g_off_S, device.g_on_S
    )
    every = -(-run_time.bits // run_time.cell_bits)
    used = -(-max(1, int(codes.max()).bit_length()) // run_time.cell_bits)
    return 1.0 - used / every


def _attentions(network: nn.Module) -> dict[str, nn.Module]:
    return {path: module for path, module in network.named_modules() if isinstance(module, Attention)}


def _inside(network: nn.Module, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return what each attention is given and returns, by path."""
    given: dict[str, Tensor] = {}
    made: dict[str, Tensor] = {}

    def keep(path: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            given[path], made[path] = inputs[0], output

        return hook

    handles = [module.register_forward_hook(keep(path)) for path, module in _attentions(network).items()]
    try:
        with torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    return given, made
