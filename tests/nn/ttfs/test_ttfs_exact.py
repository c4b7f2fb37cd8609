"""Closed-form first spikes: against a simulation, a sorted reference, finite differences, and published faults."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from axbar.errors import ModelError
from axbar.nn.ttfs import ExactConv2d, ExactLinear, _sorted, exact, exact_conv2d, exact_linear, firing_penalty
from axbar.nn.ttfs.simulate import simulate_exact


def _times(*shape: int, silent: float = 0.3, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    times = torch.rand(*shape, generator=generator, dtype=dtype) * 3
    times[torch.rand(*shape, generator=generator) < silent] = torch.inf
    return times


def _weights(*shape: int, mean: float = 0.2, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=dtype) * 0.4 + mean


def test_closed_form_is_what_a_simulation_finds() -> None:
    times, weight = _times(20, 12), _weights(15, 12)
    closed, stepped = exact_linear(times, weight, 6.0), simulate_exact(times, weight, 6.0, dt=1e-3)
    fired = closed.isfinite()
    assert torch.equal(fired, stepped.isfinite())
    assert 100 < int(fired.sum()) < fired.numel()
    late = (stepped - closed)[fired]
    assert float(late.min()) >= 0
    assert float(late.max()) <= 1e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("stride", "padding", "kernel"), [(1, 1, 3), (2, 1, 3), (2, 0, 1), (3, 2, 2)])
def test_spike_by_spike_equals_sorted_fields(
    dtype: torch.dtype, stride: int, padding: int, kernel: int
) -> None:
    times, weight = _times(9, 4, 9, 8, dtype=dtype), _weights(5, 4, kernel, kernel, dtype=dtype)
    z, pads = times.exp(), (padding, padding)
    ours, slopes = exact._on_cpu(z, weight, math.exp(6.0), stride, pads)
    theirs, _ = _sorted.forward(z, weight, math.exp(6.0), stride, pads)
    assert torch.equal(ours.isfinite(), theirs.isfinite())
    loose = {"rtol": 1e-3, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-12}
    torch.testing.assert_close(ours, theirs, **loose)
    given = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2), dtype=dtype)
    fired = ours.isfinite()
    shares = torch.where(fired, given / (slopes * ours), 0)
    back = exact._back_on_cpu(z, weight, ours, slopes, given, stride, pads)
    same = _sorted.backward(z, weight, torch.where(fired, ours, 0), shares, stride, pads)
    for one, other in zip(back, same, strict=True):
        torch.testing.assert_close(one, other, **loose)


def test_gradients_are_those_of_finite_differences() -> None:
    times = (
        torch.rand(2, 3, 5, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 3
    ).requires_grad_()
    weight = (
        torch.rand(4, 3, 3, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64) * 0.3
    ).requires_grad_()

    def ends(t: Tensor, w: Tensor) -> Tensor:
        return exact_conv2d(t, w, 6.0, 1, 1).clamp(max=6.0)

    assert torch.autograd.gradcheck(ends, (times, weight))


def test_threads_do_not_change_a_bit() -> None:
    times, weight = _times(12, 4, 6, 6, dtype=torch.float32), _weights(4, 4, 3, 3, dtype=torch.float32)
    before = torch.get_num_threads()
    found: list[tuple[Tensor, ...]] = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            w = weight.clone().requires_grad_()
            out = exact_conv2d(times, w, 6.0, 1, 1)
            out.clamp(max=6.0).sum().backward()
            assert w.grad is not None
            found.append((out.detach(), w.grad))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_neuron_that_needs_all_its_inputs_fires() -> None:
    """The published code compares with 1 behind the last input, and such neurons stay silent."""
    times, weight = torch.rand(50, 10, dtype=torch.float64), torch.full((1, 10), 0.11, dtype=torch.float64)
    found = exact_linear(times, weight, 6.0)
    z = times.exp()
    assert bool(found.isfinite().all())
    torch.testing.assert_close(found[:, 0], (0.11 * z.sum(1) / 0.1).log())


def test_order_of_inputs_and_a_common_shift_change_nothing_else() -> None:
    times, weight = _times(6, 12), _weights(7, 12)
    found = exact_linear(times, weight, 6.0)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(exact_linear(times[:, order], weight[:, order], 6.0), found)
    torch.testing.assert_close(exact_linear(times + 0.7, weight, 6.7), found + 0.7)


def test_silent_inputs_and_a_closed_window_are_silence() -> None:
    weight = torch.tensor([[2.0]])
    assert exact_linear(torch.tensor([[torch.inf]]), weight, 6.0).isinf().all()
    assert exact_linear(torch.tensor([[5.9]]), weight, 6.0).isinf().all()  # would fire at 5.9 + ln 2
    torch.testing.assert_close(
        exact_linear(torch.tensor([[1.0]]), weight, 6.0), torch.tensor([[1.0 + math.log(2.0)]])
    )


def test_weights_that_can_never_fire_are_pushed() -> None:
    weight = torch.tensor([[0.2, 0.3], [0.8, 0.9]], requires_grad=True)
    penalty = firing_penalty(weight)
    torch.testing.assert_close(penalty, torch.tensor(0.25))
    penalty.backward()
    assert torch.equal(weight.grad, torch.tensor([[-0.5, -0.5], [0.0, 0.0]]))


def test_without_numba_times_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    times, weight = _times(3, 4, 6, 6), _weights(5, 4, 3, 3)
    fast = exact_conv2d(times, weight, 6.0, 1, 1)
    monkeypatch.setattr(exact, "_by_events", lambda z: False)
    torch.testing.assert_close(exact_conv2d(times, weight, 6.0, 1, 1), fast)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ExactLinear(2, 2, window=0.0), "a window of 0.0 is no time"),
        (lambda: ExactConv2d(2, 2, window=math.inf), "a window of inf is no time"),
        (lambda: exact_linear(torch.zeros(1, 3), torch.zeros(2, 2), 6.0), "do not fit weights"),
        (lambda: exact_linear(torch.full((1, 2), math.nan), torch.zeros(2, 2), 6.0), "hold NaN"),
        (
            lambda: exact_conv2d(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 5, 5), 6.0),
            "does not fit maps of 2x2",
        ),
    ],
)
def test_what_is_wrong_is_told(make: object, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        make()  # type: ignore[operator]
