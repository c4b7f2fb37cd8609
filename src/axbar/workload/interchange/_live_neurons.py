# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""axbar neurons that are called as those of another library, so that the code around them runs on.

A convention says how one library calls a neuron: by step or by sequence, with which state, on which axes. All state
that a neuron keeps between steps is dropped by ``forget``, which the imported network calls at each forward pass:
a pass starts from rest.

``ImportedPromptLIF`` is snnTorch's ``reset_delay=False``. The potential is reset within the step, but whether it lies
above the threshold is asked again a step later:

    r = [v₋ > θ];  h = βv₋ + kx − θr;  s = [h > θ];  v = h − θ(s − r)

which is recurrence A as long as no potential passes 2θ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from axbar.errors import ModelError
from axbar.nn._recurrence import LIFState, lif_step, zero_state
from axbar.nn.neurons import LIF, SynapticLIF, SynapticState

__all__ = [
    "Convention",
    "Imported",
    "ImportedLIF",
    "ImportedPromptLIF",
    "ImportedSynapticLIF",
    "NorseCell",
    "NorseSequence",
    "Sinabs",
    "SinabsSqueezed",
    "SnnTorch",
    "SpikingJelly",
]

State = LIFState | SynapticState


class Convention:
    """How a library calls its neurons.

    ``steps_alone``: one call is one step, so that someone else must loop over time.
    """

    steps_alone = True

    def call(self, neuron: Imported, *args: Any, **kwargs: Any) -> Any:
        """Do what the library's ``forward`` does with these arguments."""
        raise NotImplementedError

    def drive(self, module: Any, x: Tensor) -> Tensor:
        """Call a neuron, live or imported, on ``x[T, B, ...]`` from rest; return its spikes ``[T, B, ...]``."""
        raise NotImplementedError

    def shape(self) -> tuple[int, int]:
        """Return a number of steps and of samples that ``drive`` can be called with."""
        return 12, 8


class Imported:
    """What all imported neurons share, mixed into axbar's neuron classes."""

    is_imported = True
    convention: Convention
    carried: State | None = None
    ran: bool = False

    @property
    def samples_first(self) -> bool:
        """Whether a sequence comes as ``[B, T, ...]``; the tracer asks."""
        return type(self.convention) is Sinabs

    def calls(self, convention: Convention) -> Self:
        """Set how the neuron is called; return it."""
        self.convention = convention
        return self

    def forget(self) -> None:
        """Go back to rest."""
        self.carried, self.ran = None, False

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the library's neuron returns, for the same arguments."""
        return self.convention.call(self, *args, **kwargs)

    def sequence(self, x: Tensor) -> Tensor:
        """Return the spikes of ``x[T, ...]`` from rest.

        Raises:
            ModelError: it is the second sequence of one forward pass.
        """
        if self.ran:
            raise ModelError(
                f"an imported {type(self).__name__} got a second sequence in one forward pass, which would continue "
                "where the first ended; give each layer neurons of its own, and call the imported network itself."
            )
        self.ran = True
        return super().forward(x)  # pyright: ignore[reportAttributeAccessIssue]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the state between steps out of copies: it belongs to a pass."""
        return {**vars(self), "carried": None, "ran": False}

    # What snnTorch's networks ask of their neurons at the start of a pass.

    def reset_mem(self) -> Any:
        """Go back to rest; return empty potentials, which stand for rest."""
        self.forget()
        return (torch.zeros(0), torch.zeros(0)) if isinstance(self, SynapticLIF) else torch.zeros(0)

    init_leaky = init_synaptic = init_lapicque = reset_mem


class ImportedLIF(Imported, LIF):
    """``LIF`` called as in another library."""


class ImportedSynapticLIF(Imported, SynapticLIF):
    """``SynapticLIF`` called as in another library."""


class ImportedPromptLIF(Imported, LIF):
    """snnTorch's LIF with a prompt subtraction (see above)."""

    def step(self, x: Tensor, state: LIFState | None = None) -> tuple[Tensor, LIFState]:
        """Advance by one step ``x[...]``; as in ``LIF``."""
        before = zero_state(x) if state is None else state
        p = replace(self.params, reset="subtract_unleaked", strict=True)
        again = (before.v.detach() > self.threshold).to(x.dtype)
        spikes, after = lif_step(x, LIFState(before.v, again), p)
        return spikes, LIFState(after.v - (spikes.detach() - again) * self.threshold, spikes)


