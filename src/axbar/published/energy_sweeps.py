"""What the study of energy asks beside its methods: networks as published, charges, steps, spike rates, training.

**Networks as published.** Layers of VGG9 and CIFARNet7 as the open code of SATA lists them, ResNet19 as
``axbar.workload.shapes`` has it; T and sparsity as published, one rate in every layer, weights dense. Published
energies are those that the open code stores, at 8 bits per spike.

**Charges.** The published model charges the energy of a DRAM block of 128 B (0.469 nJ) for every byte, and that of a
buffer's line of 32 B (0.0110 nJ read, 0.0286 nJ written) for every byte. With its shares e of the energy, charged per
block and line of which every byte is used,

    E' / E = 1 - (1 - 1/32) e_SRAM - (1 - 1/128) e_DRAM.

0.469 nJ for 128 B is 0.46 pJ/bit, less than any DRAM takes, and per byte 59 pJ/bit; with 8 pJ/bit (LPDDR4)

    E'' / E = 1 - (1 - 1/32) e_SRAM - (1 - 64/469) e_DRAM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from axbar.cost import Estimate, estimate
from axbar.cost.components.dram import KINDS
from axbar.cost.fair import ann_bits, as_ann
from axbar.published.energy_chips import CHIPS, Row, chip, conventional_J, figures, on_chips
from axbar.published.snn_imc_networks import with_rates
from axbar.workload import LayerShape, Workload, shapes

__all__ = [
    "RATE_BITS", "RATE_STEPS", "WORKS", "Work", "as_published", "crossover", "mended", "network_of", "rates", "sparse",
    "steps", "training",
]  # fmt: skip

RATE_STEPS, RATE_BITS = 5, 3  # as arXiv 2409.08290 compares them
DRAM_nJ_PER_B, BLOCK_B, LINE_B = 0.469, 128, 32
#: (inputs, outputs, rows of the map; 0 for linear layers), as in the open code's workload files
_LAYERS: Final[Mapping[str, tuple[tuple[int, int, int], ...]]] = {
    "VGG9": (
        (3, 64, 32), (64, 64, 32), (64, 128, 16), (128, 128, 8), (128, 256, 4), (256, 256, 4), (256, 256, 4),
        (1024, 1024, 0), (1024, 512, 0),
    ),
    "CIFARNet7": (
        (3, 128, 32), (128, 256, 32), (256, 512, 16), (512, 1024, 8), (1024, 512, 4), (8192, 1024, 0), (1024, 512, 0),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """One published row.

    Args:
        name: of the method.
        net, steps, sparsity: network, T and share of zero spikes.
        estimate_J, energy_J: by counting accumulates, and of the published model.
        shares: of neurons, scratchpads, products, buffers and DRAM in the latter, 0..1.
    """

    name: str
    net: str
    steps: int
    sparsity: float
    estimate_J: float
    energy_J: float
    shares: tuple[float, float, float, float, float]

    @property
    def ratio(self) -> float:
        """Published energy over published estimate."""
        return self.energy_J / self.estimate_J


#: arXiv 2309.03388, as its open code stores it; its figures were not compared
WORKS: Final = (
    Work("tdBN", "ResNet19", 4, 0.85, 132_774e-9, 5.44e-2, (0.027, 0.107, 0.011, 0.191, 0.665)),
    Work("TSSL-BP", "CIFARNet7", 5, 0.90, 57_819e-9, 3.11e-2, (0.029, 0.113, 0.011, 0.198, 0.649)),
    Work("direct", "CIFARNet7", 10, 0.90, 116_805e-9, 3.83e-2, (0.041, 0.163, 0.016, 0.254, 0.526)),
    Work("BNTT", "VGG9", 20, 0.91, 42_186e-9, 5.79e-3, (0.058, 0.229, 0.022, 0.334, 0.356)),
    Work("SBP", "VGG9", 50, 0.90, 117_183e-9, 1.07e-2, (0.075, 0.297, 0.029, 0.406, 0.193)),
    Work("LTH", "ResNet19", 5, 0.98, 26_684e-9, 5.69e-2, (0.030, 0.115, 0.011, 0.208, 0.636)),
)


def mended(work: Work) -> dict[str, float]:
    """Return what is left of the published energy, 0..1: charged per block, and with an LPDDR4's energy per bit."""
    sram, dram = work.shares[3:]
    lines = 1.0 - (1.0 - 1.0 / LINE_B) * sram
    real = 8.0 * KINDS["lpddr4"].value / (DRAM_nJ_PER_B * 1e-9)
    return {"blocks": lines - (1.0 - 1.0 / BLOCK_B) * dram, "lpddr4": lines - (1.0 - real) * dram}


def network_of(net: str, steps: int, rate: float) -> Workload:
    """Return a published network by shape, one spike rate in all layers behind the first."""
    if net == "ResNet19":
        return shapes.resnet19(steps=steps, rate=rate)
    layers: list[LayerShape] = []
    for number, (inputs, outputs, size) in enumerate(_LAYERS[net], start=1):
        own: dict[str, Any] = {"op": "conv2d", "in_size": size} if size else {"op": "linear", "in_size": 1}
        own |= {"bits": 8, "rate": 0.5, "steps": 1} if number == 1 else {"rate": rate}
        layers.append(LayerShape(inputs, outputs, f"layer{number}", **own))
    return Workload.from_layers(layers, steps=steps, name=net)


