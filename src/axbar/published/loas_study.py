"""Dual-sparse spiking accelerators: where LoAS's speed-up and energy come from, and what is left on real spikes.

Published: LoAS (Yin et al., MICRO 2024; abstract, the results and the simulator its authors released) against SparTen,
GoSPA and Gamma as they model them. Here: the same counts to the digit on synthetic tensors, each factor of the
published ratios taken apart, units of energy mended, circuits ablated cycle by cycle, formats compared, and all of it
again on a network that was trained, pruned and rid of single spikes here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from axbar import cost
from axbar._evaluate import Progress
from axbar._run import versions
from axbar.data import Dataset, load_data
from axbar.published import loas_counts as counts
from axbar.published import loas_network as network
from axbar.published import loas_priced as priced
from axbar.published._reproduction import Reproduction, kept, write_study
from axbar.published.loas_claims import claims
from axbar.published.loas_facts import PUBLISHED
from axbar.published.loas_figure import panels
from axbar.published.loas_network import Recipe, Stage
from axbar.published.loas_network_claims import network_claims
from axbar.published.loas_skew import fitted
from axbar.published.loas_table import markdown, rows
from axbar.spec import load_hardware

__all__ = ["SCALES", "Scale", "reproduce"]


@dataclass(frozen=True)
class Scale:
    """How much to run.

    Args:
        recipe: of the trained network.
        samples: test images on which its cycles are counted.
        networks: published ones whose synthetic tensors are simulated above the published level.
        data: name of the data set.
    """

    recipe: Recipe
    samples: int
    networks: tuple[str, ...]
    data: str = "fashion-mnist-small"


_VGG9 = Recipe(
    "spiking-vgg9", 16, 4, 4000, rounds=3, rate=0.69, rewind=1, epochs=2, tune_epochs=2
)  # fmt: skip
_RESNET19 = Recipe(
    "spiking-resnet19", 32, 4, 10_000, rounds=12, rate=0.25, rewind=5, epochs=2, tune_epochs=2, augment="shift-flip",
    test_images=10_000,
)  # fmt: skip
SCALES: dict[str, Scale] = {
    "quick": Scale(
        replace(_VGG9, width=8, images=2000, rounds=2, rate=0.83, tune_epochs=1, test_images=500),
        1, ("alexnet",),
    ),
    "default": Scale(_VGG9, 4, ("alexnet", "resnet19")),
    "full": Scale(_RESNET19, 8, ("alexnet", "resnet19"), "cifar-10"),
}  # fmt: skip
_LEVEL = "join"  # of energies of the trained network, as the presets have it


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Reproduction:
    """Answer every question and write ``results.json``, ``table.md`` and ``figure.svg``.

    Training, counts and prices are read back from ``folder`` where an earlier call of the same code left them.
    ``full`` trains a wider ResNet19 on CIFAR-10, found under ``data_dir``.
    """
    size = SCALES[scale]
    found = _measure(folder / scale, size, load_data(size.data, data_dir=data_dir), seed, progress)
    r = size.recipe
    how = (
        f"{scale}: synthetic tensors of {' and '.join(size.networks)}; {r.model} of width {r.width}, T = {r.steps}, "
        f"trained on {r.images} images of {size.data}, {r.rounds} rounds of pruning; {size.samples} test images"
    )
    written = write_study(folder, results=found, table=markdown(found), figure=panels(found, how))
    return Reproduction(
        name="loas",
        source="LoAS (Yin et al., MICRO 2024): abstract, released results and simulator",
        scale=how,
        seeds=(seed,),
        claims=(*claims(found), *network_claims(found)),
        rows=rows(found),
        settings=written,
    )


def _measure(
    folder: Path, size: Scale, dataset: Dataset, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """Return all figures as plain values."""

    def tell(done: int) -> None:
        if progress:
            progress("loas", done, 3)

    tell(0)
    cases = {name: counts.synthetic_case(name) for name in PUBLISHED}
    kept = _Kept(folder, {"scale": asdict(size), "seed": seed, "code": _code(), "versions": versions()})
    found: dict[str, Any] = {
        "exact": kept("exact", lambda: counts.exactness(cases)),
        "published": {net: {name: asdict(row) for name, row in t.items()} for net, t in PUBLISHED.items()},
        "published_factors": {net: _published_factors(net) for net in PUBLISHED},
        "published_energy": priced.published_sums(),
        "synthetic": {
            net: kept(f"synthetic-{net}", lambda case=cases[net]: _synthetic(case)) for net in size.networks
        },
    }
    found["skew"] = {
        net: kept(f"skew-{net}", lambda case=cases[net]: fitted(case, seed)) for net in size.networks
    }
    tell(1)
    stages = network.dual_sparse(folder / "network", dataset, size.recipe, seed, progress)
    tell(2)
    found["real"] = kept("real", lambda: _real(stages, size, seed))
    found["stages"] = {stage.name: stage.facts for stage in stages}
    tell(3)
    return found


def _code() -> str:
    """Return a hash of what counts and prices, so that figures of another state of it are not read back."""
    here = Path(__file__).parent
    own = [here / f"loas_{name}.py" for name in ("counts", "priced", "skew", "tensors", "layers", "network")]
    digest = hashlib.sha256()
    for file in (*sorted(Path(cost.__file__).parent.rglob("*.py")), *own):
        digest.update(file.read_bytes())
    for preset, _ in priced.PRESETS.values():
        digest.update(load_hardware(preset).hash().encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class _Kept:
    """Results in files of ``folder``, read back if made with the same settings."""

    folder: Path
    settings: dict[str, Any]

    def __call__(self, name: str, make: Callable[[], Any]) -> Any:
        return kept(self.folder / f"{name}.json", self.settings, make)


def _published_factors(net: str) -> dict[str, float]:
    rows = PUBLISHED[net]
    cycles = {name: float(row.cycles) for name, row in rows.items()}
    return counts.decomposed(cycles, rows["sparten"].ops, loas_ops=rows["loas"].ops)


def _factors(levels: dict[str, dict[str, int]], level: str) -> dict[str, float]:
    cycles = {name: float(row[level]) for name, row in levels.items()}
    return counts.decomposed(cycles, levels["sparten"]["ops"], loas_ops=levels["loas"]["ops"])


def _synthetic(case: counts.Case) -> dict[str, Any]:
    """All figures of a published network's synthetic tensors."""
    levels = counts.levels(case)
    plain, masked = (priced.as_workload(case.name, at) for at in (case.layers, case.masked))
    return {
        "levels": levels,
        "factors": {level: _factors(levels, level) for level in counts.LEVELS},
        "circuits": counts.circuits(case),
        "circuit_costs": priced.circuit_costs(plain),
        "energy": {
            level: priced.presets(plain, masked, level) for level in ("published", "join", "pipeline")
        },
        "sparsities": counts.sparsities(case.layers),
    }


