"""One spike per neuron: its time, and what pooling, joining and adding do to times.

A neuron fires once or not at all. Two kinds of layers carry the same thing in two ways (``Spikes``):

    ``early`` values   x = t_end - t, the time that is left until the window of the layer ends; 0 where silent
    times              t itself; infinite where silent

``early`` is what neurons of constant slope compute with (``axbar.nn.ttfs.slope``), the other what neurons in closed
form do (``axbar.nn.ttfs.exact``). All functions here act on spike times and mean the same on both.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from axbar.errors import ModelError

__all__ = ["Spikes", "added", "earliest", "joined", "shuffled"]


class Spikes(NamedTuple):
    """First spikes of a layer.

    Args:
        values: ``[B, ...]``, as above.
        end: time at which the window of the layer ends; before it each neuron has fired, or stays silent.
        early: values are times left, not times.
    """

    values: Tensor
    end: float
    early: bool

    @property
    def fired(self) -> Tensor:
        """True where there is a spike."""
        return self.values > 0 if self.early else self.values.isfinite()

    @property
    def times(self) -> Tensor:
        """Spike times, infinite where silent."""
        if not self.early:
            return self.values
        return torch.where(self.values > 0, self.end - self.values, torch.inf)


def earliest(spikes: Spikes, kernel: int, stride: int, padding: int = 0) -> Spikes:
    """Return the first spike of each window ``[B, C, OH, OW]``: a max-pool of times left.

    >>> earliest(Spikes(torch.tensor([[[[2.0, 0.5]]]]), 3.0, early=False), 1, 2).values.flatten()
    tensor([2.])
    """
    if spikes.early:
        return spikes._replace(values=F.max_pool2d(spikes.values, kernel, stride, padding))
    return spikes._replace(values=-F.max_pool2d(-spikes.values, kernel, stride, padding))


def added(path: Spikes, skip: Spikes, by: str = "time") -> Spikes:
    """Join a path and its skip by addition; a neuron that stays silent counts with the end of its window.

    ``time`` adds spike times, t = t_path + t_skip, and so the ends of both windows: each block comes later than the
    one before it (arXiv 2312.00919). ``value`` adds the times left, t = t_end - (x_path + x_skip), inside the window of
    the path: what addition is in the equivalent ReLU network (Stanojevic et al., Nat. Commun. 15:6793, 2024). Of early
    values both have the same sum, but not the same time.

    Raises:
        ModelError: an unknown way, or ``value`` of neurons in closed form, whose times are no values of a ReLU.
    """
    _check(path, skip)
    if by not in ("time", "value"):
        raise ModelError(f"spikes are added by 'time' or by 'value', not by '{by}'; choose one of them.")
    if path.early:
        end = path.end + skip.end if by == "time" else path.end
        return Spikes(path.values + skip.values, end, True)
    if by == "value":
        raise ModelError(
            "neurons in closed form have no values of a ReLU that could be added; add by time, or take neuron = slope."
        )
    total = path.values.clamp(max=path.end) + skip.values.clamp(max=skip.end)
    fired = path.fired | skip.fired
    return Spikes(torch.where(fired, total, torch.inf), path.end + skip.end, False)


def joined(path: Spikes, skip: Spikes) -> Spikes:
    """Join the channels of a path and its skip, which has been brought to the path's window (``Delay``)."""
    _check(path, skip)
    return Spikes(torch.cat((path.values, skip.values), 1), max(path.end, skip.end), path.early)


def shuffled(spikes: Spikes, groups: int = 2) -> Spikes:
    """Let channels of all groups take turns (Zhang et al., ShuffleNet, CVPR 2018).

    Raises:
        ModelError: the groups do not divide the channels.

    >>> shuffled(Spikes(torch.arange(4.0)[None, :, None, None], 9.0, early=False)).values.flatten()
    tensor([0., 2., 1., 3.])
    """
    channels = spikes.values.shape[1]
    if channels % groups:
        raise ModelError(f"{groups} groups do not divide {channels} channels; give a divisor.")
    by_group = spikes.values.unflatten(1, (groups, channels // groups))
    return spikes._replace(values=by_group.transpose(1, 2).flatten(1, 2))


def _check(path: Spikes, skip: Spikes) -> None:
    if path.early != skip.early:
        raise ModelError("a path of one kind of neurons can't be joined with a skip of the other.")
