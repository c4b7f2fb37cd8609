# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""The constants of another library's neuron, read from its class name and attributes, as an axbar neuron.

Nothing of these libraries is imported. β decay, θ threshold, k input scale; A, B, C as in ``axbar.nn._recurrence``:

| class | recurrence |
|---|---|
| snnTorch ``Leaky``, ``Synaptic`` | B; with ``reset_delay=False`` ``PromptLIF`` (A while h ≤ 2θ); zero: C; all strict |
| snnTorch ``Lapicque`` | B with β = 1 − Δt/(RC), k = Δt/C; its attribute ``beta`` enters only through C |
| SpikingJelly ``LIFNode`` | β = 1 − 1/τ, k = 1/τ or 1 (``decay_input``); ``v_reset`` None: A, 0: C |
| SpikingJelly ``ParametricLIFNode``, ``IFNode`` | the same with 1/τ = σ(w); with β = 1, k = 1 |
| Norse ``LIFBoxCell`` | β = 1 − Δt/τ, k = Δt/τ, strict; ``reset_value``: C, ``reset_subtract``: A |
| Norse ``LIFCell``, ``LIF`` | C behind a current that decays by α = 1 − Δt/τ_syn, strict |
| Norse ``IAFCell``, ``IAF`` | C with β = 1, k = 1, strict |
| sinabs ``LIF`` | β = exp(−1/τ), k = 1 − β or 1 (``norm_input``), times α = exp(−1/τ_syn) if there is a current |
| sinabs ``IAF`` | the same with β = 1, k = 1; ``MembraneSubtract``: A, ``MembraneReset``: C |

