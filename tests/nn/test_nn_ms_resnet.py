"""MS-ResNet: size, order of operations, constants, what reads spikes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import axbar
from axbar.nn import LIF, build_model
from axbar.nn.norm import is_norm


def counts(model: nn.Module) -> tuple[int, int]:
    norms = sum(p.numel() for m in model.modules() if is_norm(m) for p in m.parameters())
    return sum(p.numel() for p in model.parameters()) - norms, norms


def test_full_width_has_the_published_number_of_weights() -> None:
    assert counts(build_model("ms-resnet18")) == (11_164_362, 9_600)


def test_the_deeper_one_has_as_many_3x3_kernels_as_its_name_says() -> None:
    model = build_model("ms-resnet34", width=2)
    kernels = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(kernels) + 1 == 34  # and the linear layer
    assert [len([b for b in model.blocks if b.conv2.out_channels == 2 << s]) for s in range(4)] == [
        3,
        4,
        6,
        3,
    ]


def test_blocks_fire_before_they_weigh_and_add_potentials() -> None:
    model = build_model("ms-resnet18", width=4, steps=3, input_shape=(1, 9, 9)).eval()
    x = torch.rand(3 * 2, 4, 9, 9)
    block = model.blocks[0]
    with torch.no_grad():
        fired = model.fire(block.neuron1, x, 2)
        y = model.fire(block.neuron2, block.norm1(block.conv1(fired)), 2)
        expected = block.norm2(block.conv2(y)) + x
        seen: list[torch.Tensor] = []
        model.blocks[1].neuron1.register_forward_pre_hook(
            lambda _m, given: seen.append(given[0].flatten(0, 1))
        )
        model.conv1.register_forward_hook(lambda *_: x)
        model.norm1.register_forward_hook(lambda *_: x)
        model(torch.rand(2, 1, 9, 9))
    assert torch.equal(seen[0], expected)


def test_shortcuts_are_the_strided_convolution_of_the_potentials() -> None:
    model = build_model("ms-resnet18", width=4, steps=2, input_shape=(1, 9, 9)).eval()
    block, x = model.blocks[2], torch.rand(4, 4, 9, 9)
    with torch.no_grad():
        plain = nn.functional.conv2d(x, block.shortcut[0].weight, stride=2)
        assert torch.allclose(model._shortcut(block, x, 2), block.shortcut[1](plain), atol=1e-6)


def test_constants_are_the_published_ones_unless_given() -> None:
    neuron = next(m for m in build_model("ms-resnet18", width=2).modules() if isinstance(m, LIF))
    assert (neuron.beta, neuron.threshold, neuron.reset, neuron.surrogate.name) == (0.25, 0.5, "zero", "rect")
    block = build_model("ms-resnet18", width=2).blocks[0]
    assert (block.norm1.fold_scale, block.norm2.fold_scale) == pytest.approx((0.5, 0.1))
    other = build_model("ms-resnet18", width=2, threshold=1.0)
    assert (other.blocks[0].neuron1.threshold, other.blocks[0].norm2.fold_scale) == pytest.approx((1.0, 0.2))


def test_only_stem_shortcuts_and_classifier_read_numbers() -> None:
    model = build_model("ms-resnet18", width=4, steps=2, input_shape=(1, 16, 16)).train()
    for _ in range(20):  # running statistics with which neurons fire
        model(torch.rand(8, 1, 16, 16))
    work = axbar.trace(model.eval(), torch.rand(4, 1, 16, 16))
    real = {at.name for at in work.matmuls if at.operands[0].coding != "spikes"}
    assert real - {"fc"} == {"conv1", *(f"blocks.{n}.shortcut.0" for n in (2, 4, 6))}
    assert not any(at.kind == "batch_norm" for at in work.layers)  # all fold


def test_a_constant_image_runs_the_stem_once_and_frames_on_every_step() -> None:
    still = build_model("ms-resnet18", width=2, steps=3, input_shape=(1, 8, 8)).eval()
    moving = build_model("ms-resnet18", width=2, steps=3, input_shape=(3, 1, 8, 8)).eval()
    assert axbar.trace(still, torch.rand(2, 1, 8, 8)).layer("conv1").steps == (0,)
    assert axbar.trace(moving, torch.rand(2, 3, 1, 8, 8)).layer("conv1").steps == (0, 1, 2)
