"""What a die does to each layer: gain and offset per output, the rest that no gain and offset explains, PC2.

With z the ideal dot product of one output over real inputs and z' what the arrays deliver,

    z' = a z + b + rest        a, b by least squares,
    error    = sqrt(sum_c E[(z' - z)^2]      / sum_c var(z)),
    residual = sqrt(sum_c var(z) (1 - rho^2) / sum_c var(z)),    rho the correlation of z and z'.

The residual is what stays after the best affine map of z' back to z, per output: what a batch norm behind the
layer, adapted to the die, cannot mend. Both are relative to the spread of the ideal output.

**PC2** of the weights: the smaller eigenvalue of the 2x2 covariance of the pairs (w, w'), both over max |w|, with w' as
one read finds it (read noise adds its variance). A common gain, whatever it is, gives 0. Repair by batch norm alone is
reported to work while PC2 is below about 1e-2 (arXiv 2305.18416, GLSVLSI 2023). The normalisation there is not public;
ours is stated here, and the limit is to be read as an order of magnitude.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from axbar.calibration import CalibrationSource, run
from axbar.crossbar._analog import AnalogLayer
from axbar.crossbar._effects import Effects
from axbar.crossbar._layers import DigitalLayer
from axbar.crossbar._model import AnalogModel
from axbar.errors import UsageError

__all__ = ["PC2_LIMIT", "LayerDiagnosis", "diagnose", "diagnosis_table", "pc2"]

#: PC2 up to which adapted batch norms are expected to mend a layer
PC2_LIMIT = 1e-2


def pc2(w_ideal: ArrayLike, w_actual: ArrayLike, read_sigma: ArrayLike = 0.0) -> float:
    """Return the smaller eigenvalue of the covariance of ideal and actual weights, both over max |ideal|.

    Taken as the variance across the main axis, which keeps its digits where the pairs almost lie on a line.

    Args:
        w_ideal, w_actual: of the same shape, any unit.
        read_sigma: noise of one read of each actual weight, in the same unit.

    Raises:
        UsageError: shapes differ, or there is no weight.

    >>> pc2([1.0, -1.0, 0.5], [0.5, -0.5, 0.25]) < 1e-16
    True
    """
    ideal, actual = (np.asarray(w, dtype=np.float64) for w in (w_ideal, w_actual))
    if ideal.shape != actual.shape or ideal.size == 0:
        raise UsageError(f"pc2 compares weights pair by pair, got shapes {ideal.shape} and {actual.shape}.")
    scale = float(np.abs(ideal).max())
    if scale == 0.0:
        return 0.0  # all pairs lie on the axis w = 0
    x, y = (ideal - ideal.mean()) / scale, (actual - actual.mean()) / scale
    noise = float(np.mean(np.square(read_sigma))) / scale**2
    angle = 0.5 * math.atan2(2.0 * float((x * y).mean()), float((x * x).mean() - (y * y).mean()) - noise)
    across = float(np.mean((y * math.cos(angle) - x * math.sin(angle)) ** 2))
    return across + noise * math.cos(angle) ** 2


@dataclass(frozen=True, eq=False)
class LayerDiagnosis:
    """What a die does to one layer.

    Attributes:
        layer: path in the network.
        gain, offset: a and b per output, ``[outputs]``; an output that never varies has gain 1. The offset is
            in the unit of the layer's output.
        error: of the output as delivered, relative to the spread of the ideal one.
        residual: of the output after the best affine map per output, relative to the same.
        pc2: of the weights.
    """

    layer: str
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    error: float
    residual: float
    pc2: float

    @property
    def repairable_by_bn(self) -> bool:
        """Whether PC2 is small enough for adapted batch norms, all gains above 0."""
        return self.pc2 <= PC2_LIMIT and bool((self.gain > 0).all())

    def row(self) -> str:
        """Return one line of ``diagnosis_table``."""
        low, high = float(self.gain.min()), float(self.gain.max())
        verdict = "yes" if self.repairable_by_bn else "no"
        return (
            f"{self.layer:<20} {float(self.gain.mean()):9.3f} {low:7.3f} .. {high:<7.3f}"
            f" {self.error:9.3f} {self.residual:9.3f} {self.pc2:10.2e}  {verdict}"
        )


def diagnosis_table(layers: list[LayerDiagnosis]) -> str:
    """Return a text table with a line per layer."""
    head = f"{'layer':<20} {'mean gain':>9} {'gain from .. to':>18} {'error':>9} {'residual':>9} {'PC2':>10}  by BN"
    return "\n".join([head, *(layer.row() for layer in layers)])


class ChannelFit:
    """Least squares of actual against ideal outputs, channel by channel, over parts of the data.

    Sums are centred on the first part, so that large means cost no digits.
    """

    def __init__(self) -> None:
        self._n = 0
        self._centre: NDArray[np.float64] = np.zeros((2, 1, 1))
        self._sums: NDArray[np.float64] = np.zeros((2, 1))
        self._products: NDArray[np.float64] = np.zeros((2, 2, 1))

    def add(self, ideal: NDArray[np.float64], actual: NDArray[np.float64]) -> None:
        """Take in outputs ``[channels, positions]``."""
        if ideal.shape[1] == 0:
            return
        pair = np.stack([ideal, actual])
        if self._n == 0:
            self._centre = pair.mean(axis=2, keepdims=True)
            self._sums, self._products = np.zeros(pair.shape[:2]), np.zeros((2, 2, pair.shape[1]))
        pair = pair - self._centre
        self._n += pair.shape[2]
        self._sums += pair.sum(axis=2)
        self._products += np.einsum("icp,jcp->ijc", pair, pair)

    def result(self) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Return gain and offset ``[channels]``, error and residual.

        Raises:
            UsageError: no data came in.
        """
        if self._n == 0:
            raise UsageError("no image reached the layer, so there is nothing to diagnose; give other data.")
        centred = self._sums / self._n
        cov = self._products / self._n - centred[:, None] * centred[None, :]
        spread, both, delivered = cov[0, 0], cov[0, 1], cov[1, 1]
        ideal_mean, actual_mean = self._centre[..., 0] + centred
        varies = spread > 0
        gain = np.divide(both, spread, out=np.ones_like(spread), where=varies)
        offset = actual_mean - gain * ideal_mean
        raw = spread - 2 * both + delivered + (actual_mean - ideal_mean) ** 2
        explained = np.divide(both**2, delivered, out=np.zeros_like(spread), where=delivered > 0)
        rest = np.clip(spread - explained, 0.0, None)
        total = float(spread.sum())
        if total == 0.0:
            return gain, offset, 0.0 if float(raw.sum()) == 0.0 else math.inf, 0.0
        return gain, offset, math.sqrt(float(raw.sum()) / total), math.sqrt(float(rest.sum()) / total)


