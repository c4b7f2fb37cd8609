"""Are spiking networks truly energy-efficient? The estimate that papers print, against three models of hardware.

Published: "Are SNNs truly energy-efficient?" (arXiv 2309.03388): counting accumulates underestimates the energy of a
systolic array, SATA (Yin et al., IEEE TCAD 2023), by 92 to 2,132 times, and ranks methods wrongly. Its stored results
were read, not the paper's own figures. Also SATA's abstract (training) and that of arXiv 2409.08290 (spike rates).

Here: one trace of every network feeds the conventional estimate (``energy_chips``) and three chips: crossbars
(``imc-rram-65nm``), a systolic array (``sata``), a dual-sparse accelerator (``loas``). Methods are networks trained on
Fashion-MNIST (``energy_methods``); published networks and VGG9 by T and spike rate run as shapes with published or
trained rates (``energy_sweeps``). Chips differ in node, memory and what they are built for: every ranking of methods is
within one chip, and made again with all chips at 32 nm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from axbar._evaluate import Progress
from axbar.data import Dataset, load_data
from axbar.published import energy_chips as chips
from axbar.published import energy_sweeps as sweeps
from axbar.published._reproduction import Reproduction, write_study
from axbar.published.energy_claims import claims
from axbar.published.energy_figure import panels
from axbar.published.energy_methods import BASELINE, Method, Recipes, methods, step_name
from axbar.published.energy_table import markdown, rows
from axbar.published.snn_imc_networks import vgg9
from axbar.workload import spike_rate, trace

__all__ = ["SCALES", "Scale", "reproduce"]


@dataclass(frozen=True)
class Scale:
    """How much to run.

    Args:
        recipes: of the trained methods.
        vgg_width, vgg_epochs: of the narrow VGG9 whose spike rates are used.
        steps: T of VGG9.
        rates: spike rates of VGG9.
        works: published networks, by number.
        data: name of the data set.
    """

    recipes: Recipes
    vgg_width: int
    vgg_epochs: int
    steps: tuple[int, ...]
    rates: tuple[float, ...]
    works: tuple[int, ...]
    data: str = "fashion-mnist-small"


_RATES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
SCALES: dict[str, Scale] = {
    "quick": Scale(Recipes((2, 4), 8, 2, 0.8, 1, 2, 1), 8, 1, (1, 2, 4), (0.01, 0.04, 0.16, 0.32), (0, 3, 5)),
    "default": Scale(
        Recipes((1, 2, 4, 8), 8, 6, 0.8, 2, 12, 4), 8, 8, (1, 2, 4, 8, 16), _RATES, tuple(range(6))
    ),
    "full": Scale(
        Recipes((1, 2, 3, 4, 6, 8), 16, 10, 0.8, 4, 12, 4),
        16,
        10,
        (1, 2, 3, 4, 5, 6, 8, 16),
        _RATES,
        tuple(range(6)),
        "fashion-mnist",
    ),
}
_GRADIENT_IMAGES = 64
_ANN_TRAINING_BITS = (8, 16)


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Reproduction:
    """Train and trace the networks, price them, write ``results.json``, ``table.md`` and ``figure.svg``.

    Trained networks are read back from ``folder``; estimates take minutes and are made again. ``full`` trains on all
    of Fashion-MNIST, found under ``data_dir``.
    """
    size = SCALES[scale]
    found = _measure(folder / scale, size, load_data(size.data, data_dir=data_dir), seed, progress)
    recipe = size.recipes
    how = (
        f"{scale}: CNN of {recipe.width} channels, {recipe.epochs} epochs, one seed; VGG9 with rates of a trained one "
        f"of {size.vgg_width} channels; published networks by shape"
    )
    written = write_study(folder, results=found, table=markdown(found), figure=panels(found, how))
    return Reproduction(
        name="energy",
        source="arXiv 2309.03388 (its open code), SATA (abstract, open code), arXiv 2409.08290 (abstract)",
        scale=how,
        seeds=(seed,),
        claims=claims(found),
        rows=rows(found),
        settings=written,
    )


def _measure(
    folder: Path, size: Scale, dataset: Dataset, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """Return all figures as plain values."""

    def tell(done: int) -> None:
        if progress:
            progress("energy", done, total)

    networks = len(size.recipes.steps) + 4
    total = networks + 5
    tell(0)
    every = methods(folder, dataset, size.recipes, seed, tell)
    base = next(method for method in every if method.name == BASELINE)
    ann = every[-1]
    full, spike_rates = vgg9(
        folder / "vgg9", dataset, width=size.vgg_width, epochs=size.vgg_epochs, steps=4, seed=seed
    )
    tell(networks + 1)
    found: dict[str, Any] = {
        "scale": asdict(size),
        "methods": {method.name: _facts(method) for method in every},
        "priced": _priced(every),
        "why": chips.why(base.workload),
    }
    tell(networks + 2)
    found["published"] = sweeps.as_published([sweeps.WORKS[i] for i in size.works])
    found["sparse"] = {
        "VGG9": sweeps.sparse(full),
        f"CNN, {BASELINE}": sweeps.sparse(base.workload),
    }
    tell(networks + 3)
    found["vgg9"] = {"rates": spike_rates, "estimate": chips.conventional_J(full)}
    found["steps"] = sweeps.steps(size.steps, spike_rates)
    found["trained_steps"] = sweeps.crossover(_by_steps(every), ann.workload)
    tell(networks + 4)
    found["rates"] = sweeps.rates(size.rates, spike_rates)
    found["training"] = _training(base, ann, dataset)
    tell(total)
    return found


def _facts(method: Method) -> dict[str, Any]:
    recorded = [spike_rate(layer) for layer in method.workload.matmuls]
    return {
        "accuracy": method.accuracy,
        "steps": method.steps,
        "spiking": method.spiking,
        "weight_bits": method.weight_bits,
        "input_bits": method.input_bits,
        "weight_sparsity": method.sparsity,
        "spike_rates": [float(rate.mean()) for rate in recorded if rate is not None],
        "estimate": chips.conventional_J(method.workload),
    }


def _priced(every: Sequence[Method]) -> dict[str, Any]:
    """Return condition -> method -> chip -> figures."""
    return {
        condition: {
            m.name: chips.on_chips(
                m.workload, bits=m.weight_bits, input_bits=m.input_bits, changes=dict(changes)
            )
            for m in every
        }
        for condition, changes in chips.CONDITIONS.items()
    }


def _by_steps(every: Sequence[Method]) -> dict[int, Any]:
    names = {step_name(T): T for T in range(1, 65)}
    return {names[m.name]: m.workload for m in every if m.name in names}


def _training(base: Method, ann: Method, dataset: Dataset) -> dict[str, Any]:
    """Trace a training step of the baseline and of its conventional twin, and price both."""
    images = dataset.test.images(slice(0, _GRADIENT_IMAGES))
    labels = np.asarray(dataset.test.labels(slice(0, _GRADIENT_IMAGES)))
    assert base.network is not None and ann.network is not None
    spiking = trace(base.network, images, name=base.name, labels=labels)
    plain = trace(ann.network, images, name="ANN", labels=labels)
    asked = {base.name: (spiking, 8)}
    return sweeps.training(asked | {f"ANN, {bits} bit": (plain, bits) for bits in _ANN_TRAINING_BITS})
