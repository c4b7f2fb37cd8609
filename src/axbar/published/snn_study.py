"""Cheaper spiking networks: time steps, few bits, early exit, pruning, on real images and on three chips.

Published: DT-SNN (Li et al., DAC 2023: early exit), MINT (Yin et al., ASP-DAC 2024: integer weights and membranes), and
lottery tickets of spiking networks (Kim et al., ECCV 2022). Here every technique starts from one trained network and is
charged on crossbars, a systolic array and a dual-sparse accelerator from the same traced images.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from axbar._evaluate import Progress
from axbar._run import versions
from axbar.data import Dataset, load_data
from axbar.published._reproduction import Reproduction, kept, write_study
from axbar.published.snn_claims import claims
from axbar.published.snn_figure import panels
from axbar.published.snn_measure import CHIPS, curve, measure
from axbar.published.snn_networks import Net, Tuning, Variant, base, make, variants
from axbar.published.snn_table import markdown, rows
from axbar.spec import load_hardware

__all__ = ["SCALES", "Scale", "reproduce"]


@dataclass(frozen=True)
class Scale:
    """How much to run.

    Args:
        nets: networks, and how each is trained.
        steps, bits, sparsities: of the variants.
        lost: share of the calibration images that early exit may lose.
        traced: test images whose spikes are charged.
    """

    nets: tuple[Net, ...]
    steps: tuple[int, ...]
    bits: tuple[int, ...]
    sparsities: tuple[float, ...]
    lost: float = 0.003
    traced: int = 128


_FASHION = "fashion-mnist"
SCALES: dict[str, Scale] = {
    "quick": Scale(
        (Net("VGG9, small", "spiking-vgg9", 6, "fashion-mnist-small", 2000, 3, 500, Tuning(1, 1000)),),
        (1, 2), (8, 4), (0.9,), 0.003, 64,
    ),
    "default": Scale(
        (
            Net("VGG9, Fashion-MNIST", "spiking-vgg9", 16, _FASHION, 30_000, 5, None, Tuning(2, 10_000)),
            Net("VGG9, CIFAR-10", "spiking-vgg9", 16, "cifar-10", 15_000, 8, 5000, Tuning(2, 5_000),
                augment="shift-flip"),
            Net("ResNet19, Fashion-MNIST", "spiking-resnet19", 32, _FASHION, 5_000, 4, 2000, Tuning(1, 2_000)),
        ),
        (1, 2, 8), (8, 4, 2), (0.9, 0.95, 0.98),
    ),
    "full": Scale(
        (
            Net("VGG9, Fashion-MNIST", "spiking-vgg9", 64, _FASHION, 50_000, 100, None, Tuning(20, 50_000),
                augment="shift-flip"),
            Net("VGG9, CIFAR-10", "spiking-vgg9", 64, "cifar-10", 45_000, 200, None, Tuning(20, 45_000),
                augment="shift-flip"),
            Net("ResNet19, CIFAR-10", "spiking-resnet19", 128, "cifar-10", 45_000, 200, None, Tuning(20, 45_000),
                augment="shift-flip"),
        ),
        (1, 2, 6, 8), (8, 4, 3, 2), (0.9, 0.95, 0.98),
    ),
}  # fmt: skip


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Reproduction:
    """Train, change and price the networks; write ``results.json``, ``table.md`` and ``figure.svg``.

    Finished networks and measurements are read back from ``folder``. ``default`` and ``full`` read Fashion-MNIST and
    CIFAR-10 under ``data_dir``.
    """
    size = SCALES[scale]
    found: dict[str, Any] = {"nets": {}}
    for number, net in enumerate(size.nets):
        every = variants(size.steps, size.bits, size.sparsities, net.tuning, size.lost, seed)
        dataset = load_data(net.data, data_dir=data_dir)
        place = folder / scale / _slug(net.name)
        tell = _teller(progress, number * (len(every) + 1), len(size.nets) * (len(every) + 1))
        found["nets"][net.name] = _net(place, net, dataset, every, size, seed, tell)
    how = f"{scale}: " + "; ".join(
        f"{n.name}: width {n.width}, {n.images:,} images, {n.epochs} epochs, "
        f"variants {n.tuning.images:,} images, {n.tuning.epochs} epochs"
        for n in size.nets
    )
    written = write_study(
        folder,
        results=found,
        table=markdown(found),
        figure=panels(found, f"{scale}: {', '.join(n.name for n in size.nets)}; one seed"),
    )
    return Reproduction(
        name="snn",
        source="DT-SNN (DAC 2023), MINT (ASP-DAC 2024), Kim et al. (ECCV 2022): abstracts; MINT's open code",
        scale=how,
        seeds=(seed,),
        claims=claims(found),
        rows=rows(found),
        settings=written,
    )


def _teller(progress: Progress | None, before: int, total: int) -> Any:
    return lambda done: progress("snn", before + done, total) if progress else None


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def _net(
    folder: Path, net: Net, dataset: Dataset, every: tuple[Variant, ...], size: Scale, seed: int, tell: Any
) -> dict[str, Any]:
    tell(0)
    trained = folder / "base"
    base(trained, net, dataset, seed)
    facts = {**asdict(net), "data_hash": dataset.hash(), "seed": seed, "traced": size.traced, "versions": versions(),
             "chips": {name: load_hardware(preset).hash() for name, (preset, _) in CHIPS.items()}}  # fmt: skip
    measured: dict[str, Any] = {}
    for number, variant in enumerate(every, 1):
        tell(number)
        place = folder / _slug(variant.name)
        settings = facts | {"variant": asdict(variant)}
        measured[variant.name] = kept(
            place / "row.json", settings,
            lambda place=place, variant=variant: measure(
                make(place, variant, trained, dataset, net, seed), dataset,
                tests=net.tests, traced=size.traced, bits=variant.bits, fixed=variant.fixed,
            ),
        )  # fmt: skip
    bend = kept(
        folder / "curve.json", facts,
        lambda: curve(make(trained, every[0], trained, dataset, net, seed), dataset, tests=net.tests,
                      traced=size.traced),
    )  # fmt: skip
    return {"recipe": asdict(net), "rows": measured, "curve": bend}
