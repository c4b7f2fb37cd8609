"""Batch norms against the flaws of crossbars: adapted, fine-tuned, or left alone.

Published: Bhattacharjee et al., GLSVLSI 2023 (arXiv 2305.18416), VGG16 on CIFAR-10 and ResNet-18 on TinyImageNet;
figures known from third-party notes. Wires, read noise and drift cost a network most of its accuracy; statistics
taken anew on the die bring most of it back, training gamma and beta the rest, for a small share of retraining.

Here: (a) the conventional ResNet20 on CIFAR-10 with given weights, (b) a spiking VGG9 on Fashion-MNIST, trained by the
study. Every row has the same settings; nothing is tuned to the paper's figures.

    recovered = (arm - none) / (ideal - none),      ideal: the same 8-bit network on arrays without flaws.

All accuracies of a row are on the same test images, those of its ideal too.

Each die is kept in the folder when it is done, and a second call resumes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from axbar._evaluate import Progress
from axbar._run import versions, weights_hash
from axbar.errors import UsageError
from axbar.files import write_atomic
from axbar.published._reproduction import Reproduction, write_study
from axbar.published.bn_cases import SCALES, Case, Scale, cases_of
from axbar.published.bn_claims import claims
from axbar.published.bn_cost import costs, costs_text
from axbar.published.bn_figure import figure
from axbar.published.bn_measure import Part, measure
from axbar.published.bn_table import markdown

__all__ = ["reproduce"]

_SOURCE = "Bhattacharjee et al., GLSVLSI 2023 (arXiv 2305.18416), figures from third-party notes"
#: normalisation of the images that the published weights of ResNet20 were trained with
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_STEPS = 4
#: loss below which a recovered share says nothing
_LEAST_LOSS = 0.01
_SKIPPED = (
    "not run: resnet20 on CIFAR-10 needs the folder that holds cifar-10 (--data-dir DATA) and trained weights "
    "(--weights resnet20.npz)"
)


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    weights: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Reproduction:
    """Measure all cases on both networks; dies that ``folder`` holds already are read back.

    Writes ``figure.svg`` and ``table.md`` into ``folder``.

    Args:
        folder: of results.
        scale: ``quick`` (with the embedded images alone if there is no ``data_dir``), ``default`` or ``full``.
        data_dir: folder of data sets with CIFAR-10, for ``full`` Fashion-MNIST too.
        weights: of ResNet20 for CIFAR-10; without it that network is left out.
        progress: called before each die.
        seed: die i has ``seed + i``; also of the training.

    Raises:
        UsageError: ``full`` without weights.
    """
    size = SCALES[scale]
    if scale == "full" and weights is None:
        raise UsageError(
            "--full runs both networks; give the weights of resnet20 with --weights, data with --data-dir."
        )
    parts = [] if weights is None else [_resnet(data_dir, weights, size)]
    parts.append(_vgg(folder / scale / "spiking-vgg9", scale, size, data_dir, progress, seed))
    rows: list[dict[str, Any]] = []
    prices: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        rows += _rows(folder / scale / part.name, part, size, seed, progress)
        prices[part.name] = costs(part, size)
    settings = {} if weights is not None else {"resnet20": _SKIPPED}
    study = Reproduction(
        name="bn",
        source=_SOURCE,
        scale=_scale_text(scale, size, parts),
        seeds=tuple(range(seed, seed + size.seeds)),
        claims=claims(rows, prices),
        rows=tuple(rows),
        settings=settings | _settings(size) | costs_text(prices),
    )
    write_study(folder, table=markdown(rows, prices), figure=figure(rows))
    return study


def _resnet(data_dir: str | None, weights: str, size: Scale) -> Part:
    from axbar.data import load_data
    from axbar.nn import load_network

    network = load_network("resnet20", weights=weights, mean=_MEAN, std=_STD)
    return Part("resnet20", network, load_data("cifar-10", data_dir=data_dir), size.adc)


def _vgg(
    folder: Path, scale: str, size: Scale, data_dir: str | None, progress: Progress | None, seed: int
) -> Part:
    """Train the spiking network, or go on where a call before stopped."""
    from axbar.data import load_data
    from axbar.nn import TrainConfig, build_model, train

    full = scale == "full"
    dataset = load_data(
        "fashion-mnist" if full else "fashion-mnist-small", data_dir=data_dir if full else None
    )
    network = build_model(
        "spiking-vgg9", width=size.width, steps=_STEPS, input_shape=dataset.input_shape,
        classes=len(dataset.classes), seed=seed,
    )  # fmt: skip
    recipe = TrainConfig(epochs=size.train_epochs, batch_size=50, lr=4e-3, label_smoothing=0.05, seed=seed)

    def tell(epoch: int, step: int, steps: int, _loss: float, _accuracy: float) -> None:
        if progress is not None:
            progress("training", epoch * steps + step, recipe.epochs * steps)

    train(network, dataset, recipe, out_dir=folder / "model", resume=True, progress=tell)
    return Part("spiking-vgg9", network.eval(), dataset)


def _rows(
    folder: Path, part: Part, size: Scale, seed: int, progress: Progress | None
) -> list[dict[str, Any]]:
    """Measure all dies of a network and return one row per case."""
    cases = cases_of(size, fewer_images=part.adc_images not in (None, size.test))
    total, done = sum(case.seeds for case in cases), 0
    common = {
        "weights": weights_hash(part.network), "data": part.dataset.hash(), "versions": versions(),
        **{key: getattr(size, key) for key in ("test", "adapt", "tune", "epochs", "adc")},
    }  # fmt: skip
    rows: list[dict[str, Any]] = []
    ideals: dict[int | None, float] = {}  # by number of test images: a loss is a loss on the same ones
    for case in cases:
        dies: list[dict[str, Any]] = []
        for i in range(case.seeds):
            if progress:
                progress(part.name, done, total)
            dies.append(_one(folder, part, case, size, seed + i, i < case.tuned, common))
            done += 1
        images = part.test_images(case, size)
        if case.ideal:
            ideals[images] = dies[0]["none"]
        rows.append(_row(part, case, dies, ideals[images]))
    return rows


def _one(
    folder: Path, part: Part, case: Case, size: Scale, seed: int, tuned: bool, common: dict[str, Any]
) -> dict[str, Any]:
    """Return what was measured on one die, from the file of an earlier call with the same settings if there is one."""
    own = asdict(replace(case, seeds=1, tuned=0))  # how many other dies there are does not matter to this one
    settings = {**common, "case": own, "chip": case.spec().hash(), "seed": seed, "tuned": tuned}
    file = folder / f"{case.name}-seed{seed}.json"
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["settings"] == settings:
            return stored["die"]
    die = measure(part, case, size, seed, tuned)
    write_atomic(file, json.dumps({"settings": settings, "die": die}, indent=1))
    return die


def _row(part: Part, case: Case, dies: Sequence[dict[str, Any]], ideal: float) -> dict[str, Any]:
    """Join the dies of a case: mean and standard deviation in percent, None where nothing was measured."""
    row: dict[str, Any] = {
        "network": part.name, "flaw": case.flaw, "device": case.device, "array": case.array, "detail": case.detail,
        "dies": len(dies),
    }  # fmt: skip
    none = float(np.mean([die["none"] for die in dies]))
    for arm in ("none", "adapt", "tune"):
        values = [100 * die[arm] for die in dies if die[arm] is not None]
        row[f"{arm}_%"] = float(np.mean(values)) if values else None
        row[f"{arm}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
    for arm in ("adapt", "tune"):
        row[f"{arm}_recovered_%"] = _recovered(dies, arm, ideal)
    row["lost_points"] = 100 * (ideal - none)
    for key in ("pc2_median", "pc2_max", "gain", "residual"):
        values = [die[key] for die in dies if die[key] is not None]
        row[key] = float(np.mean(values)) if values else None
    return row


def _recovered(dies: Sequence[dict[str, Any]], arm: str, ideal: float) -> float | None:
    """Return the share of the loss that an arm wins back, on its dies, in percent; None below a point of loss."""
    both = [(die["none"], die[arm]) for die in dies if die[arm] is not None]
    if not both:
        return None
    none, after = np.mean(both, axis=0)
    return None if ideal - none < _LEAST_LOSS else float(100 * (after - none) / (ideal - none))


def _scale_text(scale: str, size: Scale, parts: Sequence[Part]) -> str:
    names = ", ".join(f"{part.name} on {part.dataset.name}" for part in parts)
    test = "all" if size.test is None else f"{size.test:,} balanced"
    return f"{scale}: {names}; {test} test images, {size.seeds} dies where something is random"


def _settings(size: Scale) -> dict[str, Any]:
    return {
        "adaptation": f"bn-adapt on {size.adapt:,} training images",
        "fine-tune": f"bn-finetune on {size.tune:,} training images, {size.epochs} epochs, lr 0.01 / 5 every 2 epochs",
        "chip": "8-bit weights in two 4-bit cells (fefet-2bit: four 2-bit cells), differential; driver 1 kohm, "
        "segments 5 / 10 ohm, sense 1 kohm; norms, pools and linear layers digital; no programming noise",
        "converters": "none but in rows that say so: 8 bits per array, ranges refitted between two adaptations; "
        f"there resnet20 has {size.adc:,} test and adaptation images, and an ideal on the same test images",
        "spiking-vgg9": f"width {size.width}, T = {_STEPS}, {size.train_epochs} epochs",
    }
