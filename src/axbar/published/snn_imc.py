"""Where the energy, time and area of a spiking network on crossbars go, and what cures it: findings with real spikes.

Published: SpikeSim (Moitra et al., IEEE TCAD 2023, abstract and released code), DT-SNN (Li et al., DAC 2023, abstract),
MINT (Yin et al., abstract), ADC-less chips (arXiv 2211.02167, abstract), spiking against quantised networks (arXiv
2409.08290, abstract), neuron state as the bottleneck (arXiv 2603.12739, abstract). Their networks, chips and constants
are not ours; each finding stands with what was expected, what came out here and the reason where they differ.

Here: a spiking CNN for T = 1, 2, 4, 8 and its conventional twin, trained and traced on Fashion-MNIST; VGG9 at full
width with the spike rates of a trained narrow one; the default chip.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from axbar._evaluate import Progress
from axbar._run import versions
from axbar.crossbar import EFFECTS
from axbar.data import Dataset, load_data
from axbar.files import write_atomic
from axbar.published import snn_imc_designs as designs
from axbar.published import snn_imc_networks as networks
from axbar.published import snn_imc_sweeps as sweeps
from axbar.published._reproduction import Reproduction, write_study
from axbar.published._twins import ANN
from axbar.published.snn_imc_claims import claims, roadblocks
from axbar.published.snn_imc_design_claims import design_claims
from axbar.published.snn_imc_figure import panels
from axbar.published.snn_imc_table import markdown, rows
from axbar.published.snn_vs_ann_conditions import CONDITIONS, HARSH, Condition
from axbar.published.snn_vs_ann_measure import measure
from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec
from axbar.workload import Workload, shapes

__all__ = ["SCALES", "Scale", "reproduce"]


@dataclass(frozen=True)
class Scale:
    """How much to run.

    Args:
        steps: T of the spiking networks.
        width, epochs: of the twins.
        vgg_width, vgg_epochs: of the narrow VGG9 whose spike rates are used.
        dies, images: of the accuracy behind wires.
        data: name of the data set.
    """

    steps: tuple[int, ...]
    width: int
    epochs: int
    vgg_width: int
    vgg_epochs: int
    dies: int
    images: int | None
    data: str = "fashion-mnist-small"


SCALES: dict[str, Scale] = {
    "quick": Scale((1, 2, 4), 8, 2, 8, 1, 2, 200),
    "default": Scale((1, 2, 4, 8), 8, 6, 8, 8, 3, 500),
    "full": Scale((1, 2, 3, 4, 5, 6, 8), 16, 10, 16, 10, 5, None, "fashion-mnist"),
}
_ARRAYS = (16, 32, 64, 128, 256, 512)
_ADC_BITS = (1, 2, 3, 4, 5, 6, 7, 8)
_MEMBRANE_BITS = (2, 4, 6, 8, 12, 16, 22, 32)
_ANN_BITS = (3, 4, 8)
_RATES = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24, 0.32)
_RATE_STEPS, _RATE_BITS = 5, 3  # as arXiv 2409.08290 compares them
_SHARING = (1, 2, 4)  # channels that share a membrane
_EXIT_LOSS = 0.0  # accuracy that early exit may cost on calibration images


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Reproduction:
    """Train and trace the networks, answer every question, write ``results.json``, ``table.md`` and ``figure.svg``.

    Trained networks and accuracies are read back from ``folder``; estimates take seconds and are made again. ``full``
    trains on all of Fashion-MNIST, found under ``data_dir``.
    """
    size = SCALES[scale]
    found = _measure(folder / scale, size, load_data(size.data, data_dir=data_dir), seed, progress)
    how = (
        f"{scale}: spiking CNN and conventional twin of {size.width} channels, {size.epochs} epochs; "
        f"VGG9 at full width "
        f"with spike rates of one of {size.vgg_width} channels; chip {sweeps.CHIP}"
    )
    written = write_study(folder, results=found, table=markdown(found), figure=panels(found, how))
    return Reproduction(
        name="snn-imc",
        source="SpikeSim, DT-SNN, MINT, arXiv 2211.02167, 2409.08290, 2603.12739 (abstracts); SpikeSim's "
        "released code",
        scale=how,
        seeds=(seed,),
        claims=(*claims(found), *design_claims(found), *roadblocks(found)),
        rows=rows(found),
        settings=written,
    )


def _measure(
    folder: Path, size: Scale, dataset: Dataset, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """Return all figures as plain values."""

    def tell(done: int) -> None:
        if progress:
            progress("snn-imc", done, 4)

    tell(0)
    trained = networks.twins(folder, dataset, size.steps, width=size.width, epochs=size.epochs, seed=seed)
    ann, spiking = trained[0], trained[1:]
    assert ann.name == ANN
    tell(1)
    vgg, rates = networks.vgg9(
        folder / "vgg9", dataset, width=size.vgg_width, epochs=size.vgg_epochs, steps=4, seed=seed
    )
    tell(2)
    middle = next(twin for twin in spiking if twin.steps == 4)
    exited, exit_accuracy, exit_steps = networks.exits(middle, dataset, _EXIT_LOSS)
    many = networks.with_rates(shapes.vgg9(steps=_RATE_STEPS), rates)
    found = {
        "networks": {t.name: {"steps": t.steps, "accuracy": t.accuracy} for t in trained},
        "vgg9_rates": rates,
        "modules": {"VGG9": sweeps.modules(vgg), f"CNN, {middle.name}": sweeps.modules(middle.workload)},
        "steps": sweeps.steps(spiking),
        "exit": _exit(middle, exited, exit_accuracy, exit_steps),
        "arrays": sweeps.array_sizes(vgg, _ARRAYS),
        "adcs": sweeps.adcs(vgg, _ADC_BITS),
        "devices": sweeps.devices(vgg),
        "membranes": sweeps.membranes(vgg, _MEMBRANE_BITS),
        "crossover": sweeps.crossover(spiking, ann, _ANN_BITS),
        "rates": sweeps.rates(many, _RATES, _RATE_BITS),
        "movement": sweeps.movement(middle.workload, exited),
        **_designs(),
    }
    tell(3)
    chips = _Chips(folder, middle, dataset, size, seed)
    found["wires"] = chips.behind_wires()
    found["device_accuracy"] = {name: chips.device(name) for name in sweeps.DEVICES}
    found["few_bits_accuracy"] = chips.few_bits()
    tell(4)
    return found


def _exit(twin: networks.Twin, exited: Workload, accuracy: float, steps: float) -> dict[str, float]:
    """Early exit beside all steps."""
    whole = sweeps.steps([twin])
    left = sweeps.totals(exited)
    return {
        "T": float(twin.steps), "accuracy": twin.accuracy, "exit_accuracy": accuracy, "mean_steps": steps,
        "energy_J": whole["energy_J"][0], "edp_Js": whole["edp_Js"][0],
        "exit_energy_J": left["energy_J"], "exit_edp_Js": left["edp_Js"],
    }  # fmt: skip


def _designs() -> dict[str, Any]:
    """Designs of the literature on VGG16, which they were published for; spike rates as its shapes assume."""
    vgg16 = shapes.vgg16(steps=4)
    return {
        "few_bits": designs.few_bits(vgg16),
        "hybrid": designs.hybrid(vgg16),
        "search": designs.search(vgg16),
        "shared": {
            name: designs.shared_membranes(network, _SHARING)
            for name, network in (("VGG16", vgg16), ("ResNet19", shapes.resnet19(steps=4)))
        },
    }


@dataclass(frozen=True)
class _Chips:
    """Accuracies of one network on chips, each kept in a file of ``folder``."""

    folder: Path
    twin: networks.Twin
    dataset: Dataset
    size: Scale
    seed: int

    def behind_wires(self) -> dict[str, float]:
        """Accuracy of the integer network, on dies behind harsh wires, and there with adapted norms."""
        harsh = next(c for c in CONDITIONS if c.name == HARSH)
        plain = self._accuracy("wires", harsh)
        return {**plain, "adapted": self._accuracy("wires-adapted", harsh, "bn-adapt")["chip"]}

    def device(self, name: str) -> dict[str, float]:
        """Accuracy with all flaws of a device and the preset's wires and converters."""
        return self._accuracy(
            f"device-{name}", Condition(name, EFFECTS, sweeps.device_changes(name))
        )  # fmt: skip

    def few_bits(self) -> dict[str, float]:
        """Accuracy of the integer network by bits of a weight, rounded after training."""
        found: dict[str, float] = {}
        for bits in (2, 3, 4, 8):
            changes = {"crossbar.weight_bits": bits, "crossbar.cell_bits": min(3, bits - 1)}
            exact = Condition(f"{bits} bits", (), changes)
            found[str(bits)] = self._accuracy(f"weights-{bits}", exact)["integer"]
        return found

    def _accuracy(self, name: str, condition: Condition, mitigation: str = "") -> dict[str, float]:
        """Return ``integer`` and ``chip``: accuracies of the integer network and, on average, of dies."""
        spec = load_hardware(sweeps.CHIP).replace(condition.changes)
        assert isinstance(spec, ImcSpec)
        settings = {
            "chip": spec.hash(), "network": self.twin.workload.hash(), "dies": self.size.dies,
            "images": self.size.images, "seed": self.seed, "mitigation": mitigation,
            "effects": list(condition.effects), "versions": versions(),
        }  # fmt: skip
        file = self.folder / f"{name}.json"
        if file.exists():
            stored = json.loads(file.read_text(encoding="utf-8"))
            if stored["settings"] == settings:
                return stored["row"]
        one = measure(
            self.twin.network, spec, self.dataset, condition, mitigation=mitigation, dies=self.size.dies,
            images=self.size.images, seed=1000 * self.seed,
        )  # fmt: skip
        row = {
            "integer": float(one["integer"][-1]),
            "chip": float(np.mean([die[-1] for die in one["chip"]])),
            "image_error": float(one["image_error"]),
        }
        write_atomic(file, json.dumps({"settings": settings, "row": row}, indent=1))
        return row
