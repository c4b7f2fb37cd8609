"""Surrogates, and gradients through time against finite differences and against autograd on the step loop."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from axbar.errors import ModelError
from axbar.nn import Atan, LIFParams, Rect, Surrogate, SynapticLIF, Triangle, lif_loop
from axbar.nn._fused import fused_lif, leaky_sum

RESETS = ("subtract", "subtract_unleaked", "zero")


class SmoothAtan(Atan):
    """Fires with the smooth step whose derivative the surrogate is: then gradients are exact derivatives."""

    def fire(self, h: Tensor, theta: float, strict: bool, out: Tensor) -> Tensor:
        u = h - theta
        return out.copy_(0.5 + torch.atan(u * (math.pi * self.alpha / 2)) / math.pi)


def _input(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype).requires_grad_()


@pytest.mark.parametrize("surrogate", [Atan(), Atan(3.0), Triangle(), Triangle(0.5), Rect(), Rect(0.4)])
def test_a_surrogate_is_a_bump_of_unit_area(surrogate: Surrogate) -> None:
    u = torch.linspace(-200, 200, 400_001, dtype=torch.float64)
    slope = surrogate.slope(u)
    assert torch.trapezoid(slope, u).item() == pytest.approx(1.0, abs=5e-3)
    assert slope.argmax() in range(199_000, 201_001)
    assert (slope >= 0).all()
    assert torch.allclose(slope, slope.flip(0))


def test_surrogate_values_by_hand() -> None:
    u = torch.tensor([0.0, 0.25, -0.5, 2.0], dtype=torch.float64)
    assert torch.allclose(Atan().slope(u), 1 / (1 + (math.pi * u) ** 2))
    assert Triangle().slope(u).tolist() == [1.0, 0.75, 0.5, 0.0]
    assert Triangle(2.0).slope(u).tolist() == [0.5, 0.4375, 0.375, 0.0]
    assert Rect(0.8).slope(u).tolist() == [1.25, 1.25, 0.0, 0.0]
    assert torch.equal(u, torch.tensor([0.0, 0.25, -0.5, 2.0], dtype=torch.float64))


@pytest.mark.parametrize("wrong", [(Atan, 0.0), (Triangle, -1.0), (Rect, float("nan"))])
def test_a_surrogate_needs_a_positive_width(wrong: tuple) -> None:
    with pytest.raises(ModelError, match=r"above 0"):
        wrong[0](wrong[1])


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("reset", RESETS)
def test_gradients_are_exact_derivatives_for_a_smooth_step(reset: str, fused: bool) -> None:
    p = LIFParams(0.7, 0.8, reset, 1.3, None, SmoothAtan(), detach_reset=False)  # type: ignore[arg-type]
    run = (lambda x: fused_lif(x, p)) if fused else (lambda x: lif_loop(x, p)[0])
    assert torch.autograd.gradcheck(run, (_input(4, 3, 2),))


def test_leaky_sum_gradient() -> None:
    assert torch.autograd.gradcheck(lambda x: leaky_sum(x, 0.6), (_input(5, 3),))


@pytest.mark.parametrize(
    ("reset", "k", "detach", "strict"),
    list(itertools.product(RESETS, (1.0, 0.3), (True, False), (None, True))),
)
@pytest.mark.parametrize("surrogate", [Atan(), Atan(3.0), Triangle(), Rect(0.7)])
def test_fused_gradient_has_the_bits_of_autograd(
    reset: str, k: float, detach: bool, strict: bool | None, surrogate: Surrogate
) -> None:
    for beta in (0.0, 0.37, 1.0):
        p = LIFParams(beta, 0.8, reset, k, strict, surrogate, detach)  # type: ignore[arg-type]
        x, y = (_input(5, 3, 7, 11, dtype=torch.float32) for _ in range(2))
        weights = _input(5, 3, 7, 11, seed=1, dtype=torch.float32).detach()
        fused, loop = fused_lif(x, p), lif_loop(y, p)[0]
        (fused * weights).sum().backward()
        (loop * weights).sum().backward()
        assert torch.equal(fused, loop)
        assert torch.equal(x.grad, y.grad)
        assert x.grad.abs().sum() > 0


def test_synaptic_gradient_has_the_bits_of_autograd() -> None:
    grads = []
    for fused in (True, False):
        x = _input(6, 40, dtype=torch.float32)
        SynapticLIF(alpha=0.37, beta=0.81, input_scale=0.9, fused=fused)(x).square().sum().backward()
        grads.append(x.grad)
    assert torch.equal(*grads)


def test_gradient_of_the_constant_input_is_summed_over_time() -> None:
    p = LIFParams()
    image, copy = (_input(2, 3, 4, 4, dtype=torch.float32) for _ in range(2))
    fused_lif(image.expand(4, -1, -1, -1, -1), p).sum().backward()
    lif_loop(copy.expand(4, -1, -1, -1, -1), p)[0].sum().backward()
    assert torch.equal(image.grad, copy.grad)


def test_backward_can_run_twice() -> None:
    x = _input(4, 5)
    out = fused_lif(x, LIFParams()).sum()
    out.backward(retain_graph=True)
    once = x.grad.clone()
    out.backward()
    assert torch.equal(x.grad, 2 * once)
