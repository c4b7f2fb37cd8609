"""What the study of dual-sparse accelerators counts: cycles by level, where a speed-up comes from, circuits, formats.

    speed-up = cycles SparTen / cycles LoAS
             = packing  (SparTen / LoAS-nmtk: the same columns over the PEs, all steps in one word)
             * mapping  (LoAS-nmtk / LoAS: rows of spikes instead of columns of weights over the PEs)
             = balance  (SparTen / SparTen with equal work for all PEs, ops / PEs)
             * rest     (what LoAS gains over that)

A ``Case`` is a network's hidden convolutions; all counts add over its layers and samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from axbar.cost.sparse import DATAFLOWS, LayerTensors, bursts, check_inputs, simulate_tensors
from axbar.cost.sparse.codec import FORMATS, compress, coordinate_bits, csr_bits
from axbar.cost.sparse.cycles import tile_cycles
from axbar.cost.sparse.dataflow import Dataflow
from axbar.cost.sparse.join import Tiling, collocated, inner_join
from axbar.cost.sparse.levels import level_counts
from axbar.cost.sparse.ptb import ptb_cycles, ptb_ops
from axbar.published.loas_facts import FLOWS, MASKED, simulator_rows
from axbar.published.loas_layers import NETWORKS
from axbar.published.loas_tensors import fine_tuned, synthetic

__all__ = [
    "CIRCUITS", "LEVELS", "VARIANTS", "Case", "circuits", "cycles_of", "decomposed", "exactness", "formats", "levels",
    "shuffled", "sparsities", "synthetic_case",
]  # fmt: skip

Level = Literal["published", "join", "pipeline"]
LEVELS: Final[tuple[Level, ...]] = ("published", "join", "pipeline")


@dataclass(frozen=True)
class Case:
    """Operands of a network.

    Args:
        name: of the network.
        layers: spikes and weights, layer by layer (and sample by sample).
        masked: the same without single spikes (LoAS-FT).
    """

    name: str
    layers: Sequence[LayerTensors]
    masked: Sequence[LayerTensors]


@dataclass(frozen=True)
class Variant:
    """An accelerator as compared here."""

    flow: str
    balance: str = "none"
    masked: bool = False


VARIANTS: Final[Mapping[str, Variant]] = {
    "sparten": Variant("sparten"),
    "sparten, balanced": Variant("sparten", "greedy"),
    "gospa": Variant("gospa"),
    "gamma": Variant("gamma"),
    "loas-nmtk": Variant("loas-nmtk"),
    "loas": Variant("loas"),
    "loas-ft": Variant("loas", masked=True),
    "ptb": Variant("ptb"),
}

#: name -> prefix sums of a join unit, and whether a tile's addresses are held
CIRCUITS: Final[Mapping[str, tuple[str, bool]]] = {
    "two-fast": ("two-fast", False),
    "fast-laggy": ("fast-laggy", False),
    "fast-laggy, held": ("fast-laggy", True),
    "two-laggy": ("two-laggy", False),
}


def synthetic_case(network: str) -> Case:
    """Return the synthetic tensors of a published network."""
    plain: list[LayerTensors] = []
    masked: list[LayerTensors] = []
    for layer in NETWORKS[network]:
        x, w = synthetic(layer)
        plain.append(check_inputs(x, w))
        masked.append(check_inputs(fine_tuned(x), w))
    return Case(network, plain, masked)


def exactness(cases: Mapping[str, Case]) -> dict[str, int]:
    """Count the rows of the published simulator that the engine returns, digit by digit.

    Returns:
        ``rows`` compared and ``equal`` in cycles and operations; ``simulated`` of them were returned by the authors'
        simulator itself; ``traffic_rows`` list DRAM and SRAM too, ``traffic_equal`` of them are equal (to ten digits;
        Gamma's to the rounding of float32, in which that simulator adds); ``sums_checked``: sums of products that were
        recomputed in the dataflow's own order.
    """
    names = ("rows", "equal", "simulated", "traffic_rows", "traffic_equal", "sums_checked")
    found: dict[str, int] = {name: 0 for name in names}
    for row in simulator_rows():
        if row.network not in cases:
            continue
        case = cases[row.network]
        tensors = (case.masked if row.flow == MASKED else case.layers)[row.layer]
        ours = simulate_tensors(tensors, DATAFLOWS[FLOWS[row.flow]], "published")
        found["rows"] += 1
        found["simulated"] += row.simulated
        found["equal"] += (ours.cycles, ours.ops) == (row.cycles, row.ops)
        found["sums_checked"] += ours.checked_outputs
        if row.dram_KB is not None and row.sram_KB is not None:
            found["traffic_rows"] += 1
            rounding = 2**-23 if row.flow == "gamma_snn" else 1e-9
            KB = np.array([ours.dram_total_bits, ours.sram_total_bits]) / 8192
            found["traffic_equal"] += bool(np.allclose(KB, (row.dram_KB, row.sram_KB), rtol=rounding, atol=0))
    return found


def levels(case: Case, wanted: Sequence[Level] = LEVELS) -> dict[str, dict[str, int]]:
    """Return cycles by level, and operations (``ops``), of every accelerator."""
    found: dict[str, dict[str, int]] = {}
    for name, variant in VARIANTS.items():
        layers = case.masked if variant.masked else case.layers
        flow = DATAFLOWS[variant.flow]
        row: dict[str, int] = {"ops": sum(_ops(layer, flow) for layer in layers)}
        for level in wanted:
            row[level] = cycles_of(case, name, level)
        found[name] = row
    return found


def cycles_of(case: Case, name: str, level: Level) -> int:
    """Return the cycles of one accelerator of ``VARIANTS``."""
    variant = VARIANTS[name]
    layers = case.masked if variant.masked else case.layers
    return sum(_cycles(layer, DATAFLOWS[variant.flow], level, variant.balance) for layer in layers)


def _ops(tensors: LayerTensors, flow: Dataflow) -> int:
    if flow.product == "dense":
        return ptb_ops(tensors, flow)
    return tensors.matches if flow.packed else tensors.acs


def _cycles(tensors: LayerTensors, flow: Dataflow, level: Level, balance: str) -> int:
    if level != "published":
        return level_counts(tensors, flow, level, balance=balance).cycles
    if flow.product == "dense":
        return ptb_cycles(tensors, flow, "published")
    if balance == "none":
        return tile_cycles(tensors, flow).cycles
    return _balanced(tensors, flow)


def _balanced(tensors: LayerTensors, flow: Dataflow) -> int:
    """Return SparTen's cycles if a match is all that takes time and filters are paired greedily."""
    tiling = Tiling(flow.tile.chunk, flow.pes, flow.tile.rows, by_row=False)
    pairs = collocated(tensors.mask, flow.pes)
    return sum(
        inner_join(spikes, tensors.mask, tiling, pairs=pairs, in_vain=0).cycles for spikes in tensors.spikes
    )


def decomposed(
    cycles: Mapping[str, float], sparten_ops: float, pes: int = 16, loas_ops: float | None = None
) -> dict[str, float]:
    """Return the factors of LoAS's speed-up over SparTen.

    Args:
        cycles: accelerator -> cycles at one level; ``sparten, balanced`` may be missing.
        sparten_ops: its operations.
        pes: processing elements.
        loas_ops: LoAS's operations.

    >>> found = decomposed({"sparten": 800, "loas-nmtk": 400, "loas": 100}, sparten_ops=6400)
    >>> found["speedup"], found["packing"], found["mapping"], found["balance"], found["over_perfect"]
    (8.0, 2.0, 4.0, 2.0, 4.0)
    """
    sparten, loas, nmtk = cycles["sparten"], cycles["loas"], cycles["loas-nmtk"]
    perfect = sparten_ops / pes
    found = {
        "speedup": sparten / loas, "packing": sparten / nmtk, "mapping": nmtk / loas, "balance": sparten / perfect,
        "over_perfect": perfect / loas, "sparten_use": perfect / sparten,
    }  # fmt: skip
    if "sparten, balanced" in cycles:
        found["greedy"] = sparten / cycles["sparten, balanced"]
        found["over_greedy"] = cycles["sparten, balanced"] / loas
    if loas_ops is not None:
        found["loas_use"] = loas_ops / pes / loas
        found["fewer_ops"] = sparten_ops / loas_ops
    return found


def shuffled(case: Case, seed: int, *, weights: bool, spikes: bool) -> Case:
    """Return the same counts of non-zeros at places drawn uniformly, layer by layer."""
    rng = np.random.default_rng(seed)

    def moved(layer: LayerTensors) -> LayerTensors:
        w = rng.permutation(layer.weights.ravel()).reshape(layer.weights.shape) if weights else layer.weights
        x = rng.permutation(layer.words.ravel()).reshape(layer.words.shape) if spikes else layer.words
        return LayerTensors(x, layer.steps, w)

    return Case(case.name, [moved(at) for at in case.layers], [moved(at) for at in case.masked])


def circuits(case: Case) -> dict[str, int]:
    """Return LoAS's cycles at level ``pipeline`` by circuit of the join unit; ``join``: at that level."""
    flow = DATAFLOWS["loas"]
    found = {"join": sum(level_counts(layer, flow, "join").cycles for layer in case.layers)}
    for name, (prefix, held) in CIRCUITS.items():
        found[name] = sum(
            level_counts(layer, flow, "pipeline", prefix=prefix, hold_addresses=held).cycles
            for layer in case.layers
        )
    return found


def formats(layers: Sequence[LayerTensors]) -> dict[str, dict[str, float]]:
    """Return what each format of the unfolded spikes takes: stored bits, DRAM bursts, contiguity.

    ``dense``: a bit per neuron and step, without bursts of its own.
    """
    dense = sum(at.steps * at.words.size for at in layers)
    bits = {
        "packed": sum(compress(at.words, at.steps).stored_bits for at in layers),
        "csr": sum(csr_bits(at) for at in layers),
        "coordinate": sum(coordinate_bits(at) for at in layers),
    }
    found: dict[str, dict[str, float]] = {"dense": {"stored_bits": float(dense)}}
    for form in FORMATS:
        each = [bursts(at, form) for at in layers]
        touched, runs = sum(b.bursts for b in each), sum(b.runs for b in each)
        useful = sum(b.useful_bits for b in each)
        found[form] = {
            "stored_bits": float(bits[form]), "bursts": float(touched), "runs": float(runs),
            "bits_per_run": useful / max(1, runs), "useful": useful / max(1, touched * each[0].burst_bits),
        }  # fmt: skip
    return found


def _fullest(layer: LayerTensors) -> float:
    weights = layer.mask.sum(axis=0)
    return float(weights.max() / weights.mean())


def sparsities(layers: Sequence[LayerTensors]) -> dict[str, float]:
    """Return the shares of silent (neuron, step) pairs, of silent neurons, and of zero weights, all unfolded.

    ``fullest_column``: weights of a layer's fullest column over those of a mean one, mean over layers.
    """
    words = sum(at.words.size for at in layers)
    return {
        "AvSpA_origin": 1
        - sum(at.spike_count for at in layers) / sum(at.steps * at.words.size for at in layers),
        "AvSpA_packed": 1 - sum(at.firing_neurons for at in layers) / words,
        "AvSpB": 1 - sum(at.weight_nnz for at in layers) / sum(at.weights.size for at in layers),
        "fullest_column": float(np.mean([_fullest(at) for at in layers if at.weight_nnz])),
        "spikes_per_firing_neuron": sum(at.spike_count for at in layers)
        / max(1, sum(at.firing_neurons for at in layers)),
    }
