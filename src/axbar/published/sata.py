"""The training and inference models of SATA, as their open code computes them, for comparison only.

Yin et al., "SATA: Sparsity-Aware Training Accelerator for Spiking Neural Networks", IEEE TCAD 2023; SATA_Sim (MIT).
``axbar.estimate`` on hardware of kind ``systolic`` is another model, which counts from recorded spikes and masks.

Training (back-propagation through time, one sample): the energy is the sum over 14 components of count x unit
energy, in multiply-accumulates of 16 bits (``axbar.cost.training``). With forward words of b bits, W weights, O
outputs and I inputs of a layer, T steps, spike sparsity s, gradient sparsity du and surrogate sparsity df:

    mac_fwd = mac_wup = (1 - s) C R^2 O T        mac_bwd = (1 - du) W H^2 T        lif = pgu = O T

for convolutions, W T for linear layers, and the traffic of ``axbar.cost.training.TRAFFIC`` with T I / b words of
inputs. Forward units (lif, mac_fwd, the memories) are scaled by b/16; a word of 16 bits costs 1 multiply-accumulate
from the scratchpad, 7.02 (1.95 over 0.2779) from the global buffer, 200 from DRAM.

Checked against three points of the published sweep (T = 4; b = 2, 8, 16): all 14 components, six groups and the
total within 1e-6 (``tests/golden/sata_training.csv``).

Quirks, each of which ``Quirks`` switches; all on is the published model, all off the real one at given sparsities:

1 ``overwrites``   a linear layer assigns mac_fwd where it should add: what came before it is lost
2 ``dense_linear`` linear layers ignore every sparsity
3 ``no_output``    the output layer is left out
4 ``no_surrogate`` df is read and never used (off: it gates pgu, and mac_bwd of layers behind neurons)
5 ``hard_coded``   a network may bring its own T and b, which win over what is asked
6 ``dense_memory`` traffic ignores sparsity (off: spikes are packed, one bit per neuron and T per one that fires)
7 ``wide_spikes``  backward and update rows charge a word of 16 bits for b spikes (off: for 16)
8 ``image_gradient`` mac_bwd includes the gradient of the image, which nobody needs

Also, and not to be switched: units are powers, so there is neither time nor leakage; H^2 stands for the output
positions, and inputs of the zero padding count.

Inference: see ``sata_cycles``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Final, cast

from axbar.cost.training import GROUPS, KERNELS, OPERATIONS, TRAFFIC, CYCLE_s, mac_J, packed_bits
from axbar.errors import UsageError, is_whole, unknown_name
from axbar.published.sata_cycles import sata_inference, sata_inference_cycles

__all__ = [
    "LEGACY", "NETS", "REAL", "Quirks", "SataLayer", "SataNet", "SataTraining", "sata_inference",
    "sata_inference_cycles", "sata_training",
]  # fmt: skip

#: price of a word of 16 bits, in mW as the code has them
_MEMORY_mW: Final = {"spad": 0.2779, "glb": 1.95, "dram": 55.58}
_WORD: Final = 16.0


@dataclass(frozen=True)
class SataLayer:
    """One layer as the published workload files describe it.

    Args:
        kind: ``conv``, ``linear``, or ``out_linear`` for the last one.
        inputs, outputs: channels, or features.
        kernel: rows of the kernel.
        in_size, out_size: rows of the maps.
    """

    kind: str
    inputs: int
    outputs: int
    kernel: int = 1
    in_size: int = 1
    out_size: int = 1

    def __post_init__(self) -> None:
        if self.kind not in ("conv", "linear", "out_linear"):
            raise UsageError(unknown_name("kind of layer", self.kind, ("conv", "linear", "out_linear")))
        for name in ("inputs", "outputs", "kernel", "in_size", "out_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{name} of a layer is {value!r}; give a whole number from 1 on.")

    @property
    def fan_in(self) -> float:
        """Inputs of one output: C R^2, or the features."""
        return float(self.inputs * self.kernel**2)

    @property
    def weights(self) -> float:
        """W."""
        return self.fan_in * self.outputs

    @property
    def out_neurons(self) -> float:
        """O."""
        return float(self.outputs * self.out_size**2)

    @property
    def in_neurons(self) -> float:
        """I."""
        return float(self.inputs * self.in_size**2)


@dataclass(frozen=True)
class SataNet:
    """A network; ``fixed`` is the (T, b) that its workload file hard-codes (quirk 5)."""

    name: str
    layers: tuple[SataLayer, ...]
    fixed: tuple[int, int] | None = None


NETS: Final[Mapping[str, SataNet]] = {
    "vgg5_cifar10": SataNet(
        "vgg5_cifar10",
        (
            SataLayer("conv", 3, 64, 3, 32, 32),
            SataLayer("conv", 64, 128, 3, 16, 16),
            SataLayer("conv", 128, 128, 3, 16, 16),
            SataLayer("linear", 8192, 1024),
            SataLayer("out_linear", 1024, 10),
        ),
    ),
}


@dataclass(frozen=True)
class Quirks:
    """Which quirks of the published model are on; see the module."""

    overwrites: bool = True
    dense_linear: bool = True
    no_output: bool = True
    no_surrogate: bool = True
    hard_coded: bool = True
    dense_memory: bool = True
    wide_spikes: bool = True
    image_gradient: bool = True


LEGACY: Final = Quirks()
REAL: Final = Quirks(*[False] * 8)


@dataclass(frozen=True)
class SataTraining:
    """One training step of one sample.

    Args:
        counts: component -> how many.
        unit_energy: component -> energy of one, as the published code has it (mW at 2.5 ns).
    """

    counts: Mapping[str, float]
    unit_energy: Mapping[str, float]
    net: str = ""
    quirks: Quirks = field(default=LEGACY)

    @property
    def components(self) -> dict[str, float]:
        """Component -> energy in multiply-accumulates of 16 bits."""
        mac = _mW(mac_J())
        return {name: self.counts[name] * (self.unit_energy[name] / mac) for name in self.counts}

    @property
    def groups(self) -> dict[str, float]:
        """Forward, backward and update, computing and memory: energy in multiply-accumulates."""
        parts = self.components
        return {group: sum(parts[name] for name in names) for group, names in GROUPS.items()}

    @property
    def total(self) -> float:
        """Energy in multiply-accumulates of 16 bits."""
        return sum(self.components.values())

    @property
    def energy_J(self) -> float:
        """The same in joules: a multiply-accumulate takes 0.2779 mW for 2.5 ns."""
        return self.total * mac_J()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "net": self.net, "total": self.total, "energy_J": self.energy_J, "groups": self.groups,
            "components": self.components, "counts": dict(self.counts),
        }  # fmt: skip


def sata_training(
    layers: Sequence[SataLayer] | None = None,
    *,
    net: str | SataNet = "vgg5_cifar10",
    T: int = 4,
    fwd_bits: int = 2,
    spike_sparsity: float = 0.9,
    du_sparsity: float = 0.7,
    df_sparsity: float = 0.6,
    quirks: Quirks = LEGACY,
) -> SataTraining:
    """Return the published energy of one training step.

    Args:
        layers: of a network of one's own; None: those of ``net``.
        net: name in ``NETS``, or a network.
        T: time steps.
        fwd_bits: bits of a weight and a membrane on the way forward.
        spike_sparsity, du_sparsity, df_sparsity: shares of zeros, 0..1.
        quirks: which quirks are on; ``LEGACY``, the default, all of them, ``REAL`` none.

    Raises:
        UsageError: an unknown network, no layer, a number out of range, or an argument of another type.

    >>> round(sata_training().total)
    4798986139
    """
    _check_types(layers, net, quirks)
    found = SataNet("layers", tuple(layers)) if layers is not None else _net(net)
    if quirks.hard_coded and found.fixed is not None:
        T, fwd_bits = found.fixed
    zeros = {"spike_sparsity": spike_sparsity, "du_sparsity": du_sparsity, "df_sparsity": df_sparsity}
    _check(found, T, fwd_bits, zeros)
    counts = dict.fromkeys(unit_energies(fwd_bits), 0.0)
    first = True
    for layer in found.layers:
        if layer.kind == "out_linear" and quirks.no_output:
            continue
        if layer.kind != "conv" and quirks.overwrites:
            counts["mac_fwd"] = 0.0
        dense = layer.kind != "conv" and quirks.dense_linear
        s, du, df = (0.0, 0.0, 0.0) if dense else (spike_sparsity, du_sparsity, df_sparsity)
        df = 0.0 if quirks.no_surrogate else df
        for name, value in _compute(layer, T, s, du, df, first, quirks).items():
            counts[name] += value
        for name, value in _memory(layer, T, fwd_bits, spike_sparsity, quirks).items():
            counts[name] += value
        first = False
    return SataTraining(counts, unit_energies(fwd_bits), found.name, quirks)


def unit_energies(fwd_bits: float) -> dict[str, float]:
    """Return component -> energy of one, in the published unit; forward ones scale with their bits."""
    scale = fwd_bits / _WORD
    units = {
        "lif": _power("lif") * scale, "pgu": _power("pgu"), "mac_fwd": _power("ac") * scale,
        "mac_bwd": _power("mac"), "mac_wup": _power("ac"),
    }  # fmt: skip
    for name in TRAFFIC:
        memory, _, phase = name.partition("_")
        units[name] = _MEMORY_mW[memory] * (scale if phase == "fwd" else 1.0)
    return units


def _mW(energy_J: float) -> float:
    return energy_J / CYCLE_s * 1e3


def _power(operation: str) -> float:
    return _mW(sum(count * KERNELS[kernel].value for kernel, count in OPERATIONS[operation].items()))


def _compute(
    layer: SataLayer, T: int, s: float, du: float, df: float, first: bool, quirks: Quirks
) -> dict[str, float]:
    neurons = layer.out_neurons * T
    spikes = (1.0 - s) * layer.fan_in * neurons
    back = (1.0 - du) * layer.weights * layer.in_size**2 * T * (1.0 if first else 1.0 - df)
    if first and not quirks.image_gradient:
        back = 0.0
    return {
        "lif": neurons, "pgu": (1.0 - df) * neurons, "mac_fwd": spikes, "mac_bwd": back, "mac_wup": spikes,
    }  # fmt: skip


def _memory(layer: SataLayer, T: int, bits: int, s: float, quirks: Quirks) -> dict[str, float]:
    spikes = T * layer.in_neurons
    if not quirks.dense_memory:
        spikes = packed_bits(layer.in_neurons, layer.in_neurons * (1.0 - s**T), T)
    counts: dict[str, float] = {}
    for name, traffic in TRAFFIC.items():
        word = float(bits) if quirks.wide_spikes or name.endswith("_fwd") else _WORD
        maps = traffic.of_maps(T * layer.out_neurons, spikes / word)
        counts[name] = traffic.of_weights(layer.weights, float(T)) + maps
    return counts


def _net(net: str | SataNet) -> SataNet:
    if isinstance(net, SataNet):
        return net
    if net not in NETS:
        raise UsageError(unknown_name("network", net, NETS))
    return NETS[net]


def _check_types(layers: object, net: object, quirks: object) -> None:
    """Refuse what only looks like a network or a set of quirks."""
    if not isinstance(quirks, Quirks):
        raise UsageError(
            f"quirks is {quirks!r}; give LEGACY, REAL or Quirks(name=False, ...) of this module."
        )
    if not isinstance(net, str | SataNet):
        raise UsageError(f"net is of type {type(net).__name__}; give a name in NETS or a SataNet.")
    if layers is None:
        return
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise UsageError(
            f"layers are of type {type(layers).__name__}; give a list of SataLayer. A traced network is priced by "
            "axbar.estimate(workload, 'sata')."
        )
    for i, layer in enumerate(cast(Sequence[object], layers)):
        if not isinstance(layer, SataLayer):
            raise UsageError(
                f"layers[{i}] is {layer!r}; give SataLayer(kind, inputs, outputs, kernel, in_size, out_size)."
            )


def _check(net: SataNet, T: int, bits: int, zeros: Mapping[str, float]) -> None:
    if not net.layers:
        raise UsageError(f"the network '{net.name}' has no layers; give at least one.")
    for name, value, most in (("T", T, 10_000), ("fwd_bits", bits, 64)):
        if not is_whole(value, 1, most):
            raise UsageError(f"{name} is {value!r}; give a whole number from 1 to {most}.")
    for name, value in zeros.items():
        if not isinstance(value, Real) or not 0.0 <= float(value) <= 1.0:
            raise UsageError(f"{name} is {value!r}; give a share from 0 to 1.")
