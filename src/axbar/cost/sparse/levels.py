"""What a layer takes at the fidelity levels ``join`` and ``pipeline``, for any dataflow.

``join`` adds to the closed form of the published level that looking costs time as well (``axbar.cost.sparse.join``).
``pipeline`` adds what the circuits do with it, always at least the cycles of ``join``:

    LoAS, LoAS-nmtk  prefix sums, FIFO, corrections (``axbar.cost.sparse.pipeline``)
    SparTen          a match per cycle: its spikes are dense bits, so that the weight address is the only prefix sum;
                     with ``prefix="two-laggy"`` that one is laggy, and a join with matches starts Λ cycles later
    GoSPA            the partial sums of a tile are exchanged behind its matches, one row in and one out per cycle and
                     PE (double buffer, one port each way): a tile takes at least as many cycles as it has rows
    Gamma            the merger takes one element per cycle; where a chunk meets a column that has a partial sum,
                     that sum is one element more
    all              fill and drain per set of rows or columns that the PEs take over (GoSPA: per pass over them)

The baselines' pipelines are ours, from first principles; none of their papers' circuits was simulated in detail. A
neuron takes an output per cycle and PE and keeps pace: a PE's outputs lie at least one join apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from axbar.cost.constants import Constant
from axbar.cost.sparse import join as _join
from axbar.cost.sparse.counters import Fidelity
from axbar.cost.sparse.dataflow import Dataflow
from axbar.cost.sparse.join import Joins, Tiling
from axbar.cost.sparse.pipeline import Circuit, Prefix, pipeline_cycles
from axbar.cost.sparse.ptb import ptb_cycles, ptb_joins, ptb_ops
from axbar.cost.sparse.tensors import Bools, LayerTensors
from axbar.errors import UsageError, unknown_name

__all__ = ["ADDERS", "BALANCES", "FIFO_DEPTH", "STAGES", "Balance", "LevelCounts", "level_counts"]

#: ``greedy``: SparTen's pairs of filters, PTB's pairs of inputs with disjoint windows
Balance = Literal["none", "greedy"]
BALANCES: Final[tuple[str, ...]] = get_args(Balance)

_LOAS: Final = "LoAS (Yin et al., MICRO 2024)"
ADDERS: Final = Constant("sparse.laggy.adders", 16, "adder", f"{_LOAS}, laggy prefix sum", "sec")
FIFO_DEPTH: Final = Constant("sparse.fifo.depth", 8, "match", f"{_LOAS}, FIFOs of a PE", "sec")
STAGES: Final = Constant(
    "sparse.pipeline.stages", 3, "cycle", "counted: mask load, prefix sum with fetch, neuron", "assumed",
    note="Gamma: fetch, the levels of a binary merger of the chunk, neuron",
)  # fmt: skip


@dataclass(frozen=True)
class LevelCounts:
    """What one layer took.

    Args:
        cycles: of the array.
        ops: accumulations in the first place; packed words count once for all steps.
        acs: accumulations that the result needs, per step.
        corrections: accumulations that take back what packed words added too much, per step.
        joins: pairs of fibres looked at (inner product: pairs of masks; outer product: tile of spikes per weight;
            Gustavson: tile of weights per spike; PTB: mask words of a group of lanes).
        matched_joins: those of them that held a match.
        notes: assumptions, as sentences.
    """

    cycles: int
    ops: int
    acs: int
    corrections: int
    joins: int
    matched_joins: int
    notes: tuple[str, ...] = ()


def level_counts(
    tensors: LayerTensors,
    flow: Dataflow,
    fidelity: Fidelity,
    pes: int | None = None,
    balance: str = "none",
    prefix: str = "fast-laggy",
    *,
    adders: int = int(ADDERS.value),
    fifo_depth: int = int(FIFO_DEPTH.value),
    hold_addresses: bool = False,
) -> LevelCounts:
    """Return the counts of one layer.

    Args:
        tensors: operands.
        flow: dataflow.
        fidelity: ``join`` or ``pipeline``; ``published`` for PTB alone, which has no published counts of its own.
        pes: processing elements; None for those of the dataflow.
        balance: ``greedy`` pairs filters (``sparten``) or inputs (``ptb``).
        prefix: prefix sums of an inner-join unit (``axbar.cost.sparse.pipeline``); ``pipeline`` only.
        adders, fifo_depth, hold_addresses: of the inner-join unit; ``pipeline`` only.

    Raises:
        UsageError: an unknown word, a balance that the dataflow does not have, or a circuit that can't be.
    """
    _check_words(flow, fidelity, balance)
    flow = flow if pes is None else flow.with_pes(pes)
    circuit = Circuit(cast(Prefix, prefix), adders, fifo_depth, hold_addresses, stages=_stages(flow))
    if 0 in tensors.shape:
        return LevelCounts(0, 0, 0, 0, 0, 0, (tensors.empty,))
    if flow.product == "dense":
        return _dense(tensors, flow, fidelity, packed=balance == "greedy")
    found = _counted(tensors, flow, fidelity, circuit, balance == "greedy")
    pseudo = flow.packed and (fidelity == "join" or circuit.prefix == "fast-laggy")
    corrections = tensors.steps * found.matches - tensors.acs if pseudo else 0
    return LevelCounts(
        found.cycles, found.matches, tensors.acs, corrections, found.scanned, found.matched,
        _notes(flow, fidelity, circuit, balance),
    )  # fmt: skip


def _check_words(flow: Dataflow, fidelity: str, balance: str) -> None:
    levels = ("published", "join", "pipeline") if flow.product == "dense" else ("join", "pipeline")
    if fidelity not in levels:
        raise UsageError(unknown_name("fidelity of this level of detail", fidelity, levels))
    if balance not in BALANCES:
        raise UsageError(unknown_name("balance", balance, BALANCES))
    pairs_filters = flow.product == "inner" and flow.split == "column" and not flow.packed
    if balance == "greedy" and not (pairs_filters or flow.product == "dense"):
        raise UsageError(
            f"dataflow '{flow.name}' has no balance 'greedy'; SparTen pairs filters, PTB pairs inputs: use 'none'."
        )


def _stages(flow: Dataflow) -> int:
    if flow.product == "gustavson":
        return 2 + math.ceil(math.log2(max(2, flow.tile.chunk)))
    return int(STAGES.value)


def _tiling(flow: Dataflow) -> Tiling:
    by_row = flow.split == "row"
    return Tiling(flow.tile.chunk, flow.pes, flow.tile.cols if by_row else flow.tile.rows, by_row)


def _counted(tensors: LayerTensors, flow: Dataflow, fidelity: str, circuit: Circuit, greedy: bool) -> Joins:
    tiling, mask, piped = _tiling(flow), tensors.mask, fidelity == "pipeline"
    if flow.product == "inner" and flow.packed:
        found = _join.inner_join(tensors.fires, mask, tiling)
        if not piped:
            return found
        cycles = pipeline_cycles(tensors.fires, mask, tiling, circuit)
        return Joins(cycles, found.scanned, found.matched, found.matches)
    found = Joins()
    pairs = _join.collocated(mask, flow.pes) if greedy else None
    for step in range(tensors.steps):
        spikes = (tensors.words >> tensors.words.dtype.type(step)) & 1 != 0
        found += _one_step(spikes, mask, flow, tiling, circuit if piped else None, pairs)
    return found + Joins(circuit.stages * _sets(tensors, flow, greedy)) if piped else found


def _one_step(
    spikes: Bools,
    mask: Bools,
    flow: Dataflow,
    tiling: Tiling,
    circuit: Circuit | None,
    pairs: _join.Ints | None,
) -> Joins:
    """Return the joins of one step of a flow that takes steps one by one; ``circuit`` is None at level join."""
    if flow.product == "outer":
        return _join.outer_join(spikes, mask, tiling, at_least=0 if circuit is None else 1)
    if flow.product == "gustavson":
        return _join.gustavson_join(spikes, mask, tiling, merge_partials=circuit is not None)
    laggy = circuit is not None and circuit.prefix == "two-laggy"
    ahead = circuit.laggy_cycles(tiling.chunk) if circuit is not None and laggy else 0
    return _join.inner_join(spikes, mask, tiling, pairs=pairs, ahead=ahead)


def _sets(tensors: LayerTensors, flow: Dataflow, greedy: bool) -> int:
    """Return how often the PEs take over rows or columns of their own."""
    _, rows, inputs, outputs = tensors.shape
    shared = rows if flow.split == "row" else outputs
    sets = -(-shared // (flow.pes * (2 if greedy else 1)))
    return sets * -(-inputs // flow.tile.chunk) if flow.product == "outer" else sets


def _dense(tensors: LayerTensors, flow: Dataflow, fidelity: Fidelity, *, packed: bool) -> LevelCounts:
    joins, matched = ptb_joins(tensors, flow)
    return LevelCounts(
        ptb_cycles(tensors, flow, fidelity, packed=packed), ptb_ops(tensors, flow), tensors.acs, 0, joins, matched,
        ("PTB is our model from first principles; only trends compare with published figures",),
    )  # fmt: skip


def _notes(flow: Dataflow, fidelity: str, circuit: Circuit, balance: str) -> tuple[str, ...]:
    notes = ["a mask word is as wide as the chunk: one look per cycle (assumed)"]
    if flow.product != "inner":
        notes = ["a fibre that turns out empty takes one cycle (our floor, by analogy with inner joins)"]
    if balance == "greedy":
        notes.append("two filters per PE, the densest of one tile with the sparsest of the next")
    if fidelity == "pipeline" and flow.packed:
        how = "once per tile" if circuit.hold_addresses else "for every join with a match (assumed)"
        when = f"; addresses of spike words are computed {how}" if circuit.prefix == "fast-laggy" else ""
        notes.append(f"prefix sums {circuit.prefix}{when}")
    elif fidelity == "pipeline":
        notes.append(f"the pipeline of {flow.name} is ours, from first principles")
    return tuple(notes)
