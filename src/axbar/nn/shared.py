"""LIF neurons that take turns on one membrane: a fraction of the memory for the state of a layer.

The C channels of a layer are cut into G groups of C/G that follow one another. A membrane serves one neuron of each
group, the one at the same place in it. Within a step the groups take their turns, and each goes on from the potential
that the one before it left; the first goes on from what the last left a step ago:

    h_g[t] = β v + k x_g[t];   s_g[t] = [h_g[t] ≥ θ];   v = h_g[t] − θ s_g[t]      for g = 1 … G, then for t + 1

written for the reset ``subtract``; the other two go in the same way (``axbar.nn._recurrence``). The potential leaks
before every turn, so G times a step. Membranes are C/G in place of C per place; G = 1 is ``LIF``.

This is one LIF over T·G steps of C/G channels, and is run as one: equal bit for bit, forward and backward, to the loop
over steps and groups.

Cross-channel sharing of EfficientLIF-Net: Kim, Li, Moitra, Yin and Panda, "Sharing leaky-integrate-and-fire neurons
for memory-efficient spiking neural networks", Frontiers in Neuroscience 17:1230002, 2023 (arXiv 2305.18360). That
groups are slices of neighbouring channels, that the leak applies at each turn, and the soft reset with a detached spike
are read from the code that the authors released; there β = 1/4 and k = 3/4.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from axbar.errors import ModelError
from axbar.nn._fused import fused_lif
from axbar.nn._recurrence import LIFState, Reset, lif_loop, lif_step, zero_state
from axbar.nn.neurons import LIF, _full, _sequence, drop_single_spikes
from axbar.nn.surrogate import Surrogate

__all__ = ["SharedLIF"]


class SharedLIF(LIF):
    """LIF neurons of which ``groups`` channels take turns on one membrane.

    Args:
        groups: neurons per membrane; has to divide the channels of the input. Kept as ``share``.
        others: as in ``LIF``, but for one number each.

    Raises:
        ModelError: ``groups`` is no whole number above 0, or a constant is out of range.

    >>> SharedLIF(groups=2, beta=1.0)(torch.tensor([[[0.75, 0.5]], [[0.75, 0.0]]])).tolist()
    [[[0.0, 1.0]], [[1.0, 0.0]]]
    """

    def __init__(
        self,
        groups: int = 2,
        beta: float = 0.5,
        threshold: float = 1.0,
        reset: Reset = "subtract",
        input_scale: float = 1.0,
        strict: bool | None = None,
        surrogate: str | Surrogate = "atan",
        detach_reset: bool = True,
        fused: bool = True,
        mask_single_spikes: bool = False,
    ) -> None:
        super().__init__(
            beta, threshold, reset, input_scale, strict, surrogate, detach_reset, fused, mask_single_spikes
        )
        if isinstance(groups, bool) or int(groups) != groups or groups < 1:
            raise ModelError(
                f"groups = {groups!r} neurons can't share a membrane; give a whole number from 1."
            )
        self.share = int(groups)

    @classmethod
    def of(cls, neuron: LIF, groups: int) -> Self:
        """Return shared neurons with the constants of ``neuron``.

        Raises:
            ModelError: its constants differ from neuron to neuron.
        """
        made = cls(
            groups, neuron.beta, neuron.threshold, neuron.reset, neuron.input_scale, neuron.strict,  # pyright: ignore[reportArgumentType]
            neuron.surrogate, neuron.detach_reset, neuron.fused, neuron.mask_single_spikes,
        )  # fmt: skip
        made._need_uniform()
        return made.train(neuron.training)

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes of ``x[T, B, C, ...]``, same shape, 0 or 1.

        Raises:
            ModelError: ``x`` has no channels or their number is no multiple of ``share``, a constant differs from
                neuron to neuron, or as for ``LIF``.
        """
        self._need_uniform()
        self._need_groups(x, 2)
        x = _sequence(x)
        p = self.params
        # Channels that lie last in memory stay there: the layers around chose that for speed.
        last = x.ndim > 3 and x.stride(2) == 1
        turns = _in_turn(x, self.share, last)
        spikes = fused_lif(turns, p) if self.fused else lif_loop(turns, p)[0]
        spikes = _side_by_side(spikes, self.share, last)
        return drop_single_spikes(spikes) if self.mask_single_spikes else spikes

    def step(self, x: Tensor, state: LIFState | None = None) -> tuple[Tensor, LIFState]:
        """Advance by one step ``x[B, C, ...]``, all groups; the state is that of the C/G channels of membranes.

        Raises:
            ModelError: as for ``forward``, or single spikes are masked, which needs all steps at once.
        """
        self._need_no_mask()
        self._need_uniform()
        self._need_groups(x, 1)
        groups = _full(x).chunk(self.share, dim=1)
        now = zero_state(groups[0]) if state is None else state
        fired: list[Tensor] = []
        for group in groups:
            spikes, now = lif_step(group, now, self.params)
            fired.append(spikes)
        return torch.cat(fired, dim=1), now

    def _need_uniform(self) -> None:
        if not self.params.uniform:
            raise ModelError(
                "neurons that share a membrane need one beta, threshold and input_scale for all; these differ from "
                "neuron to neuron: set numbers, or use axbar.nn.LIF."
            )

    def _need_groups(self, x: Tensor, axis: int) -> None:
        if x.ndim <= axis or x.shape[axis] % self.share:
            shape = "[T, B, C, ...]" if axis == 2 else "[B, C, ...]"
            raise ModelError(
                f"{self.share} groups of channels do not fit an input of shape {tuple(x.shape)}: neurons that share "
                f"membranes take {shape} with C a multiple of the groups."
            )

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        return f"groups={self.share}, {super().extra_repr()}"


def _in_turn(x: Tensor, groups: int, last: bool) -> Tensor:
    """Return ``x[T, B, C, ...]`` as ``[T·G, B, C/G, ...]``, or as ``[T·G, B, ..., C/G]`` with ``last``."""
    if last:
        return x.movedim(2, -1).unflatten(-1, (groups, -1)).movedim(-2, 1).flatten(0, 1)
    return x.unflatten(2, (groups, -1)).movedim(2, 1).flatten(0, 1)


def _side_by_side(turns: Tensor, groups: int, last: bool) -> Tensor:
    """Undo ``_in_turn``."""
    x = turns.unflatten(0, (-1, groups))
    return x.movedim(1, -2).flatten(-2).movedim(-1, 2) if last else x.movedim(1, 2).flatten(2, 3)
