"""A small study of a small network, to be run by tests and by processes that tests kill."""

from __future__ import annotations

import json
from typing import Any

from axbar.data import Dataset, load_data
from axbar.search.study import Study

MODEL = "spiking-cnn"
CONFIG = {"width": 4, "steps": 2, "seed": 0}

SPACE: dict[str, Any] = {
    "name": "small",
    "space": {
        "hardware": ["imc-rram-65nm", "sata"],
        "crossbar.rows": [64, 128],
        "adc.bits": "4..6",
        "adc.cols_per_adc": [4, 8],
        "array.rows": [8, 16],
        "technique.clip-weights": [True, False],
    },
    "objectives": ["accuracy max", "energy_J min", "latency_s min"],
    "fidelity": {
        "proxy": {"images": 20, "survivors": 4, "generations": 1, "generation": 3},
        "full": {"images": 40, "chips": 2, "survivors": 2},
        "samples": 4,
        "designs": 3,
    },
}


def data() -> Dataset:
    """Return the small data set, cut down."""
    return load_data("fashion-mnist-small").subset(train=200, calibration=64, test=200)


def found(study: Study) -> str:
    """Return all that a study found, as text that is equal where all figures are equal to the bit."""
    rows = [
        [
            row.id,
            row.rung,
            row.generation,
            row.point,
            row.values,
            row.accuracy,
            row.shares,
            row.breakdown,
            row.reason,
        ]
        for row in study.rows
    ]
    fronts = {rung: [row.id for row in study.front(rung)] for rung in study.rungs}
    return json.dumps([rows, fronts, list(study.notes)], default=str)