def as_published(works: Sequence[Work] = WORKS) -> dict[str, Any]:
    """Return every published row beside the same network on every chip."""
    found: dict[str, Any] = {}
    for work in works:
        workload = network_of(work.net, work.steps, 1.0 - work.sparsity)
        found[work.name] = {
            "net": work.net, "T": work.steps, "sparsity": work.sparsity, "published_J": work.energy_J,
            "published_estimate_J": work.estimate_J, "published_products": work.shares[2], "mended": mended(work),
            "estimate": conventional_J(workload), "chips": on_chips(workload),
        }  # fmt: skip
    return found


def sparse(workload: Workload) -> dict[str, float]:
    """Return the systolic array's energy blind to zeros, with zeros gated, with spikes packed, in joules."""
    cases: dict[str, dict[str, Any]] = {
        "blind": {"gating": "none"}, "gated": {}, "packed": {"memory.spikes": "packed"},
        "8-bit spikes": {"spike_bits": 8, "gating": "none"},
    }  # fmt: skip
    return {
        name: figures(estimate(workload, chip("systolic", changes=changes)))["energy_J"]
        for name, changes in cases.items()
    }


def steps(values: Sequence[int], spike_rates: Mapping[str, float], bits: int = 8) -> dict[str, Any]:
    """Return VGG9 by T on every chip beside its conventional twins of 8 and of ceil(log2(T + 1)) bits.

    The spike rates are the same for all T.
    """
    table: dict[str, Any] = {}
    for T in values:
        snn = with_rates(shapes.vgg9(steps=T), dict(spike_rates))
        few = ann_bits(T)
        table[str(T)] = {
            "snn": on_chips(snn),
            "ann": on_chips(as_ann(snn, bits), input_bits=bits),
            "ann_few": on_chips(as_ann(snn, few), input_bits=few),
            "few": few,
        }
    return table


def crossover(networks: Mapping[int, Workload], ann: Workload) -> dict[str, Any]:
    """Return trained networks by T on every chip beside the trained conventional one."""
    table: dict[str, Any] = {}
    whole = on_chips(ann, input_bits=8)
    for T, workload in networks.items():
        few = ann_bits(T)
        table[str(T)] = {
            "snn": on_chips(workload), "ann": whole, "ann_few": on_chips(ann, input_bits=few), "few": few,
        }  # fmt: skip
    return table


def rates(values: Sequence[float], spike_rates: Mapping[str, float]) -> dict[str, Any]:
    """Return VGG9 of five steps by spike rate on every chip, and its 3-bit twin with the trained rates."""
    many = shapes.vgg9(steps=RATE_STEPS)
    table: dict[str, dict[str, list[float]]] = {
        name: {"rate": [], "energy_J": [], "behind_J": []} for name in CHIPS
    }
    for rate in values:
        every = {layer.name: rate for layer in many.matmuls}
        for name, row in on_chips(with_rates(many, every)).items():
            table[name]["rate"].append(rate)
            table[name]["energy_J"].append(row["energy_J"])
            table[name]["behind_J"].append(row["behind_J"])
    twin = as_ann(with_rates(many, dict(spike_rates)), RATE_BITS)
    rows = on_chips(twin, input_bits=RATE_BITS)
    return {
        "spiking": table,
        "twin": {n: {q: row[q] for q in ("energy_J", "behind_J")} for n, row in rows.items()},
    }


_COMPUTE: Final = ("lif", "pgu", "mac_fwd", "mac_bwd", "mac_wup")


def training(networks: Mapping[str, tuple[Workload, int]]) -> dict[str, dict[str, Row]]:
    """Return a training step of each network on the systolic array, by how reads of the buffer are counted.

    Args:
        networks: name -> workload with traced gradients, bits of an input that is no spike.
    """
    found: dict[str, dict[str, Row]] = {}
    for name, (workload, bits) in networks.items():
        for reads in ("systolic", "systolic, table"):
            changes = {"task": "training", "input.bits": bits}
            gated = estimate(workload, chip(reads, changes=changes))
            blind = estimate(workload, chip(reads, changes={**changes, "gating": "none"}))
            found.setdefault(reads, {})[name] = {
                **figures(gated), "phases": _phases_J(gated), "compute_J": _compute_J(gated),
                "blind_compute_J": _compute_J(blind), "blind_J": float(blind.total("energy_J")[0]),
            }  # fmt: skip
    return found


_CLOCKED: Final = "registers and control"
_PHASES: Final = {
    "lif": "forward", "fwd": "forward", "pgu": "backward", "bwd": "backward", "wup": "update",
    "registers": _CLOCKED, "control": _CLOCKED,  # of all phases
}  # fmt: skip


def _phases_J(found: Estimate) -> dict[str, float]:
    phases: dict[str, float] = {name: 0.0 for name in ("forward", "backward", "update", _CLOCKED, "leakage")}
    for name, value in zip(found.components, found.by_component("energy_J")[0], strict=True):
        phases[_PHASES.get(name.rpartition("_")[2], name)] += float(value)
    return phases


def _compute_J(found: Estimate) -> float:
    values = dict(zip(found.components, map(float, found.by_component("energy_J")[0]), strict=True))
    return sum(values[name] for name in _COMPUTE)
