"""Tensor-train layers: equations, strides, halves of the steps, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import ModelError
from axbar.nn import build_model, fewer_steps
from axbar.nn.tensor_train import HalfConv2d, TTConv2d, full_steps
from axbar.techniques import tensor_train

X = torch.rand(4 * 2, 6, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def layer(mode: str, **options: object) -> TTConv2d:
    return TTConv2d(6, 8, 3, mode, **options).double()  # pyright: ignore[reportArgumentType]


def parts(made: TTConv2d, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """h, and what the vertical and the horizontal core make of it, by torch's functions at stride 1."""
    h = F.conv2d(x, made.reduce.weight)
    down = F.conv2d(h, made.vertical.weight, padding=(1, 0))
    return h, down, F.conv2d(h, made.horizontal.weight, padding=(0, 1))


def test_the_three_modes_are_their_equations() -> None:
    for mode in ("stt", "ptt", "htt"):
        made = layer(mode, steps=4)
        h, down, across = parts(made, X)
        middle = {
            "stt": F.conv2d(down, made.horizontal.weight, padding=(0, 1)),
            "ptt": down + across,
            "htt": torch.cat([down[:4] + across[:4], h[4:]]),  # T = 4, B = 2: two full steps
        }[mode]
        assert torch.allclose(made(X), F.conv2d(middle, made.expand.weight), atol=1e-12)


@pytest.mark.parametrize("mode", ["stt", "ptt", "htt"])
def test_a_stride_inside_leaves_pixels_out(mode: str) -> None:
    whole, strided = layer(mode, steps=4), layer(mode, stride=2, steps=4)
    strided.load_state_dict(whole.state_dict())
    for training in (True, False):
        assert torch.allclose(strided.train(training)(X), whole(X)[:, :, ::2, ::2], atol=1e-12)


@pytest.mark.parametrize("mode", ["stt", "ptt", "htt"])
def test_the_published_rule_pools_behind_the_layer(mode: str) -> None:
    whole, pooled = layer(mode, steps=4), layer(mode, stride=2, stride_rule="maxpool", steps=4)
    pooled.load_state_dict(whole.state_dict())
    assert torch.equal(pooled(X), F.max_pool2d(whole(X), 2, ceil_mode=True))
    assert pooled(X).shape[2:] == (4, 3)


@pytest.mark.parametrize(("steps", "expected"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (64, 32)])
def test_the_full_half_is_the_smaller_one(steps: int, expected: int) -> None:
    assert full_steps(steps) == expected
    assert TTConv2d(2, 2, 1, "htt", steps=steps).full == expected


def test_a_half_layer_of_one_step_never_runs_its_middle_cores() -> None:
    made = layer("htt", steps=1)
    assert torch.allclose(made(X), F.conv2d(F.conv2d(X, made.reduce.weight), made.expand.weight), atol=1e-12)


@pytest.mark.parametrize("full", [0, 1, 3, 4])
def test_any_split_of_the_steps(full: int) -> None:
    made, parallel, sub = (
        layer("htt", steps=4, full=full),
        layer("ptt"),
        layer("htt", stride=2, steps=4, full=full),
    )
    parallel.load_state_dict(made.state_dict())
    sub.load_state_dict(made.state_dict())
    late = F.conv2d(F.conv2d(X, made.reduce.weight), made.expand.weight)
    expected = torch.cat([parallel(X)[: 2 * full], late[2 * full :]])
    assert torch.allclose(made(X), expected, atol=1e-12)
    assert torch.allclose(sub(X), expected[:, :, ::2, ::2], atol=1e-12)


@pytest.mark.parametrize("full", [0, 2, 4])
def test_two_kernels_for_two_halves(full: int) -> None:
    made = HalfConv2d(6, 8, stride=2, steps=4, full=full).double()
    early = F.conv2d(X, made.early.weight, stride=2, padding=1)
    late = F.conv2d(X, made.late.weight, stride=2)
    assert torch.allclose(made(X), torch.cat([early[: 2 * full], late[2 * full :]]), atol=1e-12)


def test_fewer_steps_leave_each_step_what_it_did() -> None:
    network = tensor_train(
        build_model("spiking-vgg9", width=4, steps=4, input_shape=(1, 16, 16)), "htt", 0.5
    ).eval()
    x = torch.rand(3, 1, 16, 16)
    with torch.no_grad():
        assert torch.equal(fewer_steps(network, 4, 3)(x), network(x)[:3])
        assert torch.equal(fewer_steps(network, 4, 1)(x), network(x)[:1])


def test_what_is_no_train_is_refused() -> None:
    with pytest.raises(ModelError, match="4 steps got 6 entries"):
        layer("htt", steps=4)(X[:6])
    with pytest.raises(ModelError, match=r"mode of a tensor train 'pt'.*ptt"):
        TTConv2d(2, 2, 1, "pt")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ModelError, match="stride of 1 or 2, got rank = 0"):
        TTConv2d(2, 2, 0)
    with pytest.raises(
        ModelError, match="full_steps = 5 of a half layer of 4 steps is out of range; give 0 to 4"
    ):
        TTConv2d(2, 2, 1, "htt", steps=4, full=5)


def test_fresh_cores_are_drawn_as_torch_draws_convolutions() -> None:
    torch.manual_seed(0)
    made = TTConv2d(64, 64, 32, "stt")
    for core in (made.reduce, made.vertical, made.horizontal, made.expand):
        bound = core.weight[0].numel() ** -0.5
        assert 0.95 * bound < float(core.weight.detach().abs().max()) <= bound


def test_cores_that_are_no_plain_kernels_run_as_they_are() -> None:
    class Doubled(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * super().forward(input)

    made = layer("ptt", stride=2).train()
    other = layer("ptt", stride=2).train()
    other.load_state_dict(made.state_dict())
    for name in ("vertical", "horizontal"):
        other.get_submodule(name).__class__ = Doubled
    assert torch.allclose(other(X), 2 * made(X), atol=1e-12)