def diagnose(analog: nn.Module, data: Any, images: int = 64) -> list[LayerDiagnosis]:
    """Compare each layer of a die with its ideal self on the inputs that it really gets.

    Inputs are those of the die, with the errors of the layers before: each layer answers for its own flaws
    alone. Where flaws upstream all but silence a deep layer, its errors look huge against the little that is left:
    adapt the norms first, then diagnose.

    Args:
        analog: programmed network from ``axbar.to_analog``; not changed.
        data: batch of inputs ``[B, ...]``, a ``CalibrationSource`` or a data split.
        images: how many of them to use, at least 1.

    Returns:
        One diagnosis per layer, in the order of ``chip_layers``.

    Raises:
        UsageError: the network is on no arrays, ``images`` is below 1, or no image reaches a layer.
    """
    if not isinstance(analog, AnalogModel):
        raise UsageError(f"diagnose needs a network from to_analog, got {type(analog).__name__}.")
    if images < 1:
        raise UsageError(f"images = {images} is too few; give at least 1.")
    source = CalibrationSource(CalibrationSource.of(data).x[:images])
    die = copy.deepcopy(analog)  # reads of a noisy die count on; the caller's die must not notice
    ideal = copy.deepcopy(analog).set_effects(Effects.none())
    for layer in ideal.chip_layers.values():
        if isinstance(layer, AnalogLayer):
            layer.take_measured(None)
            layer.output_gain = None
    fits = {path: ChannelFit() for path in die.chip_layers}

    def compare(path: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        twin = ideal.chip_layers[path]

        def hook(_layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            fits[path].add(_channels_first(twin(inputs[0]), twin), _channels_first(output, twin))

        return hook

    for path, layer in die.chip_layers.items():
        layer.register_forward_hook(compare(path))
    run(die, source)
    return [
        LayerDiagnosis(path, *fits[path].result(), _pc2_of(layer)) for path, layer in die.chip_layers.items()
    ]


def _pc2_of(layer: DigitalLayer) -> float:
    noise = layer.read_sigma() if isinstance(layer, AnalogLayer) else 0.0
    return pc2(layer.ideal_weight(), layer.effective_weight(), noise)


def _channels_first(y: Tensor, layer: nn.Module) -> NDArray[np.float64]:
    """Return the dot products alone, without bias, as ``[outputs, positions]``."""
    channel = y.dim() - 3 if isinstance(layer, nn.Conv2d) else y.dim() - 1
    flat = y.detach().movedim(channel, 0).flatten(1) if y.dim() > 1 else y.detach()[:, None]
    flat = flat.double()
    bias = getattr(layer, "bias", None)
    return (flat if bias is None else flat - bias.detach().double()[:, None]).cpu().numpy()