def _real(stages: list[Stage], size: Scale, seed: int) -> dict[str, Any]:
    """All figures of the trained network: hidden convolutions, summed over samples; energies of all layers."""
    tensors = {stage.name: network.operands(stage.workload, size.samples) for stage in stages}
    dense, pruned, masked = (stage.workload for stage in stages)
    case = counts.Case("trained", tensors["pruned"], tensors["masked"])
    levels = counts.levels(case)
    return {
        "samples": size.samples,
        "levels": levels,
        "dense_levels": counts.levels(
            counts.Case("dense", tensors["dense"], tensors["dense"]), ("published", "join")
        ),
        "factors": {level: _factors(levels, level) for level in counts.LEVELS},
        "shuffled": _shuffled(case, seed),
        "circuits": counts.circuits(case),
        "formats": {name: counts.formats(layers) for name, layers in tensors.items()},
        "sparsities": {name: counts.sparsities(layers) for name, layers in tensors.items()},
        "energy": {level: priced.presets(pruned, masked, level) for level in ("join", "pipeline")},
        "dense_energy": priced.presets(dense, dense, _LEVEL),
        "by_layer": {
            stage.name: priced.layer_table(stage.workload, "loas", _LEVEL) for stage in stages
        },
    }  # fmt: skip


def _shuffled(case: counts.Case, seed: int) -> dict[str, dict[str, float]]:
    """Factors at the published level with non-zeros at uniform places."""
    found: dict[str, dict[str, float]] = {}
    for name, weights, spikes in (
        ("weights", True, False), ("spikes", False, True), ("weights and spikes", True, True),
    ):  # fmt: skip
        moved = counts.shuffled(case, seed, weights=weights, spikes=spikes)
        found[name] = _factors(counts.levels(moved, ("published",)), "published")
    return found
