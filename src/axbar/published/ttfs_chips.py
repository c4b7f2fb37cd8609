"""A first-spike network on chips: its times read as pulses, slot by slot, or the same values as rates.

Costs from the same traced images on every chip, accuracy of the integer network, and of programmed dies on crossbars.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Sequence
from typing import Any, Final

import torch

from axbar.cost import estimate
from axbar.crossbar import digital, to_analog
from axbar.data import Dataset
from axbar.nn import accuracy
from axbar.nn.models import TtfsNetwork
from axbar.nn.ttfs import fit_windows
from axbar.spec import load_hardware
from axbar.workload import trace

__all__ = ["CHIPS", "on_chips"]

#: preset -> ways in which it reads first spikes
CHIPS: Final = {
    "imc-rram-65nm": ("pulse", "slots", "rate"),
    "sata": ("slots", "rate"),
    "loas": ("slots", "rate"),
}
_TRACED, _CALIBRATED = 16, 128


def on_chips(
    network: TtfsNetwork, data: Dataset, bits_of_time: Sequence[int], dies: int, tests: int
) -> list[dict[str, Any]]:
    """Return cost and accuracy by chip, way of reading and bits of a time; windows are fitted first.

    Accuracies are of ``tests`` images, on crossbars of ``dies`` programmed dies.
    """
    fitted = copy.deepcopy(network)
    images = torch.from_numpy(data.calibration.images(slice(0, _CALIBRATED)))
    fit_windows(fitted, images)
    workload = trace(fitted, data.test.images(slice(0, _TRACED)))
    test = data.test.balanced(tests)
    rows: list[dict[str, Any]] = []
    for name, ways in CHIPS.items():
        for way in ways:
            for bits in bits_of_time:
                spec = load_hardware(name, {"input.time_read": way, "input.time_bits": bits})
                done = estimate(workload, spec)
                programmed = (
                    [accuracy(to_analog(fitted, spec, seed, images), test) for seed in range(dies)]
                    if spec.kind == "imc" and way != "rate"  # the same sums as by slots, and slow
                    else []
                )
                rows.append(
                    {
                        "chip": name, "read": way, "bits": bits,
                        **{what: float(done.total(what)[0]) for what in ("energy_J", "latency_s", "area_m2")},
                        "digital": accuracy(digital(fitted, spec, images), test),
                        "dies": statistics.fmean(programmed) if programmed else None,
                        "std": statistics.stdev(programmed) if len(programmed) > 1 else None,
                    }
                )  # fmt: skip
    return rows
