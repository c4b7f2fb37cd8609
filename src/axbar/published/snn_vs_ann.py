"""A spiking network against its conventional twin on the same imperfect chip, for T = 1, 2, 4, 8 steps.

Published: Bhattacharjee, Kim, Moitra and Panda, "Examining the Robustness of Spiking Neural Networks on Non-ideal
Memristive Crossbars" (arXiv 2206.09599, abstract): repeated crossbar computations over time steps accumulate errors,
with a huge drop of accuracy, and networks trained with fewer steps reach more accuracy on the arrays. No figure
stands in the abstract, nor a conventional network beside the spiking one. On batch-norm adaptation: arXiv
2305.18416 (third-party notes).

Here: ``spiking-cnn`` with tdBN and ``cnn``, the same layers, trained by one recipe on the same images, on the same
chip, each flaw by itself and all together (`_twins` says how they are trained).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from axbar._evaluate import Progress
from axbar._run import versions
from axbar.data import Dataset, load_data
from axbar.files import write_atomic
from axbar.published._reproduction import Reproduction, write_study
from axbar.published._twins import ANN, recipe_of, trained
from axbar.published.snn_vs_ann_conditions import CONDITIONS, MITIGATIONS, Condition
from axbar.published.snn_vs_ann_figure import figure
from axbar.published.snn_vs_ann_measure import measure
from axbar.published.snn_vs_ann_study import Key, claims, markdown, summary, table
from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec

__all__ = ["SCALES", "Scale", "reproduce"]

CHIP = "imc-rram-65nm"


@dataclass(frozen=True)
class Scale:
    """How much to run.

    Args:
        steps: T of the spiking networks.
        seeds: of training; each seed has dies of its own.
        width: channels of the first convolution.
        epochs: of training.
        dies: programmed per network and condition.
        images: balanced test images; None for all.
        data: name of the data set.
        train_images: balanced training images; None for all.
    """

    steps: tuple[int, ...]
    seeds: tuple[int, ...]
    width: int
    epochs: int
    dies: int
    images: int | None
    data: str = "fashion-mnist-small"
    train_images: int | None = None


SCALES: dict[str, Scale] = {
    "quick": Scale((1, 2, 4), (0,), 8, 2, 2, 200),
    "default": Scale((1, 2, 4, 8), (0,), 8, 6, 5, 500),
    "full": Scale((1, 2, 4, 8), (0, 1, 2), 16, 10, 10, None, "fashion-mnist"),
}


@dataclass(frozen=True)
class _Job:
    """One row: a network under one condition with one mitigation (or none)."""

    network: str
    seed: int
    condition: Condition
    mitigation: str = ""

    @property
    def file(self) -> str:
        words = f"{self.condition.name} {self.mitigation}".strip()
        name = "".join(c if c.isalnum() else "-" for c in words)
        return f"seed{self.seed}/{self.network.replace('=', '')}/{name}.json"


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Train the twins and measure every row; finished ones are read back from ``folder``.

    ``results.json``, ``table.md`` and ``figure.svg`` are written there. ``full`` trains on all of Fashion-MNIST, found
    under ``data_dir``.
    """
    size = SCALES[scale]
    runner = _Runner(folder / scale, size, data_dir)
    jobs = list(_jobs(size))
    rows: dict[Key, list[dict[str, Any]]] = {}
    for done, job in enumerate(jobs):
        if progress:
            progress("networks on dies", done, len(jobs))
        key = Key(job.network, job.condition.name, job.mitigation)
        rows.setdefault(key, []).append(runner.row(job))
    if progress:
        progress("networks on dies", len(jobs), len(jobs))
    found = summary(rows)
    how = (
        f"{scale}: {ANN} and spiking CNN of {size.width} channels, {size.epochs} epochs, {size.dies} dies per seed, "
        f"{size.images or 'all'} test images, chip {CHIP}"
    )
    written = write_study(
        folder,
        results=[asdict(entry) for entry in found],
        table=markdown(found),
        figure=figure(found, how),
    )
    return Reproduction(
        name="snn-vs-ann",
        source="Bhattacharjee et al., arXiv 2206.09599 (abstract); arXiv 2305.18416 (third-party notes)",
        scale=how,
        seeds=size.seeds,
        claims=claims(found),
        rows=table(found),
        settings={
            "table": "points lost from the integer network to the chip; ± as defined in table.md",
            "figure": written["figure"],
        },
    )


def _jobs(size: Scale) -> Iterator[_Job]:
    """Yield every row, network by network, so that each is trained once and stays in memory while it is used."""
    for seed in size.seeds:
        for network in (ANN, *(f"T={T}" for T in size.steps)):
            for condition in CONDITIONS:
                for mitigation in ("", *condition.mitigations):
                    yield _Job(network, seed, condition, mitigation)


class _Runner:
    """Rows and networks from the folder of an earlier call with the same settings, else measured anew."""

    def __init__(self, folder: Path, size: Scale, data_dir: str | None) -> None:
        self._folder, self._size, self._data_dir = folder, size, data_dir
        self._chip = load_hardware(CHIP)
        self._dataset: Dataset | None = None
        self._network: tuple[str, int, nn.Module] | None = None

    def row(self, job: _Job) -> dict[str, Any]:
        """Return one row."""
        spec = self._chip.replace(job.condition.changes)
        assert isinstance(spec, ImcSpec)
        recipe = recipe_of(job.network, seed=job.seed, width=self._size.width, epochs=self._size.epochs)
        settings = {
            **json.loads(json.dumps(asdict(replace(self._size, seeds=(), steps=())))),
            "network": job.network, "seed": job.seed, "recipe": repr(recipe),
            "chip": spec.hash(), "effects": list(job.condition.effects),
            "mitigation": MITIGATIONS.get(job.mitigation, ""), "versions": versions(),
        }  # fmt: skip
        file = self._folder / job.file
        if file.exists():
            stored = json.loads(file.read_text(encoding="utf-8"))
            if stored["settings"] == settings:
                return stored["row"]
        row = measure(
            self._trained(job), spec, self._data(), job.condition, mitigation=job.mitigation,
            dies=self._size.dies, images=self._size.images, seed=1000 * job.seed,
        )  # fmt: skip
        write_atomic(file, json.dumps({"settings": settings, "row": row}, indent=1))
        return row

    def _data(self) -> Dataset:
        if self._dataset is None:
            whole = load_data(self._size.data, data_dir=self._data_dir)
            self._dataset = whole.subset(train=self._size.train_images)
        return self._dataset

    def _trained(self, job: _Job) -> nn.Module:
        if self._network is None or self._network[:2] != (job.network, job.seed):
            size, folder = self._size, (self._folder / job.file).parent / "model"
            network = trained(
                folder, job.network, self._data(), seed=job.seed, width=size.width, epochs=size.epochs
            )
            self._network = (job.network, job.seed, network)
        return self._network[2]
