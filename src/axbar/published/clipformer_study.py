"""Clipping of keys and values on real images (ClipFormer: Bhattacharjee, Moitra and Panda, IEEE TCAD 2024).

{standard, VAT} × {no clipping, published point, chosen on held-out images} × write noise, on programmed dies; the
signal-to-noise ratio of attention for every point that is tried; other devices, each with bounds of its own; what
DeiT-S costs and wears, from shapes. Known from third-party notes, as are the published figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from axbar._evaluate import Progress
from axbar._run import versions
from axbar.data import Dataset
from axbar.errors import UsageError
from axbar.published._reproduction import Reproduction, kept, write_study
from axbar.published.clipformer_chips import costs
from axbar.published.clipformer_chips import specs as priced
from axbar.published.clipformer_claims import claims
from axbar.published.clipformer_figure import panels
from axbar.published.clipformer_measure import chip_at, on_dies, snr_table
from axbar.published.clipformer_networks import ARMS, Net, arm, data_of
from axbar.published.clipformer_table import markdown, rows
from axbar.workload import shapes

__all__ = ["SCALES", "Scale", "reproduce"]

#: name -> settings of the chip; each with the noise that its device was measured or published with
DEVICES: Mapping[str, Mapping[str, Any]] = {
    "rram-clipformer": {},
    "rram-neurram": {"device": "rram-neurram"},
    "pcm-hermes": {"device": "pcm-hermes"},
}


@dataclass(frozen=True)
class Scale:
    """How much to run; devices are compared on the first network.

    Args:
        nets: networks and images.
        seeds: of dies.
        held_out: calibration images on which α and β are chosen.
        calibrated: calibration images on which ranges are fitted.
        shown: test images from which the signal-to-noise ratio is taken.
        devices: presets compared.
    """

    nets: tuple[Net, ...]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    held_out: int = 64
    calibrated: int = 32
    shown: int = 8
    devices: tuple[str, ...] = tuple(DEVICES)


_SMALL = Net(
    "Fashion-MNIST, small", "fashion-mnist-small", options={"width": 32, "depth": 2, "patch": 7}, epochs=6,
    vat="epochs=2,images=2000", levels=(0.0, 0.5, 1.0),
)  # fmt: skip
_DEIT = Net(
    "ImageNet, DeiT-S", "", "deit-s", vat="epochs=1,images=100000", tests=1000,
    options={"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
)  # fmt: skip
SCALES: dict[str, Scale] = {
    "quick": Scale((_SMALL,), (0, 1), 32, 32, 4, ("rram-clipformer", "rram-neurram")),
    "default": Scale(
        (
            Net("Fashion-MNIST", "fashion-mnist", "vit-tiny-fashion-mnist", vat_levels=(0.0, 1.0, 2.0, 3.0)),
            Net(
                "CIFAR-10",
                "cifar-10",
                "vit-tiny-cifar-10",
                tests=50,
                levels=(0.0, 0.5, 1.0),
                vat_levels=(0.0, 1.0),
            ),
        ),
        devices=("rram-clipformer", "rram-neurram", "pcm-hermes"),
    ),
    "full": Scale((_DEIT,), held_out=256, calibrated=128, shown=16),
}


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    weights: str | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Train, run on dies, measure and price; write ``results.json``, ``table.md`` and ``figure.svg``.

    Finished runs are read back from ``folder``. ``default`` reads Fashion-MNIST and CIFAR-10 under ``data_dir``;
    ``full`` takes ``data_dir`` as a folder of 224×224 images by class and ``weights`` of DeiT-S.

    Raises:
        UsageError: ``full`` without data or weights, or weights at another scale.
    """
    _check(scale, data_dir, weights)
    size, place = SCALES[scale], folder / scale
    tell = _teller(
        progress,
        sum(len(net.levels_of(which)) for net in size.nets for which in ARMS) + len(size.devices) + 1,
    )
    found: dict[str, Any] = {"nets": {}}
    done = 0
    for net in size.nets:
        net = _placed(net, data_dir)
        data = data_of(net, data_dir)
        arms: dict[str, Any] = {}
        for which in ARMS:
            runner = _Runner(place / _slug(net.name), net, which, data, size, weights)
            arms[which] = []
            for level in net.levels_of(which):
                tell(done)
                arms[which].append(runner.level(level))
                done += 1
        found["nets"][net.name] = {
            "recipe": asdict(net),
            "float": _floats(place, net, data, weights),
            "arms": arms,
        }
    first = _placed(size.nets[0], data_dir)
    runner = _Runner(place / _slug(first.name), first, ARMS[0], data_of(first, data_dir), size, weights)
    found["devices"] = {}
    for name in size.devices:
        tell(done)
        found["devices"][name] = runner.device(name)
        done += 1
    tell(done)
    chips = {name: spec.hash() for name, spec in priced().items()}
    found["deit-s"] = kept(
        place / "deit-s.json", {"chips": chips, "versions": versions()}, lambda: costs(shapes.deit_s())
    )
    how = f"{scale}: " + "; ".join(f"{net.name}, {net.tests} test images" for net in size.nets)
    written = write_study(folder, results=found, table=markdown(found), figure=panels(found, how))
    return Reproduction(
        name="clipformer",
        source="Bhattacharjee et al., ClipFormer, IEEE TCAD 2024 (arXiv 2402.02586), third-party notes",
        scale=how,
        seeds=size.seeds,
        claims=claims(found),
        rows=rows(found),
        settings=written,
    )