@dataclass(frozen=True)
class SnnTorch(Convention):
    """``spk, mem = neuron(x, mem)``; with ``hidden`` the neuron keeps its potential itself.

    ``late_zero``: the potential handed out is the one before the reset to zero.
    """

    hidden: bool
    output: bool
    late_zero: bool
    synaptic: bool

    def call(self, neuron: Any, input_: Tensor, *states: Any, **named: Any) -> Any:
        """One step; without potentials go on from those of the step before."""
        names = ("syn", "mem") if self.synaptic else ("mem",)
        given = [*states, *(named.get(name) for name in names[len(states) :])]
        before = neuron.carried
        if any(value is not None for value in given):
            before = self._state(neuron, input_, given)
        if before is not None and _membrane(before).v.shape != input_.shape:
            before = None
        spikes, state = neuron.step(input_, before)
        neuron.carried = state
        mem = _membrane(state).v
        if self.late_zero:
            rest = torch.zeros_like(input_) if before is None else _membrane(before).v
            mem = rest * neuron.beta + input_
        out = (state.current, mem) if self.synaptic else (mem,)
        return (spikes, *out) if self.output else spikes

    def _state(self, neuron: Any, x: Tensor, given: list[Any]) -> State:
        mem = given[-1]
        mem = torch.zeros_like(x) if mem is None or mem.shape != x.shape else mem
        above = (mem.detach() > neuron.threshold).to(mem.dtype)
        membrane = LIFState(mem * (1 - above) if self.late_zero else mem, above)
        if not self.synaptic:
            return membrane
        syn = given[0]
        return SynapticState(torch.zeros_like(x) if syn is None or syn.shape != x.shape else syn, membrane)

    def drive(self, module: Any, x: Tensor) -> Tensor:
        """Loop over time."""
        module.reset_mem()
        spikes: list[Tensor] = []
        states: tuple[Any, ...] = ()
        for x_t in x.unbind(0):
            out = module(x_t) if self.hidden else module(x_t, *states)
            spikes.append(out[0] if isinstance(out, tuple) else out)
            states = out[1:] if isinstance(out, tuple) else ()
        return torch.stack(spikes)


def _membrane(state: State) -> LIFState:
    return state.membrane if isinstance(state, SynapticState) else state


@dataclass(frozen=True)
class SpikingJelly(Convention):
    """``spikes = neuron(x)`` for a step ``[B, ...]``, or for a sequence ``[T, B, ...]`` if ``multi``."""

    multi: bool

    @property
    def steps_alone(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """By step mode."""
        return not self.multi

    def call(self, neuron: Any, x: Tensor) -> Tensor:
        """One step from the state before, or a sequence from rest."""
        if self.multi:
            return neuron.sequence(x)
        spikes, neuron.carried = neuron.step(x, neuron.carried)
        return spikes

    def drive(self, module: Any, x: Tensor) -> Tensor:
        """Call once, or loop over time."""
        _rest(module, "reset")
        return module(x) if self.multi else torch.stack([module(x_t) for x_t in x.unbind(0)])


def _rest(module: Any, method: str) -> None:
    """Bring a live neuron to rest by its own method, an imported one by ours."""
    getattr(module, "forget" if isinstance(module, Imported) else method)()


class NorseCell(Convention):
    """``spikes, state = neuron(x, state)`` for one step."""

    def call(self, neuron: Any, input_tensor: Tensor, state: Any = None) -> tuple[Tensor, State]:
        """One step."""
        return neuron.step(input_tensor, _own(neuron, state))

    def drive(self, module: Any, x: Tensor) -> Tensor:
        """Loop over time."""
        spikes: list[Tensor] = []
        state = None
        for x_t in x.unbind(0):
            out, state = module(x_t, state)
            spikes.append(out)
        return torch.stack(spikes)


class NorseSequence(NorseCell):
    """``spikes, state = neuron(x, state)`` for a sequence ``[T, B, ...]``."""

    steps_alone = False

    def call(self, neuron: Any, input_tensor: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """All steps, one by one, because the last state is handed out."""
        spikes: list[Tensor] = []
        state = _own(neuron, state)
        for x_t in input_tensor.unbind(0):
            out, state = neuron.step(x_t, state)
            spikes.append(out)
        return torch.stack(spikes), state

    def drive(self, module: Any, x: Tensor) -> Tensor:
        """Call once."""
        return module(x)[0]


def _own(neuron: Any, state: Any) -> State | None:
    if state is None or isinstance(state, LIFState | SynapticState):
        return state
    raise ModelError(
        f"an imported {type(neuron).__name__} was given a {type(state).__name__} to start from; imported neurons start "
        "from rest (state None) or from a state that they returned."
    )


class Sinabs(Convention):
    """``spikes = neuron(x)`` for a sequence with the samples first, ``[B, T, ...]``."""

    steps_alone = False

    def call(self, neuron: Any, input_data: Tensor) -> Tensor:
        """A sequence from rest."""
        return neuron.sequence(input_data.transpose(0, 1)).transpose(0, 1)

    def drive(self, module: Any, x: Tensor) -> Tensor:
        """Call once."""
        _rest(module, "reset_states")
        return module(x.transpose(0, 1)).transpose(0, 1)


@dataclass(frozen=True)
class SinabsSqueezed(Sinabs):
    """The same with samples and time in one axis, ``[B·T, ...]``; -1 for the size that follows from the input."""

    batch_size: int
    num_timesteps: int

    def call(self, neuron: Any, input_data: Tensor) -> Tensor:
        """A sequence from rest."""
        x = input_data.reshape(self.batch_size, self.num_timesteps, *input_data.shape[1:])
        return super().call(neuron, x).flatten(0, 1)

    def drive(self, module: Any, x: Tensor) -> Tensor:
        """Call once."""
        _rest(module, "reset_states")
        folded = module(x.transpose(0, 1).flatten(0, 1))
        return folded.unflatten(0, (x.shape[1], x.shape[0])).transpose(0, 1)

    def shape(self) -> tuple[int, int]:
        """Return what is fixed, and for the other the usual."""
        steps, samples = super().shape()
        return max(self.num_timesteps, 0) or steps, max(self.batch_size, 0) or samples
