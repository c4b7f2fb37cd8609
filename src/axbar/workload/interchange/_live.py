# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""``from_module``: a live network of snnTorch, SpikingJelly, Norse or sinabs becomes one of axbar.

Its neurons are replaced by axbar's with the same recurrence (``_live_read``), which are called as before
(``_live_neurons``), so that the network's own ``forward`` runs on: loops over time, explicit states, containers. Each
neuron is checked by running it beside the live one (``_live_check``). Everything else stays as it is, but the wrappers
of torch layers in SpikingJelly, which become torch's (``_live_layers``).

Real arithmetic is the same; the order of additions may not be (SpikingJelly and Norse add differences,
v + (x − v)/τ), so that a potential within rounding of the threshold can fire in one and not in the other.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from axbar.errors import ModelError, UsageError
from axbar.workload.interchange._live_check import check
from axbar.workload.interchange._live_layers import plain_layers
from axbar.workload.interchange._live_neurons import (
    Convention,
    Imported,
    NorseCell,
    Sinabs,
    SinabsSqueezed,
    SpikingJelly,
)
from axbar.workload.interchange._live_read import Live, live_of, read

__all__ = ["ImportedNetwork", "adopted", "from_module", "live_neurons"]

#: what other parts of axbar ask a network for
_PASSED_ON = ("config", "input_shape", "classes", "read_out", "steps")


