"""Convolutions as tensor trains: four small kernels in place of one of 3×3.

A kernel W [O, I, 3, 3] as a tensor train of one rank r (Lee, Yin, Kim, Moitra, Li and Panda, "TT-SNN", DATE 2024):

| core | kernel | channels | weights |
|---|---|---|---|
| ``reduce`` | 1×1 | I → r | I r |
| ``vertical`` | 3×1 | r → r | 3 r² |
| ``horizontal`` | 1×3 | r → r | 3 r² |
| ``expand`` | 1×1 | r → O | r O |

With h = reduce ∗ x, and none of the cores behind one another but by convolution,

    sequential  ``stt``    y = expand ∗ (horizontal ∗ (vertical ∗ h))
    parallel    ``ptt``    y = expand ∗ (vertical ∗ h + horizontal ∗ h)
    half        ``htt``    as parallel on the first steps, ⌊T/2⌋ unless told otherwise; y = expand ∗ h on the others

so that a half layer of T = 1 never runs its middle cores (the paper has T = 4 and 6; for odd T the smaller half is our
choice). The paper halves the parallel sum; here the ½ stands in the weights of both middle cores.

A stride s is taken inside (``subsample``: the numbers of the merged kernel at that stride), or the layer runs at stride
1 and a max pool of s × s follows, as the training code published with the paper has it (``maxpool``): another function,
at s² times the outputs.

The cores are convolutions like others: what traces, prunes, quantises or maps a network finds them by itself. What the
four make together is one linear map, ``axbar.techniques`` merges it into dense kernels; a half layer becomes
``HalfConv2d``, one kernel for either half of the steps.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import ModelError, is_whole, unknown_name
from axbar.nn._pixels import every_pixel

__all__ = ["HalfConv2d", "Mode", "StrideRule", "TTConv2d", "full_steps"]

Mode = Literal["stt", "ptt", "htt"]
StrideRule = Literal["subsample", "maxpool"]
#: up to this rank one kernel of nine taps, four of them empty, trains faster than two kernels and a sum (measured)
_ONE_KERNEL = 16


def full_steps(steps: int, asked: int | None = None) -> int:
    """Return on how many of ``steps`` steps a half layer runs its middle cores: as asked, or the first ⌊T/2⌋.

    Raises:
        ModelError: there are not so many.

    >>> full_steps(5)
    2
    """
    if asked is None:
        return steps // 2
    if not is_whole(asked, 0, steps):
        raise ModelError(
            f"full_steps = {asked} of a half layer of {steps} steps is out of range; give 0 to {steps}."
        )
    return asked


class _BySteps(nn.Module):
    """What treats the first ``full`` steps of ``[T·B, C, H, W]``, T outermost, unlike the others."""

    steps: int
    full: int

    def _early(self, x: Tensor) -> int:
        """Return how many entries belong to the first steps.

        Raises:
            ModelError: the entries are no T steps.
        """
        if x.shape[0] % self.steps:
            raise ModelError(
                f"{type(self).__name__} of {self.steps} steps got {x.shape[0]} entries; it takes [T·B, C, H, W] with "
                "all steps in one call, time outermost."
            )
        return x.shape[0] // self.steps * self.full

    def keep_steps(self, steps: int) -> None:
        """Run on the first ``steps`` steps from now on, in place; each does what it did."""
        self.steps, self.full = steps, min(self.full, steps)


class TTConv2d(_BySteps):
    """A convolution of 3×3, padding 1, as four cores.

    Args:
        in_channels, out_channels, rank: I, O, r.
        mode: ``stt``, ``ptt`` or ``htt``.
        stride: 1 or 2.
        stride_rule: how a stride is taken.
        steps: T; only a half layer must know it.
        full: steps on which a half layer runs its middle cores; None: ⌊T/2⌋.
        bias: of the last core.

    Raises:
        ModelError: a size or name is out of range.

    >>> TTConv2d(8, 16, rank=4)(torch.rand(2, 8, 6, 6)).shape
    torch.Size([2, 16, 6, 6])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        rank: int,
        mode: Mode = "ptt",
        stride: int = 1,
        stride_rule: StrideRule = "subsample",
        steps: int = 1,
        full: int | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if mode not in get_args(Mode):
            raise ModelError(unknown_name("mode of a tensor train", mode, get_args(Mode)))
        if stride_rule not in get_args(StrideRule):
            raise ModelError(unknown_name("rule for strides", stride_rule, get_args(StrideRule)))
        if not (is_whole(rank, 1) and is_whole(steps, 1) and stride in (1, 2)):
            raise ModelError(
                f"a tensor train needs a rank and steps of 1 or more and a stride of 1 or 2, got rank = {rank}, "
                f"steps = {steps}, stride = {stride}."
            )
        rank, steps = int(rank), int(steps)
        self.in_channels, self.out_channels, self.rank = in_channels, out_channels, rank
        self.mode: Mode = mode
        self.stride, self.steps, self.full = stride, steps, full_steps(steps, full)
        self.stride_rule: StrideRule = stride_rule
        inner = stride if stride_rule == "subsample" else 1
        self.reduce = nn.Conv2d(in_channels, rank, 1, bias=False)
        self.vertical = nn.Conv2d(rank, rank, (3, 1), stride=(inner, 1), padding=(1, 0), bias=False)
        self.horizontal = nn.Conv2d(rank, rank, (1, 3), stride=(1, inner), padding=(0, 1), bias=False)
        self.expand = nn.Conv2d(rank, out_channels, 1, bias=bias)
        self.pool = (
            nn.MaxPool2d(stride, ceil_mode=True) if stride > 1 and stride_rule == "maxpool" else nn.Identity()
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw fresh cores from torch's global generator, each as torch draws a convolution (as published).

        The variance of the output falls by about 3 a core, which a norm behind the layer undoes; larger cores would
        learn slower behind one.
        """
        for core in (self.reduce, self.vertical, self.horizontal, self.expand):
            core.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[N, O, H/s, W/s]`` of ``[N, I, H, W]``; a half layer takes N = T·B.

        Raises:
            ModelError: the entries of a half layer are no T steps.
        """
        if self.mode == "stt":
            return self.pool(self.expand(self.horizontal(self.vertical(self.reduce(x)))))
        if self.mode == "ptt":
            return self.pool(self.expand(self._cross(self.reduce(x))))
        return self.pool(self.expand(self._halves(x, self._early(x))))

    def _cross(self, h: Tensor) -> Tensor:
        step = self.stride if self.stride_rule == "subsample" else 1
        plain = _is_plain(self.vertical) and _is_plain(self.horizontal)
        if self.training and plain and (step > 1 or self.rank <= _ONE_KERNEL):
            down, across = self.vertical.weight, self.horizontal.weight
            return F.conv2d(h, F.pad(down, (1, 1)) + F.pad(across, (0, 0, 1, 1)), stride=step, padding=1)
        # Each core strides along its own three taps; across them entries are left out before, which gives the same
        # numbers without strided kernels of one tap (see ``SpikingNetwork.ready``).
        columns, rows = every_pixel(h, 1, step), every_pixel(h, step, 1)
        return self.vertical(columns).add_(self.horizontal(rows))

    def _halves(self, x: Tensor, early: int) -> Tensor:
        step = self.stride if self.stride_rule == "subsample" else 1
        if early == x.shape[0]:
            return self._cross(self.reduce(x))
        if not early:
            return self.reduce(every_pixel(x, step, step))
        if step == 1:
            h = self.reduce(x)
            return torch.cat([self._cross(h[:early]), h[early:]])
        late = self.reduce(every_pixel(x[early:], step, step))
        return torch.cat([self._cross(self.reduce(x[:early])), late])

    def extra_repr(self) -> str:
        """Show sizes in ``print(model)``."""
        stride = f", stride={self.stride} ({self.stride_rule})" if self.stride > 1 else ""
        steps = f", full on {self.full} of {self.steps} steps" if self.mode == "htt" else ""
        return f"{self.in_channels}, {self.out_channels}, rank={self.rank}, mode={self.mode}{stride}{steps}"


def _is_plain(core: nn.Module) -> bool:
    """Whether a core is no more than its weight: none of a chip or on a grid, pruned, or watched."""
    watched = core._forward_hooks or core._forward_pre_hooks or core._backward_hooks
    return type(core) is nn.Conv2d and "weight" in core._parameters and not watched


class HalfConv2d(_BySteps):
    """What a half layer merges into: a kernel of 3×3 on the first steps, one of 1×1 on the others.

    The 1×1 kernel is not the centre of the other: it has no middle core in it.

    Args:
        in_channels, out_channels: I, O.
        stride: of both kernels.
        steps: T.
        full: steps of the kernel of 3×3; None: ⌊T/2⌋.
        bias: of both.

    >>> HalfConv2d(8, 16, steps=4)(torch.rand(4 * 2, 8, 6, 6)).shape
    torch.Size([8, 16, 6, 6])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        steps: int = 1,
        full: int | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if not is_whole(steps, 1):
            raise ModelError(f"a half layer needs steps of 1 or more, got {steps!r}.")
        self.stride, self.steps, self.full = stride, steps, full_steps(steps, full)
        self.early = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=bias)
        self.late = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[T·B, O, H/s, W/s]`` of ``[T·B, I, H, W]``.

        Raises:
            ModelError: the entries are no T steps.
        """
        early, parts = self._early(x), list[Tensor]()
        if early or not len(x):
            parts.append(self.early(x[:early]))
        if early < x.shape[0]:
            parts.append(self.late(every_pixel(x[early:], self.stride, self.stride)))
        return torch.cat(parts)

    def extra_repr(self) -> str:
        """Show the steps in ``print(model)``."""
        return f"full on {self.full} of {self.steps} steps"
