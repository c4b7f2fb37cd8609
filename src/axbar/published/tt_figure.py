"""The figure of the tensor-train study: accuracy, measured time, modelled energy, arrays."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.tt_chips import ARRAYS, FORMS, PHASES, SHARED
from axbar.published.tt_claims import accuracies, spread
from axbar.published.tt_networks import MODES, VARIANTS

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
            name, range(len(VARIANTS)), [100 - statistics.fmean(accuracies(net, each)) for each in VARIANTS],
            [spread(accuracies(net, each)) for each in VARIANTS], joined=False,
        )
        for name, net in found["nets"].items()
    ]  # fmt: skip
    return Lines(
        "Error on test data, std over seeds", series, "", "error, %", x_names=[*_NAMES.values(), "narrow"]
    )


def _steps(found: Found) -> Lines:
    series = _by_rule(found, lambda row: 1e3 * row["step_s"])
    title = f"Training step of {found['steps']['batch']} images, measured"
    return Lines(title, series, "", "CPU time, ms", x_names=list(_NAMES.values()))


def _kept(found: Found) -> Lines:
    series = _by_rule(found, lambda row: row["kept_B"] / 1e6)
    title = f"Kept for the way back of {found['steps']['batch']} images"
    return Lines(title, series, "", "memory, MB", x_names=list(_NAMES.values()))


def _by_rule(found: Found, what: Callable[[Any], float]) -> list[Series]:
    rows = found["steps"]["rows"]
    dense = Series("dense", range(1), [what(rows["dense"])], joined=False)
    trains = range(1, len(MODES))
    return [dense] + [
        Series(name, trains, [what(rows[f"{mode} {rule}"]) for mode in MODES[1:]], joined=False)
        for rule, name in (("subsample", "strides inside"), ("maxpool", "max pools, as published"))
    ]


def _energy(found: Found) -> Bars:
    chips, array = found["training"], "two engines"
    parts = {
        phase: [1e6 * chips[mode][array]["phases"][phase] for mode in MODES] for phase in (*PHASES, SHARED)
    }
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


def _arrays(found: Found) -> Lines:
    chips = found["inference"]
    series = [
        Series(
            form, range(len(MODES)), [chips[mode].get(form, {}).get("arrays") for mode in MODES], joined=False
        )
        for form in FORMS
    ]
    return Lines("Inference on crossbars", series, "", "arrays", x_names=list(_NAMES.values()))
