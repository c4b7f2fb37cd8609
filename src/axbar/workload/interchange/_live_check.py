# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Whether an imported neuron fires as the live one does, found out by running both.

Attributes say what a neuron computes in the versions that were read; another version, or a subclass, may compute
something else behind the same names. So each neuron runs on a test sequence, together with its import, and is refused
if their spikes differ. Inputs lie around and far above the threshold; some reach it exactly in the first step, which
tells > from ≥. The two may add the same terms in another order and so differ in the last bit of a potential: where
inputs larger or smaller by 1e-5 change the spikes of the import itself, a difference proves nothing.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor

from axbar.errors import ModelError
from axbar.nn._recurrence import Constant, extent
from axbar.workload.interchange._live_read import Live

__all__ = ["check"]

_NEURONS = 64
_NUDGE = 1e-5


def check(live: Live, neuron: Any) -> None:
    """Compare a live neuron with its import on a test sequence; both are left as they were.

    Raises:
        ModelError: their spikes differ, or the live one can't be run.
    """
    original, imported = copy.deepcopy(live.module), copy.deepcopy(neuron)
    x = _sequence(live, neuron)
    with torch.no_grad():
        try:
            theirs = neuron.convention.drive(original, x.clone())
        except Exception as error:  # it is someone else's code
            raise ModelError(
                f"{live.label} can't be run on a test input of shape {tuple(x.shape[1:])}: {type(error).__name__}: "
                f"{error}. Its recurrence can't be checked; rebuild the layer as an axbar.nn neuron."
            ) from error
        ours = neuron.convention.drive(imported, x)
        wrong = (ours != theirs).any(0)
        if bool(wrong.any()):
            nudged = [neuron.convention.drive(imported, x * (1 + nudge)) for nudge in (-_NUDGE, _NUDGE)]
            sure = (nudged[0] == ours).all(0) & (nudged[1] == ours).all(0)
            sure[..., 0] |= _exact(neuron)
            wrong &= sure
    if bool(wrong.any()):
        raise ModelError(
            f"{live.label} fires otherwise than its settings say: {int(wrong.sum())} of {wrong.numel()} neurons differ "
            f"from {neuron!r} on a test input. Its version or a subclass computes something else; rebuild the layer as "
            "an axbar.nn neuron."
        )


def _exact(neuron: Any) -> bool:
    """Whether the first column of the test input reaches the threshold without rounding."""
    return extent(neuron.input_scale) == (1.0, 1.0)


def _sequence(live: Live, neuron: Any) -> Tensor:
    """Return test inputs ``[T, B, ...]``; for neurons that differ, in the shape of their constants."""
    steps, samples = neuron.convention.shape()
    place = next(
        (t for t in [*live.module.parameters(), *live.module.buffers()] if t.is_floating_point()), None
    )
    generator = torch.Generator().manual_seed(0)
    constants = [neuron.beta, neuron.threshold, neuron.input_scale, getattr(neuron, "alpha", 0.0)]
    x = torch.rand((steps, samples, *_shape(constants)), generator=generator)
    x = x.to("cpu" if place is None else place.device)
    # potentials of leaky neurons settle near the input over 1 - beta: quiet and busy samples both
    loud = torch.linspace(0.2, 3.0, samples, device=x.device).view(-1, *([1] * (x.ndim - 2)))
    unit = neuron.threshold / neuron.input_scale
    x = (1.3 * x - 0.3) * loud * unit
    if _exact(neuron):
        x[0, ..., 0] = (unit + torch.zeros_like(x[0]))[..., 0]
    return x


def _shape(constants: list[Constant]) -> tuple[int, ...]:
    shapes = [tuple(c.shape) for c in constants if isinstance(c, Tensor)]
    shape = torch.broadcast_shapes(*shapes) if shapes else ()
    return tuple(shape) if math.prod(shape) > 1 else (_NEURONS,)
