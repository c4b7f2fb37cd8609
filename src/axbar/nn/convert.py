"""Any trained network with element-wise activations as a spiking one, by one call.

Each activation becomes a layer of neurons that send as many spikes as the activation says (``axbar.nn.converted``), and
so does each max-pool, whose neurons send the largest mean of their window; everything between them is linear and stays
as it is. The network sees its input at every step, and its output is the
mean over the T steps of what its last layer gives. What comes before the first neurons is constant over time and runs
once per sample, everything behind them on ``[T·B, ...]``, time outermost.

Thresholds are 1 until they are fitted (``axbar.calibrate`` with ``Thresholds``), which a network needs whose
activations do not lie in -1..1.
"""

from __future__ import annotations

import copy
from typing import Final

from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn._replace import replace_module
from axbar.nn.converted import Converted, Rule
from axbar.nn.network import SpikingNetwork

__all__ = ["ACTIVATIONS", "MAX_STEPS", "SpikingCopy", "to_spiking"]

MAX_STEPS = 4096
#: modules that neurons can take the place of; those that define ``elementwise = True`` join them
ACTIVATIONS: Final[tuple[type[nn.Module], ...]] = (
    nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.Softplus, nn.Hardtanh, nn.ReLU6,
)  # fmt: skip
_POOLS: Final = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool2d)
#: what does not commute with a mean over time, and what to take instead
_REFUSED: Final[dict[type[nn.Module], str]] = {
    nn.Softmax: "leave it out, the largest output is the same",
    nn.LogSoftmax: "leave it out, the largest output is the same",
    nn.LayerNorm: "train with batch norms",
    nn.GroupNorm: "train with batch norms",
    nn.MultiheadAttention: "products of two signals have no rule",
}


class SpikingCopy(nn.Module):
    """A converted network; ``network`` holds it, ``steps`` is T.

    Maps what the network took, ``[B, ...]``, to its outputs at each step, ``[T, B, ...]``.
    """

    def __init__(self, network: nn.Module, steps: int) -> None:
        super().__init__()
        self.network, self.steps = network, steps
        self.config = dict(getattr(network, "config", {}))
        for name in ("input_shape", "classes"):  # what a network says of its data
            if hasattr(network, name):
                setattr(self, name, getattr(network, name))
        self._batch = _Batch()
        for name, module in list(network.named_modules()):
            if isinstance(module, Converted):
                replace_module(network, name, _Folded(module, steps, self._batch))

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs ``[T, B, ...]``.

        Raises:
            ModelError: a branch around all neurons meets one behind them.
        """
        self._batch.size = len(x)
        try:
            out = self.network(x)
        except RuntimeError as error:
            raise ModelError(
                f"the converted network can't run its {self.steps} steps ({error}); a branch that goes around all "
                "neurons, or a reshape that fixes the batch, stands in the way."
            ) from error
        return out if isinstance(self.network, SpikingNetwork) else out.unflatten(0, (self.steps, len(x)))


class _Batch:
    """The batch size of the call that is running."""

    size = 0


class _Folded(nn.Module):
    """Neurons on ``[T·B, ...]``, or on ``[B, ...]`` where all steps are alike."""

    def __init__(self, neuron: Converted, steps: int, batch: _Batch) -> None:
        super().__init__()
        self.neuron, self._steps, self._batch = neuron, steps, batch

    def forward(self, x: Tensor) -> Tensor:
        size = self._batch.size
        sequence = x.expand(self._steps, *x.shape) if len(x) == size else x.unflatten(0, (self._steps, size))
        return self.neuron(sequence).flatten(0, 1)


def to_spiking(
    network: nn.Module, steps: int, rule: Rule = "charge", theta: float = 0.5, threshold: float = 1.0
) -> SpikingCopy:
    """Return a spiking copy of a trained network, in evaluation mode; the network itself stays as it is.

    Args:
        network: maps ``[B, ...]`` to ``[B, ...]``, or one of this package with T = 1.
        steps: T, 1 to 4096.
        rule: ``charge`` for any activation; ``if`` has no negative spikes, for ReLUs; others as in ``Converted``.
        theta: share of the threshold at which neurons fire.
        threshold: of all neurons, until calibrated.

    Raises:
        ModelError: no activation, one without a rule, T out of range, or a layer that does not commute with a mean
            over time.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    >>> to_spiking(net, steps=16)(torch.rand(5, 2)).shape
    torch.Size([16, 5, 1])
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MAX_STEPS:
        raise ModelError(f"steps = {steps!r} is out of range; give a whole number from 1 to {MAX_STEPS}.")
    _check(network)
    made = copy.deepcopy(network).eval()
    found = [name for name, module in made.named_modules(remove_duplicate=False) if _is_activation(module)]
    if not found:
        raise ModelError(
            f"the network has no activation that neurons could take the place of; known modules: {_known()}. "
            "Activations that are called as functions are not seen: use modules."
        )
    for name in found:
        # each place gets neurons of its own, also where one module without weights serves several
        parent, _, child = name.rpartition(".")
        activation = copy.deepcopy(made.get_submodule(name))
        if isinstance(activation, Converted):  # in a block that stands in several places
            continue
        how: Rule = "charge" if isinstance(activation, _POOLS) and rule == "if" else rule
        neurons = Converted(_of_means(activation), how, theta, threshold)
        setattr(made.get_submodule(parent), child, neurons)
    if isinstance(made, SpikingNetwork):
        made.steps = steps
    return SpikingCopy(made, steps).eval()


class _Pooled(nn.Module):
    """A pool on every step ``[T, B, ...]``."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def _is_activation(module: nn.Module) -> bool:
    return isinstance(module, (*ACTIVATIONS, *_POOLS)) or bool(getattr(module, "elementwise", False))


def _of_means(activation: nn.Module) -> nn.Module:
    """Have an activation leave its input alone, which neurons still need, and a pool take all steps."""
    if getattr(activation, "inplace", False):
        vars(activation)["inplace"] = False
    return _Pooled(activation) if isinstance(activation, _POOLS) else activation


def _known() -> str:
    return ", ".join(kind.__name__ for kind in ACTIVATIONS)


def _check(network: nn.Module) -> None:
    if isinstance(network, SpikingNetwork) and network.steps > 1:
        raise ModelError(f"the network spikes already, on {network.steps} steps; give its conventional twin.")
    for name, module in network.named_modules():
        if getattr(module, "is_neuron", False):
            raise ModelError(
                f"layer '{name}' ({type(module).__name__}) spikes already; give a conventional network."
            )
        for kind, instead in _REFUSED.items():
            if isinstance(module, kind):
                raise ModelError(
                    f"layer '{name}' ({kind.__name__}) has no spiking form, as it does not commute with a mean over "
                    f"time; {instead}."
                )
        if not list(module.children()) and type(module).__module__.startswith("torch.nn.modules.activation"):
            if not _is_activation(module):
                raise ModelError(
                    f"layer '{name}' ({type(module).__name__}) is an activation without a rule; known: {_known()}."
                )
