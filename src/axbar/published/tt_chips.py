"""Trained tensor trains on chips: a training step on systolic arrays, an inference on crossbars.

**Training.** One recorded step (spikes, masks of gradients) of a trained network, per sample, weights written once per
128 samples, on

| name | array |
|---|---|
| one array | SATA's 16 × 8 elements |
| two engines | preset ``tt-train``: two of 8 × 8, which take branches that do not depend on each other |
| two engines, shared | the same elements, folds of every product on both |

**Inference** on crossbars, in the forms of ``axbar.techniques.merge_tensor_train``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from axbar.cost import Estimate, estimate
from axbar.data import Dataset
from axbar.nn.tensor_train import TTConv2d
from axbar.spec import HardwareSpec, load_hardware
from axbar.techniques import merge_tensor_train
from axbar.workload import trace

__all__ = ["ARRAYS", "FORMS", "PHASES", "SHARED", "inference", "phase_of", "specs", "training"]

BATCH: Final = 128
#: name -> preset and settings
ARRAYS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "one array": ("sata", {"task": "training", "training.batch": BATCH}),
    "two engines": ("tt-train", {"training.batch": BATCH}),
    "two engines, shared": ("tt-train", {"training.batch": BATCH, "array.split": "folds"}),
}
#: phase -> how its components end
PHASES: Final = {"forward": ("lif", "_fwd"), "backward": ("pgu", "_bwd"), "update": ("_wup",)}
#: what serves all phases
SHARED: Final = "registers, control, leakage"
FORMS: Final = ("merged", "factored", "cores")
_CROSSBARS: Final = "imc-rram-65nm"


def specs() -> dict[str, HardwareSpec]:
    """Return the chips by name, the crossbars last."""
    arrays = {name: load_hardware(preset).replace(dict(more)) for name, (preset, more) in ARRAYS.items()}
    return arrays | {_CROSSBARS: load_hardware(_CROSSBARS)}


def training(network: nn.Module, dataset: Dataset, samples: int) -> dict[str, Any]:
    """Return energy (by phase, and by group of components) and time of one training step per sample, by array."""
    split = dataset.train.balanced(samples)
    images, labels = torch.from_numpy(split.images()), torch.from_numpy(split.labels())
    work, chips = trace(network, images, labels=labels), specs()
    return {name: _step(estimate(work, chips[name])) for name in ARRAYS}


def _step(made: Estimate) -> dict[str, Any]:
    phases = dict.fromkeys((*PHASES, SHARED), 0.0)
    for component, energy_J in zip(made.components, made.by_component("energy_J")[0].tolist(), strict=True):
        phases[phase_of(component)] += energy_J
    return {
        "energy_J": float(made.total("energy_J")[0]),
        "latency_s": float(made.total("latency_s")[0]),
        "phases": phases,
        "groups": {group: float(energy[0]) for group, energy in made.by_group("energy_J").items()},
    }


def phase_of(component: str) -> str:
    """Return the phase that a component of a systolic array works in."""
    return next((phase for phase, ends in PHASES.items() if component.endswith(ends)), SHARED)


def inference(network: nn.Module, dataset: Dataset, samples: int) -> dict[str, Any]:
    """Return arrays, energy, time and area of one inference on crossbars by form; ``merged`` alone without trains."""
    images = dataset.test.balanced(samples).images()
    forms = FORMS if any(isinstance(m, TTConv2d) for m in network.modules()) else FORMS[:1]
    spec = specs()[_CROSSBARS]
    found: dict[str, Any] = {}
    for form in forms:
        made = merge_tensor_train(network, form) if len(forms) > 1 else network
        found[form] = _figures(estimate(trace(made, images), spec))
    return found


def _figures(made: Estimate) -> dict[str, float]:
    adc = dict(zip(made.components, made.by_component("energy_J")[0].tolist(), strict=True))["adc"]
    return {
        "arrays": float(np.sum(made.mapping["arrays"])),
        "arrays_saved": float(np.sum(made.mapping["arrays_saved"])),
        "energy_J": float(made.total("energy_J")[0]),
        "adc_energy_J": float(adc),
        "latency_s": float(made.total("latency_s")[0]),
        "area_m2": float(made.total("area_m2")[0]),
    }
