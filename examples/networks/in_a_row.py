"""Layers in a row, for weights whose keys are their places: ``0.weight``, ``3.weight``, ...

Neurons see ``[T, B, ...]``; what has no memory runs with the steps folded into the batch, and before the first neurons
once per image where the input is constant over time.

**From ReLUs to neurons.** Integrate-and-fire neurons that keep what lies above their threshold have a rate over T steps
that follows the activation of a ReLU, r ≈ a / λ, up to 1 (B. Rueckauer et al., "Conversion of Continuous-Valued Deep
Networks to Efficient Event-Driven Networks for Image Classification", Front. Neurosci. 11:682, 2017; there the weights
are scaled by λ_{l−1} / λ_l). Networks without biases can keep their weights: layer l reads inputs that are smaller by
λ_{l−1}, so its threshold is

    θ_l = λ_l / λ_{l−1},   λ_0 = 1
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from axbar.nn import IF


class InARow(nn.Sequential):
    """Conventional or spiking layers, one after another.

    Args:
        layers: in their order; modules with ``is_neuron = True`` are neurons.
        input_shape: of one sample, ``(C, H, W)``, or ``(T, C, H, W)`` for a sequence of frames.
        classes: K.
        steps: T for which an image is shown; sequences hold their own.
    """

    def __init__(
        self, *layers: nn.Module, input_shape: tuple[int, ...], classes: int, steps: int = 1
    ) -> None:
        super().__init__(*layers)
        self.input_shape, self.classes = tuple(input_shape), classes
        self.steps = input_shape[0] if len(input_shape) == 4 else steps

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return logits ``[T, B, K]`` of images ``[B, C, H, W]`` or sequences ``[B, T, C, H, W]``."""
        batch = x.shape[0]
        if x.ndim == 5:
            x = x.transpose(0, 1).flatten(0, 1)
        for layer in self:
            if not getattr(layer, "is_neuron", False):
                x = layer(x)
                continue
            over_time = x.shape[0] == self.steps * batch
            fold = x.unflatten(0, (self.steps, batch)) if over_time else x.expand(self.steps, *x.shape)
            x = layer(fold).flatten(0, 1)
        return x.unflatten(0, (-1, batch))


def neurons(maxima: Sequence[float]) -> list[IF]:
    """Return neurons for layers whose ReLUs reach ``maxima``, the λ_l above.

    >>> [layer.threshold for layer in neurons([2.0, 1.0])]
    [2.0, 0.5]
    """
    return [IF(threshold=now / last) for now, last in zip(maxima, (1.0, *maxima[:-1]), strict=True)]
