"""Whether advice keeps its promise: carried out end to end on random chips of all kinds.

Chips are drawn at random, kind after kind: a preset, then ``--changes`` of its quantities moved to other values or
names that they may have (arrays, converters, tiles, devices, memories, clocks, ...), again until the network fits.
Networks are small ones, trained here for a minute on the images that come with axbar. Of each design, three
recommendations are carried out as ``axbar evaluate --apply`` does: the first of all, the first technique (at its
default settings, trained where it trains) and the first with fewer time steps. Told are EDP gained, promised and
obtained, and accuracy.

    python benchmarks/advice.py [--designs 20] [--seed 0] [--images 100] [--dies 2] [--all] [--untrained]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from axbar import load_hardware
from axbar._apply import Applied, apply_changes
from axbar._ready import Ready, measure_on, prepare
from axbar.cost import WhatIf, estimate
from axbar.cost.whatif import candidates
from axbar.data import Dataset, load_data
from axbar.errors import AxbarError
from axbar.nn import TrainConfig, accuracy, build_model, train
from axbar.spec import HardwareSpec, preset_names

#: (model, its arguments, how often it is drawn); one without steps, so that advice is not all about them
NETWORKS = (
    ("spiking-cnn", {"width": 8, "steps": 4}, 0.5),
    ("spiking-vgg9", {"width": 4, "steps": 3}, 0.3),
    ("cnn", {"width": 8}, 0.2),
)
LINES = ("first", "technique", "fewer steps")


def trained(dataset: Dataset, epochs: int) -> list[tuple[str, nn.Module]]:
    """Return the networks, trained on the images that ship."""
    found: list[tuple[str, nn.Module]] = []
    for name, settings, _ in NETWORKS:
        network = build_model(name, input_shape=dataset.input_shape, classes=len(dataset.classes), **settings)
        train(network, dataset, TrainConfig(epochs=epochs, batch_size=100, seed=0, device="cpu"))
        print(f"{name}: {100 * accuracy(network, dataset.test):.1f} % of {len(dataset.test)} test images")
        found.append((name, network.eval()))
    return found


def presets() -> list[list[str]]:
    """Return the presets of each hardware kind."""
    kinds: dict[str, list[str]] = {}
    for name in preset_names():
        kinds.setdefault(load_hardware(name).kind, []).append(name)
    return list(kinds.values())


def drawn(rng: np.random.Generator, names: Sequence[str], ready: Ready, changes: int) -> HardwareSpec:
    """Return a random chip, by one of the presets, that the network fits on."""
    while True:
        spec = load_hardware(names[rng.integers(len(names))])
        for _ in range(changes):
            options = candidates(spec)
            _, change = options[rng.integers(len(options))]
            try:
                spec = spec.replace(change)
            except AxbarError:  # this value does not go with the others
                continue
        try:
            if bool(estimate(ready.workload, spec).feasible[0]):
                return spec
        except AxbarError:  # this network can't even be counted on it
            continue


def chosen(advice: Sequence[WhatIf], every: bool, train: bool) -> list[tuple[str, WhatIf]]:
    """Return what is carried out of the recommendations, with the line that it counts in."""
    technique = [c for c in advice if c.kind == "technique" and train]
    steps = [c for c in advice if c.kind == "steps"]
    kept = slice(None) if every else slice(1)
    return [
        *(("first", c) for c in advice[:1]), *(("technique", c) for c in technique[kept]),
        *(("fewer steps", c) for c in steps[kept]),
    ]  # fmt: skip


def carried_out(
    spec: HardwareSpec, ready: Ready, dies: int, every: bool, train: bool
) -> list[tuple[str, Applied]]:
    """Evaluate one design and carry its advice out, nothing twice."""
    before = measure_on(ready, spec, spec, chips=dies, seed=0, waterfall=0, progress=None)
    assert before.report.bottlenecks is not None
    wanted = chosen(before.report.bottlenecks.advice(), every, train)
    once = list({change.title: change for _, change in wanted}.values())
    done = {a.advice.title: a for a in apply_changes(ready, before, once, chips=dies, seed=0)}
    return [(line, done[change.title]) for line, change in wanted]


def summary(line: str, found: Iterable[Applied]) -> str:
    """Return how many gained, and how far they are from their promise."""
    done = list(found)
    made = [a for a in done if not a.refused]
    if not made:
        return f"{line:12s} none of {len(done)} could be applied"
    gains = [a.gains() for a in made]
    gaps = sorted(abs(promised - obtained) / promised for promised, obtained in gains)
    kept = sum(
        a.answers is not None and not (a.answers.significant and (a.answers.points or 0) < 0) for a in made
    )
    return (
        f"{line:12s} {len(made)} of {len(done)} applied; EDP gained in {sum(g > 0 for _, g in gains)}; |promised − "
        f"obtained| / promised gain: median {100 * statistics.median(gaps):.1f} %, largest {100 * gaps[-1]:.0f} %; "
        f"accuracy kept within noise in {kept}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--designs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--changes", type=int, default=12)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--dies", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument(
        "--all", action="store_true", help="all techniques and all fewer steps, not the first only"
    )
    parser.add_argument("--untrained", action="store_true", help="leave the line of techniques out")
    given = parser.parse_args()
    torch.set_num_threads(1)
    dataset = load_data("fashion-mnist-small")
    ready = {
        name: prepare(
            network, dataset, load_hardware("imc-rram-65nm"), weights=None, config=None, techniques=(),
            images=given.images, trace_samples=16, data_dir=None, progress=None,
        )
        for name, network in trained(dataset, given.epochs)
    }  # fmt: skip
    rng, kinds = np.random.default_rng(given.seed), presets()
    found: list[tuple[str, Applied]] = []
    for number in range(given.designs):
        start, name = time.perf_counter(), str(rng.choice(list(ready), p=[often for *_, often in NETWORKS]))
        spec = drawn(rng, kinds[number % len(kinds)], ready[name], given.changes)
        done = carried_out(spec, ready[name], given.dies, given.all, not given.untrained)
        found += done
        print(f"{number + 1:2d} {name} on {spec.name}, {time.perf_counter() - start:.0f} s", flush=True)
        for line, applied in done:
            print(f"     {line:12s} {applied.advice.title}: {applied.words}", flush=True)
    for line in LINES:
        print(summary(line, [applied for at, applied in found if at == line]))


if __name__ == "__main__":
    main()
