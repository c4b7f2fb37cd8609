"""The figure of the tensor-train study: accuracy, measured time, modelled energy, arrays."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.tt_chips import ARRAYS, PHASES
from axbar.published.tt_claims import accuracies, spread
from axbar.published.tt_networks import MODES

__all__ = ["panels"]

Found = Mapping[str, Any]
_NAMES = {"dense": "dense", "stt": "STT", "ptt": "PTT", "htt": "HTT"}


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn = [_accuracy(found), _steps(found), _kept(found), _energy(found), _time(found), _arrays(found)]
    return figure(drawn, caption, "Tensor-train spiking networks: accuracy, training cost, arrays")


def _accuracy(found: Found) -> Lines:
    series = [
        Series(
            name, range(len(MODES)), [100 - statistics.fmean(accuracies(net, mode)) for mode in MODES],
            [spread(accuracies(net, mode)) for mode in MODES], joined=False,
        )
        for name, net in found["nets"].items()
    ]  # fmt: skip
    return Lines("Error on test data, std over seeds", series, "", "error, %", x_names=list(_NAMES.values()))


def _steps(found: Found) -> Bars:
    rows = found["steps"]["rows"]
    values = [1e3 * rows[_row(mode)]["step_s"] for mode in MODES]
    return Bars(
        "Training step, measured", list(_NAMES.values()), {"CPU time": values}, "CPU time of a step, ms"
    )


def _kept(found: Found) -> Bars:
    rows = found["steps"]["rows"]
    values = [rows[_row(mode)]["kept_B"] / 1e6 for mode in MODES]
    return Bars("Kept for the way back", list(_NAMES.values()), {"tensors": values}, "memory of a batch, MB")


def _row(mode: str) -> str:
    return mode if mode == "dense" else f"{mode} subsample"


def _energy(found: Found) -> Bars:
    chips = found["training"]
    phases = [*PHASES, "registers, control, leakage"]
    array = "two engines"
    parts = {phase: [1e6 * chips[mode][array]["phases"][phase] for mode in MODES] for phase in phases}
    return Bars(
        "Training step on two engines, modelled", list(_NAMES.values()), parts, "energy per sample, µJ"
    )


def _time(found: Found) -> Lines:
    chips = found["training"]
    series = [
        Series(
            array, range(len(MODES)), [1e3 * chips[mode][array]["latency_s"] for mode in MODES], joined=False
        )
        for array in ARRAYS
    ]
    return Lines("Training step, modelled", series, "", "time per sample, ms", x_names=list(_NAMES.values()))


def _arrays(found: Found) -> Bars:
    chips = found["inference"]
    values = [chips[mode]["merged"]["arrays"] for mode in MODES]
    return Bars("Inference on crossbars, merged", list(_NAMES.values()), {"arrays": values}, "arrays")
