# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Layers of NIR that torch and ``axbar.nn`` lack: scale, 1-d convolution on arrays, sum, delay, integrator.

Values come as ``[N, ...]`` (time folded into the batch) to layers without memory, as ``[T, B, ...]`` to ``Delay``
and ``Integrator``, which like neurons also have a ``step`` with explicit state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from axbar.nn.neurons import Constant, extent

__all__ = ["Conv1d", "Delay", "Integrator", "IntegratorState", "Scale", "Sum", "total"]


class Scale(nn.Module):
    """y = s x, with one factor for all elements or one for each."""

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[N, ...]`` scaled."""
        return x * self.scale


class Conv1d(nn.Conv2d):
    """Convolution along ``[N, C, L]`` as the two-dimensional one of a single row, which maps to arrays."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[N, K, L']``."""
        return super().forward(input.unsqueeze(-2)).squeeze(-2)


def total(parts: Sequence[Tensor]) -> Tensor:
    """Return the sum, from the left.

    Recursive, since ``axbar.trace`` tells operations by the calls that lead to them: turns of a loop would be steps.
    """
    return parts[0] if len(parts) == 1 else total(parts[:-1]) + parts[-1]


class Sum(nn.Module):
    """The sum in front of one node, as a module, so that ``axbar.trace`` tells it from those of other nodes."""

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the sum of equal shapes ``[N, ...]``."""
        return total(parts)


class Delay(nn.Module):
    """Gives back what came in ``steps`` steps ago, zero before; one number of steps, or one for each element.

    Args:
        steps: integers from 0, shape of one sample or of no dimension.
    """

    def __init__(self, steps: Tensor) -> None:
        super().__init__()
        self.steps = [int(n) for n in steps.unique()]
        self._where = [torch.nonzero(steps.reshape(-1) == n).reshape(-1) for n in self.steps]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x[T, B, ...]`` delayed."""
        if len(self.steps) == 1:
            return _late(x, self.steps[0])
        flat = x.flatten(2)
        parts = [
            _late(flat.index_select(2, where.to(x.device)), n)
            for n, where in zip(self.steps, self._where, strict=True)
        ]
        back = torch.argsort(torch.cat(self._where)).to(x.device)
        return torch.cat(parts, 2).index_select(2, back).reshape(x.shape)

    def at(self, past: list[Tensor | None], now: Tensor | None) -> Tensor | None:
        """Return what comes out at one step, ``[B, ...]``; None: nothing yet.

        Args:
            past: what came in at the steps before, None where nothing did.
            now: what comes in at this one; not needed where all delays are a step or more.
        """
        seen = [*past, now]
        sources = [seen[-1 - n] if n < len(seen) else None for n in self.steps]
        like = next((source for source in sources if source is not None), None)
        if like is None or len(self.steps) == 1:
            return like
        parts = [
            (torch.zeros_like(like) if source is None else source)
            .flatten(1)
            .index_select(1, where.to(like.device))
            for source, where in zip(sources, self._where, strict=True)
        ]
        back = torch.argsort(torch.cat(self._where)).to(like.device)
        return torch.cat(parts, 1).index_select(1, back).reshape(like.shape)

    def extra_repr(self) -> str:
        """Show the steps in ``print(model)``."""
        return f"steps={', '.join(map(str, self.steps))}"


def _late(x: Tensor, steps: int) -> Tensor:
    if steps == 0:
        return x
    kept = max(0, x.shape[0] - steps)
    return torch.cat([torch.zeros_like(x[kept:]), x[:kept]])


class IntegratorState(NamedTuple):
    """Synaptic current and potential of one step."""

    current: Tensor
    v: Tensor


class Integrator(nn.Module):
    """Neurons that never fire: v[t] = β v[t−1] + k i[t], i[t] = α i[t−1] + x[t]; they give back v.

    Args:
        beta: decay of the potential per step, 0..1; 1 integrates.
        input_scale: factor k.
        alpha: decay of the current per step; 0 has none.
    """

    is_neuron: ClassVar[bool] = True
    per_neuron: ClassVar[bool] = True
    reset: ClassVar[str] = "none"
    #: none; a finite number because traces hold one
    threshold: ClassVar[float] = 0.0

    def __init__(self, beta: Constant, input_scale: Constant = 1.0, alpha: Constant = 0.0) -> None:
        super().__init__()
        self.beta, self.input_scale, self.alpha = beta, input_scale, alpha

    def forward(self, x: Tensor) -> Tensor:
        """Return the potentials of ``x[T, B, ...]``."""
        state, out = None, list[Tensor]()
        for x_t in x.unbind(0):
            v, state = self.step(x_t, state)
            out.append(v)
        return torch.stack(out)

    def step(self, x: Tensor, state: IntegratorState | None = None) -> tuple[Tensor, IntegratorState]:
        """Advance by one step ``x[B, ...]``; without a state from zero."""
        before = IntegratorState(torch.zeros_like(x), torch.zeros_like(x)) if state is None else state
        current = before.current * self.alpha + x
        v = before.v * self.beta + current * self.input_scale
        return v, IntegratorState(current, v)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move constants that differ from neuron to neuron along with the weights."""
        super()._apply(fn, recurse)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                vars(self)[name] = fn(value)
        return self

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        shown = (f"{name}={extent(getattr(self, name))[0]:g}" for name in ("beta", "input_scale", "alpha"))
        return ", ".join(shown)