class ImportedNetwork(nn.Module):
    """A network of another library with axbar's neurons, from rest in each call.

    Args:
        network: with imported neurons.
        steps: T; the same input is presented T times. None: the network makes its own steps.

    >>> from_module(nn.Sequential(nn.Linear(2, 2)))
    Sequential(
      (0): Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, network: nn.Module, steps: int | None) -> None:
        super().__init__()
        self.network = network
        for name in _PASSED_ON:
            if hasattr(network, name):
                vars(self)[name] = getattr(network, name)
        self.presented = steps
        if steps is not None:
            self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """Return the first output of the network; ``[T, B, ...]`` if steps were given."""
        neurons = [m for m in self.modules() if isinstance(m, Imported)]
        try:
            for neuron in neurons:
                neuron.forget()
            return self.presenting(x, [neuron.convention for neuron in neurons])
        finally:
            for neuron in neurons:
                neuron.forget()

    def presenting(self, x: Tensor, conventions: list[Convention]) -> Tensor:
        """Call the network as its neurons need it; return ``[T, B, ...]``."""
        steps = self.presented
        if steps is None:
            return _first(self.network(x))
        if any(convention.steps_alone for convention in conventions):
            return self._stepwise(x, steps, any(isinstance(c, NorseCell) for c in conventions))
        if any(isinstance(c, SinabsSqueezed) for c in conventions):
            out = _first(self.network(x.repeat_interleave(steps, 0)))
            return out.unflatten(0, (x.shape[0], steps)).transpose(0, 1)
        if any(isinstance(c, Sinabs) for c in conventions):
            return _first(self.network(x.unsqueeze(1).repeat_interleave(steps, 1))).transpose(0, 1)
        return _first(self.network(x.expand(steps, *x.shape)))

    def _stepwise(self, x: Tensor, steps: int, explicit: bool) -> Tensor:
        outputs: list[Tensor] = []
        state: Any = None
        for _ in range(steps):
            out = self.network(x, state) if explicit else self.network(x)
            state = out[1] if explicit else None
            outputs.append(_first(out))
        return torch.stack(outputs)


def _first(output: Any) -> Tensor:
    while isinstance(output, tuple | list):
        output = output[0]  # pyright: ignore[reportUnknownVariableType]
    return output  # pyright: ignore[reportReturnType]


def from_module(model: nn.Module, steps: int | None = None, example: Tensor | None = None) -> nn.Module:
    """Return an axbar network that fires as a network of snnTorch, SpikingJelly, Norse or sinabs does.

    The libraries themselves are not needed here: their modules are known by class and attributes.

    Args:
        model: not changed. One without neurons of these libraries is returned as it is.
        steps: T, for networks whose call is one step, or takes a sequence: the input ``[B, ...]`` is presented T times
            and the outputs are ``[T, B, K]``. Leave it out for networks that loop over time themselves.
        example: batch ``[B, ...]`` on which the outputs of both must be equal.

    Raises:
        UsageError: ``model`` is no network, or ``example`` no tensor.
        ModelError: a neuron or one of its settings has no equal here, fires otherwise than its settings say, or the
            outputs on the example differ.
    """
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise ModelError(f"steps = {steps!r} is no number of time steps; give 1 or more.")
    _check_types(model, example)
    found = live_neurons(model)
    if not found:
        return model
    network = _copied(model)
    made: dict[int, Any] = {}
    for live in live_neurons(network):
        made[id(live.module)] = _neuron(live)
    if steps is None:
        _check_loops(network, made)
    elif _time_may_lead(network, made):
        for neuron in made.values():
            neuron.convention = SpikingJelly(multi=True)
    imported = ImportedNetwork(plain_layers(_replaced(network, made)), steps).train(model.training)
    if example is not None:
        _compare(model, imported, example)
    return imported


def _check_types(model: object, example: object) -> None:
    if isinstance(model, type):
        raise UsageError(
            f"{model.__name__} is a class, not a network; make one: from_module({model.__name__}(...))."
        )
    if not isinstance(model, nn.Module):
        shown = f" {model!r}" if isinstance(model, str) else ""
        raise UsageError(
            f"a torch.nn.Module is needed, got {type(model).__name__}{shown}; load_network loads networks by name "
            "or file."
        )
    if example is not None and not isinstance(example, Tensor):
        raise UsageError(f"example must be a batch of inputs as a tensor, not {type(example).__name__}.")


def adopted(network: nn.Module, weights: Collection[str] | None = None) -> nn.Module:
    """Return a network ready for axbar: ``from_module`` of one with live neurons, any other as it is.

    Args:
        weights: names of weights to be loaded next. Those saved from the network as it is, with settings of its
            neurons among them, must be loaded before it is imported; then it is returned as it is.
    """
    if weights is not None and not all(key.startswith("network.") for key in weights):
        return network
    return from_module(network)


def live_neurons(model: nn.Module) -> list[Live]:
    """Return the layers of a network that are neurons of another library."""
    found = (live_of(path, module) for path, module in model.named_modules())
    return [live for live in found if live is not None]


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except RuntimeError as error:  # tensors with a history can't be copied
        raise ModelError(
            f"{type(model).__name__} can't be copied: {str(error).splitlines()[0]}. It may hold the state of an "
            "earlier pass; reset its neurons first (reset_mem(), functional.reset_net(net), reset_states())."
        ) from error


def _neuron(live: Live) -> nn.Module:
    neuron = read(live)
    check(live, neuron)
    return neuron.train(live.module.training)


def _check_loops(network: nn.Module, made: dict[int, Any]) -> None:
    """Refuse a bare chain of layers that would be called for one step only."""
    alone = [live for live in live_neurons(network) if _convention(made, live).steps_alone]
    if isinstance(network, nn.Sequential) or id(network) in made:
        where = alone[0].label if alone else live_neurons(network)[0].label
        raise ModelError(
            f"{type(network).__name__} with {where} makes no steps of its own, so their number is not known; "
            "give from_module(network, steps=T), in a factory too."
        )


def _time_may_lead(network: nn.Module, made: dict[int, Any]) -> bool:
    """Whether a network that puts samples before time computes the same with time first, as the tracer needs it."""
    others = [m for m in network.modules() if id(m) not in made and not any(True for _ in m.children())]
    pointwise = all(
        isinstance(m, nn.Linear | nn.Identity | nn.Dropout)
        or (isinstance(m, nn.Flatten) and m.start_dim >= 2)
        for m in others
    )
    samples_first = all(type(n.convention) is Sinabs for n in made.values())
    return type(network) is nn.Sequential and pointwise and samples_first


def _convention(made: dict[int, nn.Module], live: Live) -> Any:
    return made[id(live.module)].convention


def _replaced(network: nn.Module, made: dict[int, Any]) -> nn.Module:
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):  # all names, of one module twice too
            if id(child) in made:
                setattr(parent, name, made[id(child)])
    return made.get(id(network), network)


def _compare(model: nn.Module, imported: ImportedNetwork, example: Tensor) -> None:
    original = ImportedNetwork(_copied(model), imported.presented).eval()
    conventions: list[Any] = [read(live).convention for live in live_neurons(model)]
    with torch.no_grad():
        theirs, ours = original.presenting(example, conventions), copy.deepcopy(imported).eval()(example)
    if theirs.shape != ours.shape or not bool(torch.allclose(theirs, ours, rtol=1e-5, atol=1e-6)):
        raise ModelError(
            f"the import of {type(model).__name__} gives other outputs on the example than the network itself "
            f"({int((theirs != ours).sum()) if theirs.shape == ours.shape else 'shape'} of {theirs.numel()} values); "
            "it may keep states between calls, or reset them within one: import starts each call from rest."
        )