def _check(scale: str, data_dir: str | None, weights: str | None) -> None:
    if scale == "full" and (data_dir is None or weights is None):
        raise UsageError(
            "--full runs DeiT-S on ImageNet: give --data-dir with a folder of 224×224 images by class, and "
            "--weights with those of DeiT-S (.safetensors or .pt)."
        )
    if scale != "full" and weights is not None:
        raise UsageError(f"scale '{scale}' takes no weights; leave out --weights, or give --full.")


def _placed(net: Net, data_dir: str | None) -> Net:
    """Return the network with the folder of its images where that is the data set."""
    return net if net.data else Net(**{**asdict(net), "data": str(data_dir)})


def _teller(progress: Progress | None, total: int) -> Callable[[int], None]:
    return lambda done: progress("clipformer", done, total) if progress else None


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def _floats(place: Path, net: Net, data: Dataset, weights: str | None) -> dict[str, float]:
    """Return the test accuracy of each arm in floating point."""
    from axbar.nn import accuracy

    test = data.test.balanced(net.tests)
    return {which: accuracy(arm(place / _slug(net.name), net, which, data, weights), test) for which in ARMS}


class _Runner:
    """Measures one network, keeping each result in a file."""

    def __init__(
        self, place: Path, net: Net, which: str, data: Dataset, size: Scale, weights: str | None
    ) -> None:
        self.place, self.net, self.which, self.data, self.size, self.weights = (
            place, net, which, data, size, weights,
        )  # fmt: skip

    def level(self, gamma_sigma: float) -> dict[str, Any]:
        """Return what a level of write noise does."""
        return self._measured(f"level-{gamma_sigma:g}", gamma_sigma, {}) | {"level": gamma_sigma}

    def device(self, name: str) -> dict[str, Any]:
        """Return what the cells of another device do, with their own errors."""
        if not DEVICES[name]:  # the chip as shipped
            return self.level(0.4)
        return self._measured(f"device-{name}", 0.4, DEVICES[name])

    def _measured(self, name: str, gamma_sigma: float, changes: Mapping[str, Any]) -> dict[str, Any]:
        spec, size = chip_at(gamma_sigma, changes), self.size
        net = {
            key: value for key, value in asdict(self.net).items() if "levels" not in key
        }  # each has a file
        how = {
            "net": net, "data_hash": self.data.hash(), "chip": spec.hash(), "seeds": size.seeds,
            "held_out": size.held_out, "calibrated": size.calibrated, "shown": size.shown, "versions": versions(),
        }  # fmt: skip

        def work() -> dict[str, Any]:
            network = arm(self.place, self.net, self.which, self.data, self.weights)
            split, test = self.data.calibration, self.data.test.balanced(size.shown)
            images = torch.from_numpy(split.images(slice(0, size.calibrated)))
            found = on_dies(
                network, spec, self.data, self.net.tests, size.seeds, size.held_out, size.calibrated
            )
            if self.which != ARMS[0]:  # ratios are compared on the standard network
                return found
            return found | {"snr": snr_table(network, spec, torch.from_numpy(test.images()), images)}

        return kept(self.place / f"{self.which.lower()}-{name}.json", how, work)
