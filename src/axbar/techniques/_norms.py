"""Statistics of batch norms, taken anew on images that run through the network as it stands.

A norm divides by the spread that its input has on the images,

    y = gamma (z - mu) / sqrt(var + eps) + beta,        mu = E[z], var = E[(z - mu)^2] per channel.

Moments are those of all images together, whatever the batches: parts of n_a and n_b values merge by the law
of total variance,

    mu = (n_a mu_a + n_b mu_b) / n,    n var = n_a var_a + n_b var_b + (mu_b - mu_a)^2 n_a n_b / n,

(Chan, Golub & LeVeque, The American Statistician 1983). The mean of batch variances, which a
cumulative average of ``nn.BatchNorm`` keeps, leaves the last term out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from axbar.calibration import CalibrationSource, run
from axbar.errors import ModelError, UsageError
from axbar.nn.norm import is_norm

__all__ = ["Mode", "Moments", "adapt_norms", "norms_of", "statistics_of"]

Mode = Literal["joint", "sequential"]
_Hook = Callable[[nn.Module, Tensor], None]


class Moments:
    """Mean and population variance per channel of values that come in parts.

    Attributes:
        count: values per channel so far.
        mean, var: ``[C]`` float64.
    """

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.mean = torch.zeros(channels, dtype=torch.float64)
        self.var = torch.zeros(channels, dtype=torch.float64)

    def add(self, z: Tensor) -> Moments:
        """Take in ``z [N, C, ...]``, not empty; return the moments of ``z`` alone."""
        other = Moments(z.shape[1])
        axes = [axis for axis in range(z.dim()) if axis != 1]
        wide = z.detach() if z.element_size() >= 4 else z.detach().float()
        var, mean = torch.var_mean(wide, axes, correction=0)
        other.count = z.numel() // z.shape[1]
        other.mean, other.var = mean.double().cpu(), var.double().cpu()
        self._merge(other)
        return other

    def _merge(self, other: Moments) -> None:
        total = self.count + other.count
        share = other.count / total
        apart = other.mean - self.mean
        self.mean = self.mean + apart * share
        self.var = self.var + (other.var - self.var) * share + apart**2 * share * (1 - share)
        self.count = total

    def write(self, norm: nn.Module) -> None:
        """Make these the running statistics of ``norm``, in place."""
        with torch.no_grad():
            _buffer(norm, "running_mean").copy_(self.mean)
            _buffer(norm, "running_var").copy_(self.var)


def _buffer(norm: nn.Module, name: str) -> Tensor:
    found = getattr(norm, name)
    assert isinstance(found, Tensor)
    return found


def norms_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the batch norms with running statistics by path: ``nn.BatchNorm*``, tdBN, what says ``is_norm``.

    Raises:
        UsageError: there is none.
    """
    found = {path: module for path, module in model.named_modules() if _has_statistics(module)}
    if not found:
        raise UsageError(
            "the network has no batch norm with running statistics left, which techniques on norms need; train it with "
            "norms, convert it with norms='keep', or use drift-compensate or adc-recalibrate."
        )
    return found


def statistics_of(model: nn.Module) -> int:
    """Return how many running means and variances the batch norms of a network hold."""
    return sum(2 * _channels(norm) for norm in norms_of(model).values())


def _has_statistics(module: nn.Module) -> bool:
    return is_norm(module) and all(
        isinstance(getattr(module, name, None), Tensor) for name in ("running_mean", "running_var")
    )


def adapt_norms(model: nn.Module, images: Tensor, batch_size: int, mode: Mode = "joint") -> int:
    """Recompute the running statistics of all batch norms on ``images``, in place; nothing else changes.

    ``joint``: one pass; each norm uses the moments of the batch while it runs, and ends with those of all
    images. ``sequential``: norm by norm in the order in which they run, each behind adapted ones, so that
    every norm sees exactly what it will see later; a pass per norm, cut off where the norm is reached.
    Norms that no image reaches keep their statistics.

    Args:
        model: any network; modes and parameters stay.
        images: ``[N, ...]``.
        batch_size: images at a time; matters to ``joint`` (small batches, noisy moments).

    Returns:
        Forward passes of one image through the network that this took, passes cut short counted as whole.

    Raises:
        UsageError: the network has no batch norm.
        ModelError: the input of a norm is not finite.
    """
    norms = norms_of(model)
    parts = -(-len(images) // batch_size)
    source = CalibrationSource(images, -(-len(images) // parts))  # no small batch at the end
    if mode == "joint":
        moments = {path: Moments(_channels(norm)) for path, norm in norms.items()}

        def use_batch(path: str) -> _Hook:
            return lambda norm, z: moments[path].add(z).write(norm)

        with _hooks({norm: use_batch(path) for path, norm in norms.items()}):
            run(model, source)
        for path, norm in norms.items():
            _finish(moments[path], norm, path)
        return len(images)
    calls = _calls(model, norms, images[:1])
    for path in calls:
        _adapt_one(model, norms[path], path, source, calls[path])
    return len(images) * len(calls) + 1


def _adapt_one(model: nn.Module, norm: nn.Module, path: str, source: CalibrationSource, calls: int) -> None:
    """Adapt one norm, stopping each batch at its last call."""
    moments = Moments(_channels(norm))
    for batch in source:
        seen = Counter[str]()

        def record(_norm: nn.Module, z: Tensor, seen: Counter[str] = seen) -> None:
            moments.add(z)
            seen[path] += 1
            if seen[path] == calls:
                raise _Reached

        with _hooks({norm: record}):
            try:
                run(model, CalibrationSource(batch, len(batch)))
            except _Reached:
                pass
    _finish(moments, norm, path)


class _Reached(Exception):
    """The layer of interest has run; the rest of the pass is not needed."""


def _finish(moments: Moments, norm: nn.Module, path: str) -> None:
    if not moments.count:
        return
    if not bool(torch.isfinite(moments.mean).all() and torch.isfinite(moments.var).all()):
        raise ModelError(f"the input of norm '{path}' holds NaN or infinity, so it has no statistics.")
    moments.write(norm)


def _channels(norm: nn.Module) -> int:
    return _buffer(norm, "running_mean").numel()


def _calls(model: nn.Module, norms: dict[str, nn.Module], image: Tensor) -> Counter[str]:
    """Return how often each norm runs in one pass, in the order of first runs."""
    calls = Counter[str]()

    def count(path: str) -> _Hook:
        return lambda _norm, _z: calls.update((path,))

    with _hooks({norm: count(path) for path, norm in norms.items()}):
        run(model, CalibrationSource(image, 1))
    return calls


@contextmanager
def _hooks(hooks: dict[nn.Module, _Hook]) -> Iterator[None]:
    """Call ``hook(norm, z)`` before each norm runs on ``z``."""

    def before(hook: _Hook) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        return lambda module, inputs: hook(module, inputs[0])

    handles = [norm.register_forward_pre_hook(before(hook)) for norm, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
