"""Law: what was pruned stays pruned, whatever is trained after it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from bn_nets import chip
from prune_nets import DATA, SHAPE, applied, spiking, weights
from torch import nn

from axbar import registry
from axbar.crossbar import to_analog
from axbar.nn import build_model
from axbar.techniques import get_technique

#: a training of seconds; a technique takes those that it has
QUICK: dict[str, Any] = {"epochs": 1, "images": 96, "batch": 32, "rounds": 1, "rewind": 0}
TRAINERS = [
    name
    for name in registry.names("techniques")
    if "lr" in get_technique(name).Config.model_fields
    and "prune"
    not in getattr(get_technique(name), "not_after", ())  # refused behind it, as it would fill them
]


#: techniques for networks and chips of their own; ln-finetune reaches no weights and needs layer norms
APART: dict[str, dict[str, Any]] = {"variation-aware": {"run_time__unit": "nvm"}, "ln-finetune": {}}


def tuned(name: str, network: nn.Module, **settings: Any) -> nn.Module:
    """Apply a technique with settings of seconds to a network, or to a die of it."""
    technique = get_technique(name)
    known = technique.Config.model_fields
    config = technique.Config(**{key: value for key, value in (QUICK | settings).items() if key in known})
    noisy = chip(device="rram-generic", **APART.get(name, {}))
    target = network if technique.stage == "network" else to_analog(network, noisy, seed=0, norms="keep")
    return technique.apply(target, noisy, DATA.tuning(), config).target


@pytest.fixture(scope="module")
def pruned() -> nn.Module:
    return applied("prune:sparsity=0.9,epochs=0", spiking()).target


def test_all_that_train_are_known() -> None:
    assert {"bn-finetune", "lottery-ticket", "mask-single-spikes", "noise-aware", "prune"} <= set(TRAINERS)


@pytest.mark.parametrize("name", [name for name in TRAINERS if name not in APART])
def test_a_technique_that_trains_keeps_every_zero(name: str, pruned: nn.Module) -> None:
    result = tuned(name, pruned)
    before, after = weights(pruned), {path: weights(result)[path] for path in weights(pruned)}
    for path, weight in before.items():
        assert not after[path][weight == 0].any(), f"{name} brought weights of {path} back"
    behind = [path for path in before if path != "conv1"]
    removed = sum(int((after[path] == 0).sum()) for path in behind)
    assert removed >= 0.9 * sum(after[path].numel() for path in behind) - 0.5  # whole weights
    state = result.state_dict()
    kept = {key: value for key, value in pruned.state_dict().items() if key in state}  # norms may be folded
    assert any(not torch.equal(value, state[key]) for key, value in kept.items()), f"{name} trained nothing"


def test_attention_keeps_every_zero_too() -> None:
    attending = build_model("vit-tiny", width=16, depth=1, patch=4, **SHAPE).eval()
    before = applied("prune:sparsity=0.5,epochs=0", attending).target
    after = weights(tuned("variation-aware", before))
    changed = 0
    for path, weight in weights(before).items():
        assert not after[path][weight == 0].any(), path
        changed += int((after[path] != weight).sum())
    assert changed and sum(int((weight == 0).sum()) for weight in weights(before).values()) > 1000


def test_exact_gradients_and_folded_norms_keep_them_too(pruned: nn.Module) -> None:
    for settings in ({"exact": True}, {"norms": "keep"}):
        after = weights(tuned("noise-aware", pruned, images=32, dies=1, **settings))
        assert all(not after[path][weight == 0].any() for path, weight in weights(pruned).items())


def test_clipping_leaves_the_scale_of_what_is_left(pruned: nn.Module) -> None:
    """Sigma counted over removed weights would shrink those left at every step, towards nothing."""
    after = weights(tuned("noise-aware", pruned, lr=1e-6, epochs=4))
    for path, weight in weights(pruned).items():
        left = weight != 0
        assert float(after[path][left].norm()) > 0.9 * float(weight[left].norm()), path
