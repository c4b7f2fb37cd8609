"""First-spike networks with skips and learned delays (Kim et al., Front. Neurosci. 18, 2024; arXiv 2312.00919).

{plain, addition, concatenation, concatenation with a learned delay} × {MNIST, Fashion-MNIST, waves on a membrane} ×
seeds: accuracy beside a linear classifier's, time of the first output spike, spikes per neuron, delays, and the time
between path and skip; spike times in few bits and with jitter; both kinds of neurons; a solution of a partial
differential equation; and chips that read the same network as pulses, slot by slot, or as rates. The paper's figures
are not known openly: only the direction of its effects is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from axbar._evaluate import Progress
from axbar._run import versions
from axbar.data import Dataset
from axbar.errors import UsageError
from axbar.published._reproduction import Reproduction, kept, write_study
from axbar.published.ttfs_chips import on_chips
from axbar.published.ttfs_claims import claims
from axbar.published.ttfs_figure import panels
from axbar.published.ttfs_measure import measured, sweep_bits, sweep_jitter
from axbar.published.ttfs_networks import NETWORKS, Task, data_of, linear_share, trained
from axbar.published.ttfs_pde import regression
from axbar.published.ttfs_table import markdown, rows

__all__ = ["SCALES", "Scale", "reproduce"]

BITS = (1, 2, 3, 4, 5, 6, 8)
JITTER = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
#: networks that are disturbed and put on chips
_SHOWN = ("plain", "concat, delay")


@dataclass(frozen=True)
class Scale:
    """How much to run.

    Args:
        tasks: data and recipes.
        seeds: of weights and order.
        exact: one task more, on which both kinds of neurons are compared.
        pde_steps: of the regression.
        bits: of a time on chips.
        dies, tests: of accuracies on chips.
    """

    tasks: tuple[Task, ...]
    seeds: tuple[int, ...]
    exact: Task
    pde_steps: int
    bits: tuple[int, ...] = (2, 4, 6)
    dies: int = 3
    tests: int = 100


_EXACT = Task("Fashion-MNIST, small", "fashion-mnist-small", 12, 64, options={"width": 8})
SCALES: dict[str, Scale] = {
    "quick": Scale(
        (
            Task("Fashion-MNIST, small", "fashion-mnist-small", 4, 64, options={"width": 8}),
            Task("waves, 3x3", "wave-3x3", 8, 64, options={"width": 8}),
        ),
        (0, 1), Task("Fashion-MNIST, small", "fashion-mnist-small", 2, 64, options={"width": 4}), 500,
        bits=(2, 4), dies=2, tests=100,
    ),
    "default": Scale(
        (
            Task("MNIST", "mnist", 4),
            Task("Fashion-MNIST", "fashion-mnist", 4, options={"sparsity": 0.2}),
            Task("waves, 3x3", "wave-3x3", 40, 64, weight_decay=1e-2),
        ),
        (0, 1, 2), _EXACT, 4000,
    ),
    "full": Scale(
        (
            Task("MNIST", "mnist", 30),
            Task("Fashion-MNIST", "fashion-mnist", 30, augment="shift-flip"),
            Task("waves, 3x3", "wave-3x3", 100, 64, weight_decay=1e-2),
            Task("waves, 6x6", "wave-6x6", 100, 64, weight_decay=1e-2),
        ),
        (0, 1, 2, 3, 4), _EXACT, 20000,
    ),
}  # fmt: skip


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    weights: str | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Train, measure and price; write ``results.json``, ``table.md`` and ``figure.svg``.

    Finished runs are read back from ``folder``; but for ``quick``, MNIST and Fashion-MNIST lie under ``data_dir``.

    Raises:
        UsageError: weights were given.
    """
    if weights is not None:
        raise UsageError("the study trains its own networks; leave out --weights.")
    size, place = SCALES[scale], folder / scale
    tell = _Teller(progress, (len(size.tasks) * len(NETWORKS) + 1) * len(size.seeds) + len(size.tasks) + 1)
    found: dict[str, Any] = {"tasks": {}}
    for task in size.tasks:
        found["tasks"][task.name] = _task(place / _slug(task.name), task, size, data_dir, tell)
    found["exact"] = _both_kinds(place / "exact", size, data_dir, tell)
    tell()
    found["pde"] = kept(
        place / "pde.json",
        {"steps": size.pde_steps, "versions": versions()},
        lambda: regression(size.pde_steps),
    )
    how = f"{scale}: " + "; ".join(f"{task.name}, {task.epochs} epochs" for task in size.tasks)
    written = write_study(folder, results=found, table=markdown(found), figure=panels(found, how))
    return Reproduction(
        name="ttfs",
        source="Kim et al., Front. Neurosci. 18, 2024 (arXiv 2312.00919), from its abstract and code",
        scale=how,
        seeds=size.seeds,
        claims=claims(found),
        rows=rows(found),
        settings=written,
    )


class _Teller:
    """Counts runs."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, -1

    def __call__(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress("ttfs", self.done, self.total)


def _task(place: Path, task: Task, size: Scale, data_dir: str | None, tell: _Teller) -> dict[str, Any]:
    data = data_of(task, data_dir)
    how = {"task": asdict(task), "data_hash": data.hash(), "versions": versions()}
    runs: dict[str, list[Any]] = {}
    for network in NETWORKS:
        runs[network] = []
        for seed in size.seeds:
            tell()
            where = place / f"{_slug(network)}-{seed}"
            runs[network].append(
                kept(
                    where.with_suffix(".json"), {**how, "network": network, "seed": seed},
                    lambda w=where, n=network, s=seed: measured(trained(w, task, n, s, data), data),
                )
            )  # fmt: skip
    tell()
    disturbed = kept(
        place / "disturbed.json",
        {**how, "bits": BITS, "jitter": JITTER, "chips": [size.bits, size.dies, size.tests]},
        lambda: _disturbed(place, task, size, data),
    )
    return {"linear": linear_share(data), "runs": runs, **disturbed}


def _disturbed(place: Path, task: Task, size: Scale, data: Dataset) -> dict[str, Any]:
    seed = size.seeds[0]
    networks = {name: trained(place / f"{_slug(name)}-{seed}", task, name, seed, data) for name in _SHOWN}
    return {
        "bits": {name: sweep_bits(network, data, BITS) for name, network in networks.items()},
        "jitter": {name: sweep_jitter(network, data, JITTER) for name, network in networks.items()},
        "chips": on_chips(networks[_SHOWN[0]], data, size.bits, size.dies, size.tests),
    }


def _both_kinds(place: Path, size: Scale, data_dir: str | None, tell: _Teller) -> Mapping[str, Any]:
    """Return the same networks with neurons of both kinds."""
    task = size.exact
    data = data_of(task, data_dir)
    found: dict[str, list[Any]] = {"slope": [], "exact": []}
    for seed in size.seeds:
        tell()
        for neuron, runs in found.items():
            where = place / f"{neuron}-{seed}"
            how = {"task": asdict(task), "data_hash": data.hash(), "seed": seed, "versions": versions()}
            runs.append(
                kept(
                    where.with_suffix(".json"), how,
                    lambda w=where, n=neuron, s=seed: measured(
                        trained(w, task, "concat, delay", s, data, neuron=n), data
                    ),
                )
            )  # fmt: skip
    return found


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
