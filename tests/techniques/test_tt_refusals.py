"""What tensor trains refuse, and what stays as it was: order of steps, frozen weights, chips, zeros, splits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from axbar.crossbar import to_analog
from axbar.errors import ModelError
from axbar.nn import build_model
from axbar.nn.tensor_train import TTConv2d
from axbar.techniques import merge_tensor_train, tensor_train
from axbar.techniques._note import note
from axbar.techniques._tt_modules import Form


def trains(model: nn.Module) -> dict[str, TTConv2d]:
    return {path: m for path, m in model.named_modules() if isinstance(m, TTConv2d)}


def small() -> nn.Module:
    return build_model("spiking-vgg9", width=4, steps=2, input_shape=(1, 16, 16))


class Ordered(nn.Module):
    """All steps in one call, time or images outermost."""

    def __init__(self, time_first: bool) -> None:
        super().__init__()
        self.steps, self.input_shape, self.time_first = 4, (1, 8, 8), time_first
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        ramp = torch.arange(1.0, 5.0).view(4, 1, 1, 1, 1)
        steps = x * ramp if self.time_first else (x * ramp).transpose(0, 1)
        y = self.second(self.first(steps.flatten(0, 1))).mean((2, 3))
        return (
            y.unflatten(0, steps.shape[:2])
            if self.time_first
            else y.unflatten(0, steps.shape[:2]).transpose(0, 1)
        )


def test_halves_need_time_outermost() -> None:
    assert trains(tensor_train(Ordered(True), "htt", 0.5))
    with pytest.raises(
        ModelError, match=r"layer 'second' gets the steps of one image after the other, \[B·T"
    ):
        tensor_train(Ordered(False), "htt", 0.5)
    with pytest.raises(ModelError, match="one image after the other"):
        tensor_train(Ordered(False), "htt", 0.5, example=torch.rand(3, 1, 8, 8))


def test_what_was_frozen_stays_frozen() -> None:
    network = build_model("spiking-vgg9", width=8)
    network.get_submodule("conv2").requires_grad_(False)
    made = trains(tensor_train(network, "ptt", 0.5))
    assert not any(p.requires_grad for p in made["conv2"].parameters())
    assert all(p.requires_grad for p in made["conv3"].parameters())


def test_what_stands_on_a_chip_is_not_merged() -> None:
    on_chip = to_analog(
        tensor_train(small(), "ptt", 2), "imc-rram-65nm", seed=0, data=torch.rand(2, *small().input_shape)
    )
    with pytest.raises(
        ModelError, match="'conv2' stand on a chip and can't be merged there; merge the network first"
    ):
        merge_tensor_train(on_chip)


def test_one_example_shows_the_order_too() -> None:
    with pytest.raises(ModelError, match="one image after the other"):
        tensor_train(Ordered(False), "htt", 0.5, example=torch.rand(1, 1, 8, 8))
    assert trains(tensor_train(Ordered(True), "htt", 0.5, example=torch.rand(1, 1, 8, 8)))
    wide = Ordered(True).double()
    assert trains(tensor_train(wide, "htt", 0.5))


def test_zeros_of_pruning_are_not_filled() -> None:
    pruned = small()
    note(pruned, "prune", {})
    with pytest.raises(ModelError, match="can't come after 'prune': its zeros would be filled; start from"):
        tensor_train(pruned, "ptt", 2)


@pytest.mark.parametrize("form", ["merged", "factored", "cores"])
def test_frozen_networks_stay_frozen_in_all_forms(form: Form) -> None:
    network = small().requires_grad_(False)
    made = merge_tensor_train(tensor_train(network, "ptt", 2), form)
    assert not any(p.requires_grad for p in made.parameters())
    partly = small()
    conv = partly.get_submodule("conv2")
    assert isinstance(conv, nn.Conv2d)
    replaced = nn.Conv2d(conv.in_channels, conv.out_channels, 3, padding=1)
    replaced.weight.requires_grad_(False)
    partly.conv2 = replaced
    flags = {
        k: p.requires_grad
        for k, p in tensor_train(partly, "ptt", 2).get_submodule("conv2").named_parameters()
    }
    assert flags.pop("expand.bias") and not any(flags.values())


@pytest.mark.parametrize(("mode", "given", "words"), [
    ("ptt", 2, "full_steps = 2 is of mode htt, and mode is ptt"),
    ("htt", 1.5, "full_steps = 1.5 is no number of steps"),
    ("htt", "2", "full_steps = '2' is no number of steps"),
    ("htt", True, "full_steps = True is no number of steps"),
])  # fmt: skip
def test_a_split_that_means_nothing_is_refused(mode: Any, given: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        tensor_train(small(), mode, 2, full_steps=given)


def test_one_step_leaves_no_half() -> None:
    with pytest.raises(ModelError, match="runs one step, would leave kernels of 1x1 alone; take mode=ptt"):
        tensor_train(build_model("vgg9", width=4), "htt", 2)
    assert trains(tensor_train(build_model("vgg9", width=4), "htt", 2, full_steps=0))


def test_kernels_that_are_no_numbers_are_refused() -> None:
    broken = small()
    with torch.no_grad():
        broken.get_submodule("conv2").weight[0, 0, 0, 0] = float("nan")  # pyright: ignore[reportArgumentType, reportIndexIssue]
    with pytest.raises(ModelError, match="has 1 weights that are NaN or infinite"):
        tensor_train(broken, "ptt", 2, init="trained")


def test_no_layer_left_says_why() -> None:
    with pytest.raises(ModelError, match="made of tensor trains already"):
        tensor_train(tensor_train(small(), "ptt", 2), "ptt", 2)
    plain = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 5, padding=2))
    with pytest.raises(ModelError, match=r"no layer is left to decompose \('1': its kernel is 5x5\)"):
        tensor_train(plain, "ptt", 2)
    with pytest.raises(ModelError, match="layers holds 2, which is no path"):
        tensor_train(plain, "ptt", 2, layers=[2])  # pyright: ignore[reportArgumentType]