Checked against snnTorch 1.0.0, SpikingJelly 2.0.0, Norse 1.1.0 and sinabs 3.1.3; whether another version still computes
that is found out by running each neuron (``_live_check``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn._recurrence import Constant, Reset
from axbar.workload.interchange._live_neurons import (
    Convention,
    ImportedLIF,
    ImportedPromptLIF,
    ImportedSynapticLIF,
    NorseCell,
    NorseSequence,
    Sinabs,
    SinabsSqueezed,
    SnnTorch,
    SpikingJelly,
)

__all__ = ["Live", "live_of", "read"]

_NAMES = {"snntorch": "snnTorch", "spikingjelly": "SpikingJelly", "norse": "Norse", "sinabs": "sinabs"}
#: classes of these libraries that keep a state, by the name of their common base
_STATEFUL = {"SpikingNeuron", "MemoryModule", "NonSpikingBaseNode", "SNNCell", "SNN", "SNNRecurrentCell",
             "SNNRecurrent", "StatefulLayer"}  # fmt: skip
#: attributes that neurons of a library have, and its other modules do not (Norse's encoders of inputs have the same)
_THRESHOLDS = {"snntorch": "threshold", "spikingjelly": "v_threshold", "sinabs": "spike_threshold"}


@dataclass(frozen=True)
class Live:
    """A neuron layer of another library: where it stands, which class of the library it is."""

    path: str
    module: Any
    library: str
    name: str

    def get(self, attribute: str, *default: Any) -> Any:
        """Return an attribute.

        Raises:
            ModelError: it is absent and has no default.
        """
        try:
            return getattr(self.module, attribute, *default)
        except AttributeError:
            raise ModelError(
                f"{self.label} has no attribute '{attribute}', so this version of {_NAMES[self.library]} is not known "
                "here; rebuild the layer as an axbar.nn neuron."
            ) from None

    @property
    def label(self) -> str:
        """Say which module this is, for an error."""
        return f"the neuron '{self.path or '(the network itself)'}' ({_NAMES[self.library]} {self.name})"

    def refuse(self, attribute: str, value: Any, supported: str) -> ModelError:
        """Return the error for a setting that has no equal here."""
        text = getattr(value, "__name__", None) or str(value.tolist() if isinstance(value, Tensor) else value)
        return ModelError(
            f"{self.label} has {attribute} = {text}, which no axbar neuron computes; supported: {supported}."
        )

    def only(self, attribute: str, value: Any, allowed: Any, supported: str) -> None:
        """Refuse all values but one."""
        same = value is allowed or (value is not None and allowed is not None and _equals(value, allowed))
        if not same:
            raise self.refuse(attribute, value, supported)


def _equals(value: Any, allowed: Any) -> bool:
    if isinstance(value, Tensor):
        return bool((value == allowed).all())
    return bool(value == allowed)


def live_of(path: str, module: nn.Module) -> Live | None:
    """Return what a module is if it is a neuron of a known library, or of a subclass of one.

    A neuron has the base of that library's stateful layers, or in versions without it a known name or a threshold.
    """
    bases = [base for base in type(module).__mro__ if _library(base)]
    if not bases:
        return None
    library = _library(bases[0])
    known = any(base.__name__ in _STATEFUL or base.__name__ in _READERS[library] for base in bases)
    if not known and not hasattr(module, _THRESHOLDS.get(library, "")):
        return None
    return Live(path, module, library, bases[0].__name__)


def _library(cls: type) -> str:
    root = cls.__module__.partition(".")[0]
    return root if root in _NAMES else ""


def read(live: Live) -> nn.Module:
    """Return the axbar neuron that computes what a live one does, with the same way of being called.

    Raises:
        ModelError: the class or one of its settings has no equal here, naming it.
    """
    table = _READERS[live.library]
    if live.name not in table:
        raise ModelError(
            f"{live.label} has no equal in axbar; supported classes of {_NAMES[live.library]}: {', '.join(table)}."
        )
    return table[live.name](live)


def _constant(value: Any) -> Constant:
    """Return a number, or a tensor where neurons differ."""
    if not isinstance(value, Tensor):
        return float(value)
    values = value.detach()
    if bool((values == values.flatten()[0]).all()):
        return float(values.flatten()[0])
    return values.clone()


# --- snnTorch


def _snntorch(live: Live) -> tuple[Constant, SnnTorch]:
    """Check what all its neurons share; return threshold and calling convention."""
    live.only("inhibition", live.get("inhibition"), False, "False")
    live.only("state_quant", live.get("state_quant"), False, "False (quantise with a technique of axbar)")
    live.only("graded_spikes_factor", live.get("graded_spikes_factor", 1.0), 1.0, "1 (spikes are 0 or 1)")
    mechanism = live.get("reset_mechanism")
    if mechanism not in ("subtract", "zero"):
        raise live.refuse("reset_mechanism", mechanism, "'subtract' and 'zero'")
    hidden = bool(live.get("init_hidden"))
    delayed = bool(live.get("reset_delay", True))
    return _constant(live.get("threshold")), SnnTorch(
        hidden=hidden, output=bool(live.get("output")) or not hidden, late_zero=mechanism == "zero" and delayed,
        synaptic=live.name == "Synaptic",
    )  # fmt: skip


def _leaky(live: Live) -> nn.Module:
    threshold, convention = _snntorch(live)
    beta = _clamped(live.get("beta"))
    if live.get("reset_mechanism") == "zero":
        return ImportedLIF(beta, threshold, "zero", strict=True).calls(convention)
    if live.get("reset_delay", True):
        return ImportedLIF(beta, threshold, "subtract_unleaked", strict=True).calls(convention)
    return ImportedPromptLIF(beta, threshold, "subtract", strict=True).calls(convention)


def _synaptic(live: Live) -> nn.Module:
    threshold, convention = _snntorch(live)
    delayed, zero = bool(live.get("reset_delay", True)), live.get("reset_mechanism") == "zero"
    if delayed == zero:  # a late reset to zero also drops the input; a prompt subtraction is not built
        raise live.refuse(
            "reset_delay", delayed, "True with reset_mechanism 'subtract', False with reset_mechanism 'zero'"
        )
    neuron = ImportedSynapticLIF(
        _clamped(live.get("alpha")), _clamped(live.get("beta")), threshold,
        "zero" if zero else "subtract_unleaked", strict=True,
    )  # fmt: skip
    return neuron.calls(convention)


def _clamped(value: Any) -> Constant:
    return _constant(torch.as_tensor(value).detach().clamp(0, 1))


def _lapicque(live: Live) -> nn.Module:
    threshold, convention = _snntorch(live)
    mechanism = live.get("reset_mechanism")
    if mechanism != "subtract":  # its reset to zero comes a step late and drops that step's input
        raise live.refuse("reset_mechanism", mechanism, "'subtract'")
    r, c, dt = (torch.as_tensor(live.get(name)).double() for name in ("R", "C", "time_step"))
    return ImportedLIF(
        _constant(1 - dt / (r * c)), threshold, "subtract_unleaked", _constant(dt / c), strict=True
    ).calls(convention)


# --- SpikingJelly


def _spikingjelly(live: Live, beta: Constant, scale: Constant) -> nn.Module:
    v_reset = live.get("v_reset")
    if v_reset is not None and float(v_reset) != 0.0:
        raise live.refuse("v_reset", v_reset, "None (subtract) and 0")
    surrogate = live.get("surrogate_function")
    live.only("surrogate_function.spiking", getattr(surrogate, "spiking", True), True, "True")
    mode = live.get("step_mode", "s")
    if mode not in ("s", "m"):
        raise live.refuse("step_mode", mode, "'s' and 'm'")
    neuron = ImportedLIF(
        beta, _constant(live.get("v_threshold")), "subtract" if v_reset is None else "zero", scale, strict=False,
        detach_reset=bool(live.get("detach_reset", True)),
    )  # fmt: skip
    return neuron.calls(SpikingJelly(multi=mode == "m"))


def _lif_node(live: Live) -> nn.Module:
    return _decaying(live, 1.0 / float(live.get("tau")))


def _plif_node(live: Live) -> nn.Module:
    return _decaying(live, float(torch.sigmoid(live.get("w").detach())))


def _decaying(live: Live, rate: float) -> nn.Module:
    return _spikingjelly(live, 1.0 - rate, rate if live.get("decay_input") else 1.0)


def _if_node(live: Live) -> nn.Module:
    return _spikingjelly(live, 1.0, 1.0)


# --- Norse


def _norse(live: Live, *, leaky: bool) -> tuple[Any, Reset, Constant]:
    """Check what its neurons share; return parameters, reset and threshold."""
    p = live.get("p")
    if leaky:
        live.only("p.v_leak", p.v_leak, 0.0, "0")
    live.only("p.v_reset", p.v_reset, 0.0, "0")
    method = getattr(p, "reset_method", None)
    resets: dict[Any, Reset] = {None: "zero", "reset_value": "zero", "reset_subtract": "subtract"}
    name = None if method is None else getattr(method, "__name__", str(method))
    if name not in resets:
        raise live.refuse("p.reset_method", name, "reset_value and reset_subtract")
    return p, resets[name], _constant(p.v_th)


def _norse_call(live: Live) -> Convention:
    return NorseCell() if live.name.endswith("Cell") else NorseSequence()


def _rate(live: Live, inverse_tau: Any) -> Constant:
    """Return Δt/τ, in the precision in which the library computes it."""
    return _constant(torch.as_tensor(live.get("dt") * inverse_tau))


def _box(live: Live) -> nn.Module:
    p, reset, threshold = _norse(live, leaky=True)
    rate = _rate(live, p.tau_mem_inv)
    return ImportedLIF(1.0 - rate, threshold, reset, rate, strict=True).calls(_norse_call(live))


def _norse_lif(live: Live) -> nn.Module:
    p, reset, threshold = _norse(live, leaky=True)
    rate = _rate(live, p.tau_mem_inv)
    alpha = 1.0 - _rate(live, p.tau_syn_inv)
    return ImportedSynapticLIF(alpha, 1.0 - rate, threshold, reset, rate, strict=True).calls(
        _norse_call(live)
    )


def _norse_iaf(live: Live) -> nn.Module:
    _, reset, threshold = _norse(live, leaky=False)
    return ImportedLIF(1.0, threshold, reset, strict=True).calls(_norse_call(live))


# --- sinabs


def _sinabs(live: Live) -> nn.Module:
    spike = live.get("spike_fn")
    name = getattr(spike, "__name__", type(spike).__name__)
    if name != "SingleSpike":
        raise live.refuse("spike_fn", name, "SingleSpike (one spike per step)")
    live.only("min_v_mem", live.get("min_v_mem"), None, "None")
    threshold = _constant(live.get("spike_threshold"))
    beta = torch.as_tensor(live.get("alpha_mem_calculated")).detach()
    alpha = live.get("alpha_syn_calculated")
    scale = 1.0 - beta if live.get("norm_input") else torch.ones(())
    reset = _sinabs_reset(live, threshold)
    squeezed = live.name.endswith("Squeeze")
    call = SinabsSqueezed(live.get("batch_size"), live.get("num_timesteps")) if squeezed else Sinabs()
    if alpha is None:
        return ImportedLIF(_constant(beta), threshold, reset, _constant(scale), strict=False).calls(call)
    # Its current decays after the input has joined it: i = α(i + x), which is α times the current here.
    alpha = torch.as_tensor(alpha).detach()
    neuron = ImportedSynapticLIF(
        _constant(alpha),
        _constant(beta),
        threshold,
        reset,
        _constant(scale * alpha),
        strict=False,
    )
    return neuron.calls(call)


def _sinabs_reset(live: Live, threshold: Constant) -> Reset:
    reset = live.get("reset_fn")
    name = getattr(reset, "__name__", type(reset).__name__)
    if name == "MembraneReset":
        live.only("reset_fn.reset_value", reset.reset_value, 0.0, "0")
        return "zero"
    if name != "MembraneSubtract":
        raise live.refuse("reset_fn", name, "MembraneSubtract and MembraneReset")
    if reset.subtract_value is not None:
        live.only("reset_fn.subtract_value", reset.subtract_value, threshold, "None, or the threshold")
    return "subtract"


_READERS: dict[str, dict[str, Callable[[Live], nn.Module]]] = {
    "snntorch": {"Leaky": _leaky, "Synaptic": _synaptic, "Lapicque": _lapicque},
    "spikingjelly": {
        "LIFNode": _lif_node, "SimpleLIFNode": _lif_node, "ParametricLIFNode": _plif_node, "IFNode": _if_node,
        "SimpleIFNode": _if_node,
    },
    "norse": {
        "LIFBoxCell": _box, "LIFCell": _norse_lif, "LIF": _norse_lif, "IAFCell": _norse_iaf, "IAF": _norse_iaf,
    },
    "sinabs": {"LIF": _sinabs, "LIFSqueeze": _sinabs, "IAF": _sinabs, "IAFSqueeze": _sinabs},
}  # fmt: skip
