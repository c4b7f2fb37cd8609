"""Every s-th pixel: the numbers of a slice, a gradient laid out as the map, no work in a trace."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from axbar.nn import build_model
from axbar.nn._pixels import every_pixel
from axbar.workload import trace


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 2), (2, 1), (1, 1), (3, 2)])
@pytest.mark.parametrize("size", [(7, 8), (4, 5)])
def test_numbers_and_gradients_are_those_of_a_slice(rows: int, columns: int, size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(x[:, :, ::rows, ::columns].shape, dtype=torch.float64)
    grads = [
        torch.autograd.grad((y * weight).sum(), x)[0]
        for y in (every_pixel(x, rows, columns), x[:, :, ::rows, ::columns])
    ]
    assert torch.equal(every_pixel(x, rows, columns), x[:, :, ::rows, ::columns])
    assert torch.equal(every_pixel(x.detach(), rows, columns), x[:, :, ::rows, ::columns])
    assert torch.equal(*grads)


def test_the_gradient_lies_in_memory_as_the_map_does() -> None:
    x = torch.rand(2, 3, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    every_pixel(x, 2, 2).sum().backward()
    assert x.grad is not None and x.grad.stride() == x.stride()


def test_norms_of_residual_networks_get_gradients_with_channels_last() -> None:
    network = build_model("ms-resnet18", width=8, steps=2, input_shape=(3, 16, 16)).train()
    strides: list[tuple[int, ...]] = []

    def seen(module: nn.Module, into: object, out: tuple[Tensor, ...]) -> None:
        if out[0].shape[0] > 2:  # the stem runs once per image, and its gradient is a sum over the steps
            strides.append(out[0].stride())

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_full_backward_hook(seen)
    network(torch.rand(2, 3, 16, 16)).sum().backward()
    assert len(strides) >= 15 and all(each[1] == 1 for each in strides)


class _Picks(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.norm, self.last = nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Linear(32, 3)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        if self.how == "slice":
            y = y[:, :, ::2, ::2]
        elif self.how == "module":
            y = nn.AvgPool2d(1, 2)(y)
        else:
            y = nn.functional.avg_pool2d(y, 1, 2, divisor_override=2 if self.how == "scaled" else None)
        return self.last(y.flatten(1))


def test_a_pool_of_single_pixels_is_no_work_in_a_trace() -> None:
    graphs = [
        trace(_Picks(how).eval(), torch.rand(2, 1, 8, 8)) for how in ("slice", "pool", "module", "scaled")
    ]
    ops = [[layer.op for layer in graph.layers] for graph in graphs]
    assert ops[0] == ops[1] == ops[2] and "pool" not in ops[1]
    assert "pool" in ops[3]  # a window of one pixel that is divided by two computes
    larger = trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.AvgPool2d(2)), torch.rand(2, 1, 8, 8))
    assert "pool" in [layer.op for layer in larger.layers]


def test_maps_without_a_batch_or_without_values() -> None:
    single = torch.rand(3, 5, 5)
    assert torch.equal(every_pixel(single, 2, 2), every_pixel(single.clone().requires_grad_(), 2, 2))
    assert every_pixel(torch.zeros(2, 0, 4, 4, requires_grad=True), 2, 2).shape == (2, 0, 2, 2)
