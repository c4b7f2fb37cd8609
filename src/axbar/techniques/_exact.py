"""A change of structure must not change what the network computes: both are run on images and compared.

In double precision, on copies: in single precision a sum in another order may move a potential across its threshold,
and one spike more is no sign of a mistake. A network that can't run in double precision is compared as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.techniques._tuning import device_of

__all__ = ["DOUBLE_TOLERANCE", "SINGLE_TOLERANCE", "check_exact"]

#: largest difference of logits, relative to the largest logit, or to 1
DOUBLE_TOLERANCE = 1e-8
SINGLE_TOLERANCE = 1e-4


def check_exact(name: str, fold: Callable[[nn.Module], nn.Module], model: nn.Module, images: Tensor) -> float:
    """Fold a copy of ``model`` and return the largest relative difference of the logits on ``images [B, ...]``.

    Raises:
        ModelError: the folded network gives other logits.
    """
    before, given, tolerance = _double(model, images)
    wanted = _logits(before, given)
    got = _logits(fold(before), given)
    scale = max(1.0, float(wanted.abs().max()))
    apart = float((got - wanted).abs().max()) / scale if got.shape == wanted.shape else float("inf")
    if not apart <= tolerance:
        raise ModelError(
            f"{name} would change this network: logits differ by {apart:.2g} of the largest, more than "
            f"{tolerance:g}; what runs between the layers is more than modules show (padding, reordering), so fold "
            "by hand or leave it out."
        )
    return apart


def _double(model: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor, float]:
    given = images.to(device_of(model))
    wide = copy.deepcopy(model).double()
    try:
        _logits(wide, given.double())
    except RuntimeError:
        return copy.deepcopy(model), given, SINGLE_TOLERANCE
    return wide, given.double(), DOUBLE_TOLERANCE


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return model.eval()(images).detach()
