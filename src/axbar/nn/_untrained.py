"""Whether a network still has the random weights with which it was built.

The networks that ship draw their weights from a seed among their own arguments. Building one again and comparing
tells exactly: it holds for a network that was passed around, copied or saved, and no longer once it was trained or
given other weights, by whomever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from axbar import registry
from axbar.errors import AxbarError
from axbar.nn._load import build_model

__all__ = ["is_untrained", "untrained_note"]


def is_untrained(network: nn.Module) -> bool:
    """Whether every weight is the random number that the network was built with.

    Networks of a user or of another package may load weights while they are built, so that nothing is known of them:
    False.

    >>> network = build_model("cnn", width=4)
    >>> is_untrained(network), is_untrained(nn.Linear(2, 2))
    (True, False)
    """
    config: Any = getattr(network, "config", None)
    if not type(network).__module__.startswith("axbar.") or not isinstance(config, Mapping):
        return False
    ours = [entry.name for entry in registry.entries("models") if entry.origin == "axbar"]
    if config.get("name") not in ours or any(weight.is_meta for weight in network.parameters()):
        return False
    try:
        built = build_model(**config)
    except AxbarError:  # a run folder's note of techniques stands there too: it was worked on
        return False
    weights, fresh = dict(network.named_parameters()), dict(built.named_parameters())
    return weights.keys() == fresh.keys() and all(
        torch.equal(weight.detach().cpu(), fresh[name].detach().to(weight.dtype))
        for name, weight in weights.items()
    )


def untrained_note(network: nn.Module, name: str) -> str:
    """Return what a reader of figures must know of random weights; empty where they are not known to be random.

    Args:
        network: as it was loaded.
        name: as the user named it.
    """
    if not is_untrained(network):
        return ""
    return (
        f"the weights of '{name}' are random: where no technique trains it, its accuracy is that of guessing, and its "
        "spikes are those of no trained network; give a run folder of 'axbar train', or a file of weights (--weights)"
    )
