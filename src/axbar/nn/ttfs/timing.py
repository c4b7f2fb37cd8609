"""When a network of first-spike neurons answers, and how many spikes that takes.

    latency            mean time of the first output spike, which is the answer: nothing after it matters; of the
                       images that get one
    answered           share of the images that get one
    spikes per neuron  mean over all neurons but those of input and output, at most 1
    needless           share of a layer's spikes that come after the answer, which a chip that stops early saves
    gap                mean time between the spikes of a path and of the skip beside it, by block: t_path - t_skip

Neurons of constant slope fire window after window, so that all hidden spikes come before the first output spike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from axbar.nn.ttfs.spikes import Spikes

__all__ = ["Timed", "Timing", "timing"]


class Timed(Protocol):
    """A network that tells its spikes: by layer, ``output`` last, skips as ``BLOCK.skip`` beside ``BLOCK.conv2``."""

    def run(self, x: Tensor) -> tuple[Tensor, Mapping[str, Spikes]]:
        """Return logits and first spikes."""
        ...


@dataclass(frozen=True)
class Timing:
    """Means over images; times in the network's units, the latency not a number where nothing is answered."""

    latency: float
    answered: float
    spikes_per_neuron: float
    needless: Mapping[str, float]
    gap: Mapping[str, float]


def timing(network: Timed, images: Tensor, batch: int = 200) -> Timing:
    """Measure a network on ``images[B, C, H, W]`` in 0..1."""
    first, fired, late = list[Tensor](), dict[str, float](), dict[str, float]()
    neurons, apart = 0, dict[str, list[float]]()
    with torch.no_grad():
        for part in images.split(batch):
            seen = network.run(part)[1]
            answer = seen["output"].times.amin(1)
            first.append(answer)
            hidden = {name: s for name, s in seen.items() if name != "output" and not name.endswith("skip")}
            for name, spikes in hidden.items():
                fired[name] = fired.get(name, 0.0) + float(spikes.fired.sum())
                after = spikes.fired & (spikes.times > answer.view(-1, *[1] * (spikes.values.ndim - 1)))
                late[name] = late.get(name, 0.0) + float(after.sum())
                neurons += spikes.values.numel()
            for name in (name for name in seen if name.endswith("skip")):
                path = seen[name.replace("skip", "conv2")]
                apart.setdefault(name.rpartition(".")[0], []).append(_mean(path) - _mean(seen[name]))
    answers = torch.cat(first)
    answered = answers.isfinite()
    return Timing(
        latency=float(answers[answered].mean()),
        answered=float(answered.float().mean()),
        spikes_per_neuron=sum(fired.values()) / max(1, neurons),
        needless={name: late[name] / max(1.0, count) for name, count in fired.items()},
        gap={block: sum(values) / len(values) for block, values in apart.items()},
    )


def _mean(spikes: Spikes) -> float:
    times = spikes.times[spikes.fired]
    return float(times.mean()) if times.numel() else spikes.end
